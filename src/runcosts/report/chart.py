"""A chart of stacked bars over days: where everything stands, in pixels of its picture."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from runcosts.forecast_text import amount
from runcosts.report.marks import Mark

LEFT, RIGHT, TOP, BOTTOM = 54, 20, 20, 26
MOST_COLOURS = 6
OTHERS = "others"
GAP = 0.22
STEPS = tuple(Decimal(step).scaleb(power) for power in range(-6, 7) for step in (1, 2, 5))


@dataclass(frozen=True)
class Piece:
    """A part of a bar; `colour` counts from 1."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    title: str


@dataclass(frozen=True)
class Label:
    """A text at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """All that a template draws. `legend` names the colours, from 1."""

    width: int
    height: int
    pieces: tuple[Piece, ...]
    grid: tuple[Label, ...]
    days: tuple[Label, ...]
    marks: tuple[Label, ...]
    legend: tuple[str, ...]
    right: int


def draw_chart(
    sums: Mapping[tuple[dt.date, str], Decimal],
    names: Sequence[str],
    period: tuple[dt.date, dt.date],
    marks: Sequence[Mark],
    size: tuple[int, int],
) -> Chart:
    """Bars of amounts by day and name.

    Args:
        sums: by day and name.
        names: from the bottom of the bars; beyond six, the last ones are drawn as others.
        period: first and last day.
        marks: vertical lines, numbered from 1 in this order.
        size: width and height in pixels.
    """
    width, height = size
    days = [period[0] + dt.timedelta(days=number) for number in range((period[1] - period[0]).days + 1)]
    legend = [*names[: MOST_COLOURS - 1], OTHERS] if len(names) > MOST_COLOURS else list(names)
    stacks = {day: _stack(sums, names, legend, day) for day in days}
    top, step = _scale(max((sum(stack.values(), Decimal(0)) for stack in stacks.values()), default=Decimal(0)))
    pitch, foot = (width - LEFT - RIGHT) / len(days), height - BOTTOM
    scale = (foot - TOP) / float(top)
    bars = (_bar(day, stacks[day], LEFT + index * pitch, pitch, foot, scale) for index, day in enumerate(days))
    lines = [step * number for number in range(int(top / step) + 1)]
    return Chart(
        width,
        height,
        tuple(piece for bar in bars for piece in bar),
        tuple(Label(LEFT, round(foot - float(line) * scale, 2), f"{line.normalize():f}") for line in lines),
        tuple(_day_labels(days, pitch, height)),
        tuple(_mark_labels(marks, days, pitch)),
        tuple(legend),
        width - RIGHT,
    )


def _bar(
    day: dt.date, stack: Mapping[str, Decimal], left: float, pitch: float, foot: float, scale: float
) -> Iterator[Piece]:
    """The pieces of a day, from below."""
    for colour, (name, value) in enumerate(stack.items(), 1):
        tall = float(value) * scale
        foot -= tall
        if value > 0:
            title = f"{day:%a %d %b}: {name}, {amount(value)}"
            x, width = round(left + pitch * GAP / 2, 2), round(pitch * (1 - GAP), 2)
            yield Piece(x, round(foot, 2), width, round(tall, 2), colour, title)


def _stack(
    sums: Mapping[tuple[dt.date, str], Decimal], names: Sequence[str], legend: Sequence[str], day: dt.date
) -> dict[str, Decimal]:
    stack = dict.fromkeys(legend, Decimal(0))
    for name in names:
        stack[name if name in stack else OTHERS] += sums.get((day, name), Decimal(0))
    return stack


def _scale(highest: Decimal) -> tuple[Decimal, Decimal]:
    """The end of the axis, and the distance of its lines: at most five of a round number."""
    if highest <= 0:
        return Decimal(1), Decimal(1)
    step = next(step for step in STEPS if highest / step <= 4)  # noqa: PLR2004 - five lines with that of 0
    return step * ceil(highest / step), step


def _day_labels(days: Sequence[dt.date], pitch: float, height: int) -> list[Label]:
    """As many as there is room for: about 46 pixels each."""
    every = ceil(46 / pitch)
    shown = [(index, day) for index, day in enumerate(days) if (len(days) - 1 - index) % every == 0]
    return [Label(round(LEFT + (index + 0.5) * pitch, 2), height - 8, f"{day.day} {day:%b}") for index, day in shown]


def _mark_labels(marks: Sequence[Mark], days: Sequence[dt.date], pitch: float) -> list[Label]:
    return [
        Label(round(LEFT + (mark.day - days[0]).days * pitch + pitch / 2, 2), TOP - 6, str(number))
        for number, mark in enumerate(marks, 1)
    ]
