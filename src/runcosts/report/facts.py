"""What the pictures show, from rows of the ledger and, where there are some, of bills."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from runcosts.history import plain_name
from runcosts.tracking import SUCCESS_STATES

WORK, FAILED, STARTUP, IDLE = "work", "failed attempts", "start-up (billed)", "idle (billed)"
CAUSES = (WORK, FAILED, STARTUP, IDLE)
NOTHING = Decimal(0)
Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Cost:
    """An amount of a day, a job, a task and a cause; start-up and idling are a run's, not a task's."""

    day: dt.date
    job: str
    task: str
    run: str
    cause: str
    amount: Decimal


@dataclass(frozen=True)
class Facts:
    """Costs of a period, in one currency.

    Attributes:
        last: the last day of the period.
        costs: estimates of attempts, and what bills say of start-up and idling.
        bills: rows of run_bills, of the period.
        unpriced: attempts without an estimate, which are in no amount.
    """

    first: dt.date
    last: dt.date
    currency: str
    costs: tuple[Cost, ...]
    bills: tuple[Mapping[str, Any], ...]
    attempts: int
    unpriced: int
    price_date: dt.date | None

    @property
    def jobs(self) -> list[str]:
        """The dearest first."""
        return sorted(sums := self.total_by("job"), key=lambda job: (-sums[job], job))

    @property
    def runs(self) -> int:
        """How many runs cost anything."""
        return len({cost.run for cost in self.costs})

    @property
    def total(self) -> Decimal:
        """All costs."""
        return sum((cost.amount for cost in self.costs), NOTHING)

    @property
    def waste(self) -> Decimal:
        """What brought no result."""
        return sum((cost.amount for cost in self.costs if cost.cause != WORK), NOTHING)

    def total_by(self, *fields: str) -> dict[Any, Decimal]:
        """Sums by a field of costs, or by several."""
        sums: dict[Any, Decimal] = defaultdict(Decimal)
        for cost in self.costs:
            values = tuple(getattr(cost, name) for name in fields)
            sums[values[0] if len(values) == 1 else values] += cost.amount
        return dict(sums)

    def usual_of_tasks(self, job: str) -> dict[str, Decimal]:
        """The median cost of each task of a job in a run."""
        runs: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for cost in self.costs:
            if cost.job == job and cost.task:
                runs[cost.task][cost.run] += cost.amount
        return {task: median(found.values()) for task, found in runs.items()}


def gather(ledger: Rows, bills: Rows, today: dt.date, days: int, currency: str) -> Facts:
    """The facts of the last days, today included.

    Args:
        ledger: rows of run_costs.
        bills: rows of run_bills; none where nobody reconciled.
        today: in UTC.
        days: how many.
        currency: rows in others are not shown.
    """
    first = today - dt.timedelta(days=days - 1)
    rows = [row for row in ledger if first <= row["started_at"].date() <= today]
    billed = [
        row for row in bills if row["currency"] == currency and first <= (_day(row["first_used"]) or first) <= today
    ]
    priced = [row for row in rows if row["estimated_usd"] is not None and row["currency"] == currency]
    costs = [_attempt(row) for row in priced] + [cost for row in billed for cost in _overheads(row, first)]
    dates = [row["price_date"] for row in priced if row["price_date"]]
    return Facts(
        first=first,
        last=today,
        currency=currency,
        costs=tuple(costs),
        bills=tuple(billed),
        attempts=len(rows),
        unpriced=len(rows) - len(priced),
        price_date=max(dates, default=None),
    )


def _attempt(row: Mapping[str, Any]) -> Cost:
    cause = WORK if row["result_state"].upper() in SUCCESS_STATES else FAILED
    job, run = plain_name(row["job_name"]), row["job_run_id"]
    return Cost(row["started_at"].date(), job, row["task_key"], run, cause, row["estimated_usd"])


def _overheads(row: Mapping[str, Any], first: dt.date) -> list[Cost]:
    day, job = _day(row["first_used"]) or first, plain_name(row["job_name"] or f"job {row['job_id']}")
    named: Sequence[tuple[str, str]] = ((STARTUP, "startup"), (IDLE, "idle"))
    return [Cost(day, job, "", row["job_run_id"], cause, row[name]) for cause, name in named if row[name]]


def _day(moment: dt.datetime | None) -> dt.date | None:
    return moment.date() if moment else None
