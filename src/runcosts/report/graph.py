"""Where the tasks of a job stand in a picture of its graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from graphlib import TopologicalSorter
from typing import Any

from runcosts.forecast_text import amount

WIDTH, HEIGHT, ALONG, ACROSS, DOWN, MARGIN = 168, 58, 44, 18, 34, 6
LONGEST = 20


@dataclass(frozen=True)
class Box:
    """A task: its name, its usual cost, and the share of the job's that this is, from 0 to 1."""

    x: int
    y: int
    key: str
    cost: str
    share: float

    @property
    def name(self) -> str:
        """As much of the key as there is room for."""
        return self.key if len(self.key) <= LONGEST else f"{self.key[: LONGEST - 1]}…"


@dataclass(frozen=True)
class Graph:
    """Boxes, and the lines between them as paths."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]


def draw_graph(tasks: Sequence[Mapping[str, Any]], costs: Mapping[str, Decimal], *, downwards: bool) -> Graph:
    """Tasks in layers, each after everything that it waits for.

    Args:
        tasks: of a resolved bundle's job.
        costs: the usual cost of each; tasks without one are not known to cost anything.
        downwards: layers below each other, instead of from left to right.
    """
    before = {task["task_key"]: [one["task_key"] for one in task.get("depends_on", [])] for task in tasks}
    places = _places(before)
    corners = {key: _corner(*place, downwards=downwards) for key, place in places.items()}
    whole = sum(costs.values(), Decimal(0))
    boxes = tuple(
        Box(*corners[key], key, amount(costs.get(key)), float(costs.get(key, Decimal(0)) / whole) if whole else 0.0)
        for key in before
    )
    lines = tuple(
        _line(corners[one], corners[key], downwards=downwards) for key, others in before.items() for one in others
    )
    right, bottom = max(x for x, _ in corners.values()), max(y for _, y in corners.values())
    return Graph(right + WIDTH + MARGIN, bottom + HEIGHT + MARGIN, boxes, lines)


def _places(before: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Layer, and place in it."""
    layers: dict[str, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for key in TopologicalSorter(before).static_order():
        layers[key] = max((layers[other] + 1 for other in before[key]), default=0)
        places[key] = (layers[key], sum(1 for layer in layers.values() if layer == layers[key]) - 1)
    return places


def _corner(layer: int, place: int, *, downwards: bool) -> tuple[int, int]:
    if downwards:
        return MARGIN + place * (WIDTH + ACROSS), MARGIN + layer * (HEIGHT + DOWN)
    return MARGIN + layer * (WIDTH + ALONG), MARGIN + place * (HEIGHT + ACROSS)


def _line(start: tuple[int, int], end: tuple[int, int], *, downwards: bool) -> str:
    if downwards:
        x1, y1, x2, y2 = start[0] + WIDTH // 2, start[1] + HEIGHT, end[0] + WIDTH // 2, end[1] - 6
        middle = (y1 + y2) // 2
        return f"M{x1},{y1} C{x1},{middle} {x2},{middle} {x2},{y2}"
    x1, y1, x2, y2 = start[0] + WIDTH, start[1] + HEIGHT // 2, end[0] - 6, end[1] + HEIGHT // 2
    middle = (x1 + x2) // 2
    return f"M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}"
