"""How many nodes are up at once, and where that passes a limit."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from runcosts.plan.week import ALL_NODES, DAYS, PlannedJob

HOURS = 24


@dataclass(frozen=True)
class Span:
    """Nodes of a job's cluster between two moments."""

    what: str
    begin: dt.datetime
    end: dt.datetime
    nodes: int
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """From this moment on, so many nodes are up, of these."""

    moment: dt.datetime
    nodes: int
    what: tuple[str, ...]


@dataclass(frozen=True)
class Overload:
    """A time in which more nodes are wanted than there may be."""

    scope: str
    begin: dt.datetime
    end: dt.datetime
    nodes: int
    limit: int
    what: tuple[str, ...]


def spans_of(jobs: Iterable[PlannedJob]) -> list[Span]:
    """Every cluster of every run."""
    return [
        Span(
            f"{job.job}.{need.task_key}",
            start + dt.timedelta(seconds=float(need.begin)),
            start + dt.timedelta(seconds=float(need.end)),
            need.nodes,
            need.scopes,
        )
        for job in jobs
        for start in job.starts
        for need in job.needs
    ]


def steps(spans: Iterable[Span], scope: str = ALL_NODES) -> list[Step]:
    """The nodes of a scope over time. What ends at a moment is gone before what begins at it."""
    own = [span for span in spans if scope in span.scopes]
    found = []
    for moment in sorted({edge for span in own for edge in (span.begin, span.end)}):
        up = [span for span in own if span.begin <= moment < span.end]
        found.append(Step(moment, sum(span.nodes for span in up), tuple(sorted({span.what for span in up}))))
    return found


def peak(spans: Iterable[Span], scope: str = ALL_NODES) -> Step | None:
    """The first moment at which most nodes are up; None where nothing runs."""
    return max(steps(spans, scope), key=lambda step: step.nodes, default=None)


def overloads(spans: list[Span], limits: Mapping[str, int]) -> list[Overload]:
    """Where limits are passed, by scope and time; neighbouring steps are one."""
    found: list[Overload] = []
    for scope, limit in limits.items():
        line = steps(spans, scope)
        for step, after in pairwise(line):
            if step.nodes <= limit:
                continue
            last = found[-1] if found else None
            if last and last.scope == scope and last.end == step.moment:
                what = tuple(sorted({*last.what, *step.what}))
                nodes = max(last.nodes, step.nodes)
                found[-1] = Overload(scope, last.begin, after.moment, nodes, limit, what)
            else:
                found.append(Overload(scope, step.moment, after.moment, step.nodes, limit, step.what))
    return found


def hours(spans: list[Span], first: dt.datetime, scope: str = ALL_NODES) -> list[list[int]]:
    """The most nodes of each hour, a row a day; what a run does after the week counts for its beginning."""
    most: dict[int, int] = defaultdict(int)
    line = steps(spans, scope)
    week = DAYS * HOURS
    for step, after in pairwise(line):
        begin, end = ((one.moment - first).total_seconds() / 3600 for one in (step, after))
        for hour in range(int(begin), ceil(end)):
            most[hour % week] = max(most[hour % week], step.nodes)
    return [[most[day * HOURS + hour] for hour in range(HOURS)] for day in range(DAYS)]
