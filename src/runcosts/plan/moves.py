"""Other start times for jobs: so that limits are kept, and off-peak."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from runcosts.plan.peaks import Overload, Span, overloads, peak, spans_of
from runcosts.plan.week import CONTINUOUS, PlannedJob

QUARTER = 15
DAY = 24 * 60
TIME_OF_DAY_FIELDS = 3


@dataclass(frozen=True)
class Move:
    """Another time of day for a job's start; `cron` is the expression for it, in the job's own zone."""

    job: str
    before: str
    after: str
    cron: str
    why: str


@dataclass(frozen=True)
class Window:
    """Minutes of the day (UTC) that are off-peak; it may pass midnight."""

    begin: int
    end: int

    def holds(self, minute: int, minutes: int) -> bool:
        """Whether a run that starts at that minute and takes so many ends in it."""
        length = (self.end - self.begin) % DAY or DAY
        return (minute - self.begin) % DAY + minutes <= length


def propose(jobs: Sequence[PlannedJob], limits: Mapping[str, int], off_peak: Window) -> tuple[list[Move], list[str]]:
    """Moves, one after another, each with the others in place; and what no move mends.

    First jobs that take part in an overload, the shortest first, to the nearest time at which least is overloaded. Then
    jobs outside of off-peak hours, to the nearest time inside them at which no limit is passed and no peak is higher.
    """
    placed, moves = list(jobs), []
    for index in sorted(range(len(placed)), key=lambda index: placed[index].seconds):
        found = _relieve(placed, index, limits, off_peak) or _calm(placed, index, limits, off_peak)
        if found is not None:
            minutes, why = found
            moves.append(_move(placed[index], minutes, why))
            placed[index] = shifted(placed[index], minutes)
    left = [
        f"{one.scope}: {one.nodes} of {one.limit} from {one.begin:%a %H:%M} on, whatever is moved"
        for one in overloads(spans_of(placed), limits)
    ]
    return moves, left


def shifted(job: PlannedJob, minutes: int) -> PlannedJob:
    """The job, started so many minutes later."""
    return replace(job, starts=tuple(start + dt.timedelta(minutes=minutes) for start in job.starts))


def start_minute(job: PlannedJob) -> int | None:
    """Its minute of the day (UTC), if it starts once a day at the same time; else it cannot be moved."""
    times = {start.hour * 60 + start.minute for start in job.starts}
    days = [start.date() for start in job.starts]
    return times.pop() if len(times) == 1 and len(days) == len(set(days)) else None


def _relieve(
    placed: list[PlannedJob], index: int, limits: Mapping[str, int], off_peak: Window
) -> tuple[int, str] | None:
    before = _excess(overloads(spans_of(placed), limits))
    job = placed[index]
    involved = {name.partition(".")[0] for one in overloads(spans_of(placed), limits) for name in one.what}
    if not before or job.job not in involved:
        return None
    least, minutes = min(
        ((_excess(overloads(_with(placed, index, by), limits)), by) for by in _shifts(job, off_peak, inside=False)),
        key=lambda found: (found[0], abs(found[1])),
        default=(before, 0),
    )
    return (minutes, "to keep a limit of nodes") if least < before else None


def _calm(placed: list[PlannedJob], index: int, limits: Mapping[str, int], off_peak: Window) -> tuple[int, str] | None:
    job, highest = placed[index], peak(spans_of(placed))
    minute = start_minute(job)
    if minute is None or highest is None or off_peak.holds(minute, _minutes(job)):
        return None
    excess = _excess(overloads(spans_of(placed), limits))
    for by in _shifts(job, off_peak, inside=True):
        spans = _with(placed, index, by)
        top = peak(spans)
        if top and top.nodes <= highest.nodes and _excess(overloads(spans, limits)) <= excess:
            return by, "to run off-peak"
    return None


def _shifts(job: PlannedJob, off_peak: Window, *, inside: bool) -> list[int]:
    """Quarters of an hour to move by, nearest first; into off-peak hours where it is inside them, or shall be."""
    minute, own = start_minute(job), _own_minute(job)
    if minute is None or own is None:
        return []
    must = inside or off_peak.holds(minute, _minutes(job))
    earliest, latest = -(min(minute, own) // QUARTER) * QUARTER, DAY - max(minute, own)
    near = sorted(range(earliest, latest, QUARTER), key=abs)
    return [by for by in near if by and (not must or off_peak.holds(minute + by, _minutes(job)))]


def _own_minute(job: PlannedJob) -> int | None:
    """The minute of the day in its own zone, by the expression; None for what is not one time a day."""
    if job.cron == CONTINUOUS:
        return None
    _, minute, hour = job.cron.split()[:TIME_OF_DAY_FIELDS]
    return int(hour) * 60 + int(minute) if hour.isdecimal() and minute.isdecimal() else None


def _minutes(job: PlannedJob) -> int:
    return ceil(job.seconds / 60)


def _with(placed: list[PlannedJob], index: int, by: int) -> list[Span]:
    return spans_of([*placed[:index], shifted(placed[index], by), *placed[index + 1 :]])


def _excess(found: list[Overload]) -> float:
    """Node-seconds above limits."""
    return sum((one.nodes - one.limit) * (one.end - one.begin).total_seconds() for one in found)


def _move(job: PlannedJob, minutes: int, why: str) -> Move:
    start = job.starts[0]
    then = start + dt.timedelta(minutes=minutes)
    return Move(job.job, f"{start:%H:%M}", f"{then:%H:%M}", _cron(job, minutes), why)


def _cron(job: PlannedJob, minutes: int) -> str:
    """The expression with another time of day; days stay, as no move passes midnight, here or there."""
    fields = job.cron.split()
    hour, minute = divmod((_own_minute(job) or 0) + minutes, 60)
    return " ".join([fields[0], str(minute), str(hour), *fields[TIME_OF_DAY_FIELDS:]])
