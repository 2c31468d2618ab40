"""The bill of each run, set against the ledger: SQL over the platform's tables, or tables of their shape.

A row of usage names a run, or a cluster, never an attempt. It is split by time over the task runs that used its compute
while it counted, and the split is called allocated. Corrections are negative rows, which are split like what they take
back, so that both cancel out. Bills hold DBU: the machines of classic compute are on the cloud's own bill, so what is
compared is the DBU part of the estimate.
"""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from runcosts.system_tables import Bills

NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
USED_OFTEN = ("priced", "split", "tasks")


@dataclass(frozen=True)
class Reconciliation:
    """Bills that rows of the window touched, each from all of its rows.

    `tasks`: what each task run was allocated, beside what the ledger estimated for its DBU.
    `runs`: difference = billed - estimated = startup + idle + unrecorded (attempts without a row) + other;
    and beside it failed, the part of the bill that attempts without success took, and discount, promotions against
    list prices.
    """

    tasks: DataFrame
    runs: DataFrame


@contextmanager
def reconcile(
    spark: SparkSession, bills: Bills, ledger: DataFrame, since: dt.date, currency: str
) -> Iterator[Reconciliation]:
    """Set bills against the ledger; the frames hold while the context does.

    Args:
        spark: the session of the frames.
        bills: usage, prices and the time line of tasks.
        ledger: rows of run_costs.
        since: first day of the window; rows that are of it or arrived in it touch their run.
        currency: of the ledger.
    """
    frames: dict[str, Any] = {**vars(bills), "ledger": ledger}
    for name, query in queries().items():
        found = spark.sql(query, since=since.isoformat(), currency=currency, **frames)
        frames[name] = found.cache() if name in USED_OFTEN else found
    try:
        yield Reconciliation(frames["tasks"].where("touched").drop("touched", "recorded"), frames["runs"])
    finally:
        for name in USED_OFTEN:
            frames[name].unpersist()


def queries() -> dict[str, str]:
    """The queries by name, in order."""
    _, *parts = NAME.split(files("runcosts").joinpath("reconcile.sql").read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2], strict=True))
