"""How much of a queue fits into a budget."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from statistics import median
from typing import Any

from runcosts.history import plain_name

MOST_AT_ONCE = 500
"""Of what one run takes: its keys are a task value, which may have 48 KiB."""


def usual_cost(rows: Iterable[Mapping[str, Any]], job_name: str, task_key: str, last: int = 20) -> Decimal | None:
    """The median estimate of a task's last attempts in a ledger; None where there is none."""
    own = [
        row
        for row in rows
        if row["task_key"] == task_key
        and plain_name(row["job_name"]) == plain_name(job_name)
        and row["estimated_usd"] is not None
    ]
    costs = [row["estimated_usd"] for row in sorted(own, key=lambda row: row["ended_at"])[-last:]]
    return median(costs) if costs else None


def affordable(budget: Decimal, cost_each: Decimal, most: int = MOST_AT_ONCE) -> int:
    """How many of a kind a budget pays for, none left over."""
    return min(int((budget / cost_each).to_integral_value(ROUND_FLOOR)), most)


def choose_batch[T](taken: Sequence[T], waiting: Sequence[T], room: int) -> list[T]:
    """What a run works on: what it has taken already, as after a retry; then what waits, while there is room."""
    return [*taken, *waiting[: max(room - len(taken), 0)]]
