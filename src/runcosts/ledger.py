"""The table run_costs: one row for each attempt of a task, with one schema for every writer."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import get_args, get_type_hints

from runcosts.attempt import Attempt
from runcosts.cluster import ClusterShape, UnknownShape
from runcosts.estimate import Estimate, Unpriced
from runcosts.prices import Terms

KEY = ("workspace", "task_run_id", "attempt")
MATCH = " AND ".join(f"target.{column} = source.{column}" for column in KEY)
SQL_TYPES = MappingProxyType(
    {
        str: "STRING",
        int: "INT",
        bool: "BOOLEAN",
        Decimal: "DECIMAL(18,6)",
        dt.datetime: "TIMESTAMP",
        dt.date: "DATE",
    }
)


@dataclass(frozen=True)
class RunCost:
    """One row of the table; `columns` derives the schema from these fields.

    Amounts are in `currency`, list prices without discounts. A row without amounts says in `reason` why;
    `assumptions` is what an estimate takes for granted.
    """

    workspace: str
    target: str | None
    job_id: str
    job_name: str
    job_run_id: str
    task_key: str
    task_run_id: str
    attempt: int
    started_at: dt.datetime
    ended_at: dt.datetime
    seconds: Decimal
    result_state: str
    cloud: str
    region: str
    tier: str
    sku: str
    cluster_id: str | None = None
    node_type: str | None = None
    driver_node_type: str | None = None
    workers: Decimal | None = None
    photon: bool | None = None
    spot: bool | None = None
    dbu: Decimal | None = None
    dbu_usd: Decimal | None = None
    machine_usd: Decimal | None = None
    estimated_usd: Decimal | None = None
    low_usd: Decimal | None = None
    high_usd: Decimal | None = None
    currency: str | None = None
    price_date: dt.date | None = None
    label: str | None = None
    reason: str | None = None
    assumptions: str | None = None
    peak_memory_mib: int | None = None
    cpu_seconds: Decimal | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes two rows the same attempt."""
        return self.workspace, self.task_run_id, self.attempt

    def metrics(self) -> dict[str, float]:
        """The estimate as MLflow metrics; empty without one."""
        if self.estimated_usd is None or self.dbu is None:
            return {}
        return {"estimated_cost_usd": float(self.estimated_usd), "estimated_dbu": float(self.dbu)}


def columns() -> dict[str, str]:
    """Name and SQL type of every column."""
    return {name: SQL_TYPES[_plain(hint)] for name, hint in get_type_hints(RunCost).items()}


def _plain(hint: type) -> type:
    """`X` of `X | None`."""
    return next((part for part in get_args(hint) if part is not type(None)), hint)


def ddl() -> str:
    """The columns as SQL DDL."""
    return ", ".join(f"{name} {sql_type}" for name, sql_type in columns().items())


def one_row_each(rows: Iterable[RunCost]) -> list[RunCost]:
    """The last row of each key: MERGE would insert two new rows of one key."""
    return list({row.key: row for row in rows}.values())


def run_cost(
    attempt: Attempt, shape: ClusterShape | UnknownShape, outcome: Estimate | Unpriced, terms: Terms
) -> RunCost:
    """The row of an attempt."""
    row = RunCost(**asdict(attempt), seconds=attempt.seconds, **asdict(terms))
    if isinstance(shape, ClusterShape):
        row = _with_shape(row, shape)
    return _with_estimate(row, outcome) if isinstance(outcome, Estimate) else replace(row, reason=outcome.reason)


def _with_shape(row: RunCost, shape: ClusterShape) -> RunCost:
    return replace(
        row,
        cluster_id=shape.cluster_id,
        node_type=shape.node_type,
        driver_node_type=shape.driver_node_type,
        workers=shape.expected_workers,
        photon=shape.photon,
        spot=shape.spot,
    )


def _with_estimate(row: RunCost, estimate: Estimate) -> RunCost:
    return replace(
        row,
        dbu=estimate.dbu,
        dbu_usd=estimate.dbu_usd,
        machine_usd=estimate.machine_usd,
        estimated_usd=estimate.usd,
        low_usd=estimate.low,
        high_usd=estimate.high,
        currency=estimate.currency,
        price_date=estimate.price_date,
        label=estimate.label,
        assumptions="; ".join(estimate.assumptions) or None,
    )
