"""Where the tasks of a run stand in its picture, and how the lines between them run."""

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

from localjobs.state.records import Task

NODE_WIDTH, NODE_HEIGHT = 176, 52
GAP_ALONG, GAP_ACROSS, GAP_DOWN = 56, 20, 40
_MARGIN = 6
_TIP = 6
_LINE, _LONG_LINE = 18, 21
"""Characters that fit into a box: in one line, in each of two smaller ones."""


@dataclass(frozen=True)
class Node:
    """A task's box."""

    task: Task
    x: int
    y: int

    @property
    def lines(self) -> tuple[str, ...]:
        """The task's name, in two lines if it is long; what fits into neither is left to the box's title."""
        return break_name(self.task.name)


@dataclass(frozen=True)
class Edge:
    """A line between two boxes, with the answer that it stands for and the middle where that is written."""

    path: str
    label: str
    x: int
    y: int


@dataclass(frozen=True)
class Picture:
    """The graph of a run, in pixels."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def draw_graph(tasks: Iterable[Task], *, downwards: bool) -> Picture:
    """Tasks in layers, each right of (or below) everything that it depends on; lines pass beside the boxes."""
    tasks = tuple(tasks)
    layers = _layers(tasks)
    chains = {
        (dep.task_key, task.task_key): _chain(dep.task_key, task.task_key, layers)
        for task in tasks
        for dep in task.depends_on
    }
    corners = _place(_rows(layers, chains.values()), chains.values(), downwards=downwards)
    nodes = tuple(Node(task, *corners[task.task_key]) for task in tasks)
    edges = tuple(
        _edge([corners[key] for key in chains[dep.task_key, task.task_key]], dep.outcome or "", downwards=downwards)
        for task in tasks
        for dep in task.depends_on
    )
    far = [_far_corner(corner, 1 if key in layers else 2, downwards=downwards) for key, corner in corners.items()]
    return Picture(nodes, edges, max(x for x, _ in far) + _MARGIN, max(y for _, y in far) + _MARGIN)


def _far_corner(corner: tuple[int, int], share: int, *, downwards: bool) -> tuple[int, int]:
    """Where a box ends; or, with a share of 2, a line that passes beside boxes, in the middle of its place."""
    x, y = corner
    if downwards:
        return x + NODE_WIDTH // share, y + NODE_HEIGHT
    return x + NODE_WIDTH, y + NODE_HEIGHT // share


def break_name(name: str) -> tuple[str, ...]:
    """A name as one line, or as two, where it can be broken between words."""
    if len(name) <= _LINE:
        return (name,)
    between = max(name.rfind(sign, 0, _LONG_LINE) for sign in "_-. ") + 1
    cut = between if between > _LONG_LINE // 2 else _LONG_LINE
    first, second = name[:cut], name[cut:]
    return (first, second if len(second) <= _LONG_LINE else f"{second[: _LONG_LINE - 1]}…") if second else (first,)


def _layers(tasks: tuple[Task, ...]) -> dict[str, int]:
    """The length of the longest way to each task."""
    above = {task.task_key: [dep.task_key for dep in task.depends_on] for task in tasks}
    layers: dict[str, int] = {}
    for key in TopologicalSorter(above).static_order():
        layers[key] = max((layers[other] + 1 for other in above[key]), default=0)
    return layers


def _chain(start: str, end: str, layers: dict[str, int]) -> list[str]:
    """The places that a line passes: its two tasks, and one for each layer between them."""
    between = [f"{start} → {end} @ {layer}" for layer in range(layers[start] + 1, layers[end])]
    return [start, *between, end]


def _rows(layers: dict[str, int], chains: Iterable[list[str]]) -> list[list[str]]:
    """Every layer's tasks, and the lines that pass through it."""
    rows: list[list[str]] = [[] for _ in range(max(layers.values()) + 1)]
    for key, layer in layers.items():
        rows[layer].append(key)
    for chain in chains:
        for offset, key in enumerate(chain[1:-1], 1):
            rows[layers[chain[0]] + offset].append(key)
    return rows


def _place(rows: list[list[str]], chains: Iterable[list[str]], *, downwards: bool) -> dict[str, tuple[int, int]]:
    """The corner of every box; within a layer each stands near the middle of what comes before it."""
    before: dict[str, list[str]] = {}
    for chain in chains:
        for one, other in pairwise(chain):
            before.setdefault(other, []).append(one)
    widest = max(len(row) for row in rows)
    across: dict[str, float] = {}
    corners: dict[str, tuple[int, int]] = {}
    for depth, row in enumerate(rows):
        for index, key in enumerate(sorted(row, key=lambda key: _middle(before.get(key, []), across))):
            across[key] = index + (widest - len(row)) / 2
            corners[key] = _corner(depth, across[key], downwards=downwards)
    return corners


def _middle(keys: list[str], across: dict[str, float]) -> float:
    return sum(across[key] for key in keys) / len(keys) if keys else 0.0


def _corner(depth: int, across: float, *, downwards: bool) -> tuple[int, int]:
    if downwards:
        return round(_MARGIN + across * (NODE_WIDTH + GAP_ACROSS)), _MARGIN + depth * (NODE_HEIGHT + GAP_DOWN)
    return _MARGIN + depth * (NODE_WIDTH + GAP_ALONG), round(_MARGIN + across * (NODE_HEIGHT + GAP_ACROSS))


def _edge(corners: list[tuple[int, int]], label: str, *, downwards: bool) -> Edge:
    """A line that leaves the first box, passes straight through the free places, and ends at the last box."""
    entries = [(x + NODE_WIDTH // 2, y) if downwards else (x, y + NODE_HEIGHT // 2) for x, y in corners]
    exits = [(x, y + NODE_HEIGHT) if downwards else (x + NODE_WIDTH, y) for x, y in entries]
    tip = (entries[-1][0], entries[-1][1] - _TIP) if downwards else (entries[-1][0] - _TIP, entries[-1][1])
    path = f"M{exits[0][0]},{exits[0][1]}"
    for start, end, through in zip(exits, [*entries[1:-1], tip], [*exits[1:-1], tip], strict=False):
        path += f" {_curve(start, end, downwards=downwards)} L{through[0]},{through[1]}"
    second = entries[1]
    return Edge(path, label, (exits[0][0] + second[0]) // 2, (exits[0][1] + second[1]) // 2)


def _curve(start: tuple[int, int], end: tuple[int, int], *, downwards: bool) -> str:
    (x1, y1), (x2, y2) = start, end
    if downwards:
        bend = (y2 - y1) // 2
        return f"C{x1},{y1 + bend} {x2},{y2 - bend} {x2},{y2}"
    bend = (x2 - x1) // 2
    return f"C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
