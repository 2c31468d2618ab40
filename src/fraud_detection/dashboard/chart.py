"""Lines and bars: where everything stands, in pixels of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

Point = tuple[str, str, float]
"""Place on the axis, series, value."""

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 36, 12, 28
LINES, LABEL_PIXELS = 4, 84
SERIES = 6


@dataclass(frozen=True)
class Mark:
    """A dot of a line, or a bar; `series` counts from 1."""

    x: float
    y: float
    width: float
    height: float
    series: int
    title: str


@dataclass(frozen=True)
class Text:
    """A label of an axis."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """What a template draws."""

    marks: tuple[Mark, ...]
    paths: tuple[tuple[int, str], ...]
    grid: tuple[Text, ...]
    axis: tuple[Text, ...]
    legend: tuple[str, ...]


def draw(points: Sequence[Point], *, bars: bool) -> Chart:
    """A chart of at least one point; of more than six series the first six by name."""
    places = list(dict.fromkeys(place for place, _, _ in points))
    names = sorted({series for _, series, _ in points})[:SERIES]
    shown = [point for point in points if point[1] in names]
    least, most, step = _scale([value for _, _, value in shown])
    plane = _Plane(places, names, least, most)
    values = [least + step * count for count in range(round((most - least) / step) + 1)]
    every = ceil(LABEL_PIXELS / plane.pitch)
    return Chart(
        tuple((plane.bar if bars else plane.dot)(point) for point in shown),
        () if bars else tuple((names.index(name) + 1, plane.path(shown, name)) for name in names),
        tuple(Text(LEFT, round(plane.down(value), 1), word(value)) for value in values),
        tuple(Text(round(plane.across(place), 1), HEIGHT - 8, place) for place in places[::-1][::every]),
        tuple(names) if names != [""] else (),
    )


@dataclass(frozen=True)
class _Plane:
    """Values to pixels."""

    places: Sequence[str]
    names: Sequence[str]
    least: float
    most: float

    @property
    def pitch(self) -> float:
        return (WIDTH - LEFT - RIGHT) / len(self.places)

    def across(self, place: str) -> float:
        return LEFT + (self.places.index(place) + 0.5) * self.pitch

    def down(self, value: float) -> float:
        return TOP + (self.most - value) / (self.most - self.least) * (HEIGHT - TOP - BOTTOM)

    def dot(self, point: Point) -> Mark:
        place, name, value = point
        x, y = round(self.across(place), 1), round(self.down(value), 1)
        return Mark(x, y, 0, 0, self.names.index(name) + 1, _title(point))

    def bar(self, point: Point) -> Mark:
        place, name, value = point
        thick = self.pitch * 0.8 / len(self.names)
        left = self.across(place) - self.pitch * 0.4 + self.names.index(name) * thick
        top, base = sorted((self.down(value), self.down(0)))
        number = self.names.index(name) + 1
        return Mark(round(left, 1), round(top, 1), round(thick, 1), round(base - top, 1), number, _title(point))

    def path(self, points: Sequence[Point], name: str) -> str:
        own = [(self.across(place), self.down(value)) for place, series, value in points if series == name]
        return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in own)


def _title(point: Point) -> str:
    place, name, value = point
    return f"{place}, {name}: {word(value)}" if name else f"{place}: {word(value)}"


def word(value: float) -> str:
    """A number as people read it."""
    if value == round(value) and abs(value) < 1e15:  # noqa: PLR2004  beyond, doubles have gaps
        return f"{value:,.0f}"
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004  from there on cents don't matter


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """Ends of the axis, which holds 0, and the distance of its lines."""
    low, high = min(0.0, *values), max(0.0, *values)
    rough = (high - low) / LINES or 1.0
    power = 10.0 ** floor(log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough)
    return floor(low / step) * step, max(ceil(high / step), floor(low / step) + 1) * step, step
