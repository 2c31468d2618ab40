"""What a change of the bundle does to its expected costs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from runcosts.errors import BundleError
from runcosts.forecast import JobForecast

Amounts = Mapping[str, Decimal | None]


@dataclass(frozen=True)
class Change:
    """An expected amount before and after; None where there was none, or nobody can know."""

    what: str
    before: Decimal | None
    after: Decimal | None
    unknown: bool = False

    @property
    def difference(self) -> Decimal | None:
        """How much more it costs; what is not in one of the two costs nothing there."""
        return None if self.unknown else (self.after or Decimal(0)) - (self.before or Decimal(0))


@dataclass(frozen=True)
class Comparison:
    """What differs from another state of the bundle, tasks first, then runs and months."""

    other: str
    changes: tuple[Change, ...]


def amounts_of(jobs: Sequence[JobForecast]) -> Amounts:
    """The expected amounts of a forecast, by what they are of."""
    tasks = {f"{job.job}.{task.task_key}": task.cost.expected for job in jobs for task in job.tasks}
    runs = {f"{job.job}, a run": job.run.expected for job in jobs}
    return {**tasks, **runs, **{f"{job.job}, a month": job.month.expected for job in jobs}}


def saved_amounts(file: Path) -> Amounts:
    """The expected amounts of what `runcosts estimate -o json` printed.

    Raises:
        BundleError: the file holds something else.
    """
    try:
        saved = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
        tasks = {f"{task['job']}.{task['task_key']}": task["expected"] for task in saved["tasks"]}
        runs = {f"{job['job']}, a run": job["run"]["expected"] for job in saved["jobs"]}
        months = {f"{job['job']}, a month": job["month"]["expected"] for job in saved["jobs"]}
    except (OSError, ValueError, KeyError, TypeError) as strange:
        raise BundleError(f"{file}: expected what `runcosts estimate -o json` printed, found: {strange!r}") from strange
    return {**tasks, **runs, **months}


def compare(other: str, before: Amounts, after: Amounts, only: str | None = None) -> Comparison:
    """What differs; of one job only, if one is named."""
    names = [name for name in dict.fromkeys([*after, *before]) if only is None or _job(name) == only]
    changes = (Change(name, before.get(name), after.get(name), _unknown(name, before, after)) for name in names)
    return Comparison(other, tuple(sorted(changes, key=lambda change: ", a " in change.what)))


def _job(name: str) -> str:
    return name.partition(", a ")[0].partition(".")[0]


def _unknown(name: str, *sides: Mapping[str, Any]) -> bool:
    """Whether it is there on a side, at a cost that nobody can know."""
    return any(name in side and side[name] is None for side in sides)
