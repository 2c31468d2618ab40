"""Budgets: whether a job's next run still fits its limits, and which of its past runs cost more than is usual.

What a run cost is the ledger's estimate of its attempts; a month is a calendar month in UTC.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from runcosts.history import Rows, plain_name
from runcosts.settings import Budget

NORMAL = Decimal("1.4826")
"""The median absolute deviation times this is the standard deviation, where values are normal."""
FEWEST_RUNS = 5
SMALLEST_SPREAD = Decimal("0.05")
"""Of the median: runs that all cost the same would make any other an outlier."""


@dataclass(frozen=True)
class PastRun:
    """What a run cost; `unpriced` counts its attempts without an estimate."""

    job_run_id: str
    started_at: dt.datetime
    cost: Decimal
    unpriced: int


@dataclass(frozen=True)
class Verdict:
    """Whether a forecast keeps its limits, and every reason why not. What cannot be known is a reason too."""

    reasons: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """No limit is passed, and nothing that a limit needs is unknown."""
        return not self.reasons


@dataclass(frozen=True)
class Outlier:
    """A run that cost more than is usual, and by how many robust standard deviations."""

    run: PastRun
    usual: Decimal
    score: Decimal


def past_runs(rows: Rows, job_name: str) -> list[PastRun]:
    """The runs of a job in the rows of a ledger, first to last; the prefix of a development target does not count."""
    runs: dict[str, list[tuple[dt.datetime, Decimal | None]]] = defaultdict(list)
    for row in rows:
        if plain_name(row["job_name"]) == plain_name(job_name):
            runs[row["job_run_id"]].append((row["started_at"], row["estimated_usd"]))
    found = [
        PastRun(
            job_run_id=run,
            started_at=min(began for began, _ in attempts),
            cost=sum((cost for _, cost in attempts if cost is not None), Decimal(0)),
            unpriced=sum(1 for _, cost in attempts if cost is None),
        )
        for run, attempts in runs.items()
    ]
    return sorted(found, key=lambda run: run.started_at)


def judge(budget: Budget, forecast: Decimal | None, runs: list[PastRun], now: dt.datetime) -> Verdict:
    """Whether one more run keeps the limits.

    Args:
        budget: the limits of the job.
        forecast: what the next run is expected to cost; None if nobody can know.
        runs: what past runs cost.
        now: the moment that decides which month counts.
    """
    this_month = [run for run in runs if (run.started_at.year, run.started_at.month) == (now.year, now.month)]
    spent = sum((run.cost for run in this_month), Decimal(0))
    unpriced = sum(run.unpriced for run in this_month)
    notes = [f"{spent:.4f} spent in {now:%Y-%m}, {'?' if forecast is None else f'{forecast:.4f}'} expected for a run"]
    if unpriced:
        notes.append(f"{unpriced} attempts of this month have no estimate and are not counted")
    if forecast is None:
        return Verdict(("nobody can know what the next run costs: there is no forecast",), tuple(notes))
    checks = ((forecast, budget.run, "a run"), (spent + forecast, budget.month, f"{now:%Y-%m} with this run"))
    reasons = (f"{what} is {cost:.4f}, the limit is {limit}" for cost, limit, what in checks if limit and cost > limit)
    return Verdict(tuple(reasons), tuple(notes))


def find_outliers(runs: list[PastRun], threshold: Decimal = Decimal("3.5")) -> list[Outlier]:
    """The runs that cost more than the runs before them did, by a robust z-score.

    Each run is measured against the median of those before it, in units of their median absolute deviation, which past
    outliers do not move. A run with fewer than five before it is not judged.
    """
    found = []
    for index in range(FEWEST_RUNS, len(runs)):
        costs = [run.cost for run in runs[:index]]
        usual = median(costs)
        spread = max(NORMAL * median(abs(cost - usual) for cost in costs), SMALLEST_SPREAD * usual)
        score = (runs[index].cost - usual) / spread if spread else Decimal(0)
        if score > threshold:
            found.append(Outlier(runs[index], usual, score))
    return found
