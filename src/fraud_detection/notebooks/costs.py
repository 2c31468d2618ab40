"""What runs cost, by the ledger, and what would cost less."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure

from fraud_detection.errors import DataError
from fraud_detection.notebooks.canvas import ACCENT, PALE, make_canvas
from fraud_detection.schemas import RUN_COSTS
from fraud_detection.tasks.context import Context
from runcosts.bundle import Tree
from runcosts.estimate_cli import make_outlook
from runcosts.forecast import Outlook, forecast_jobs
from runcosts.forecast_text import shape_text
from runcosts.history import History
from runcosts.report.facts import Facts, gather
from runcosts.report.pictures import draw_pictures
from runcosts.rightsize.advice import TaskAdvice, advise
from runcosts.rightsize.usage import measured_here

Rows = Sequence[Mapping[str, Any]]
CURRENCY: Final = "USD"
BUNDLE: Final = "databricks.yml"
LAST_RUNS: Final = 10
LEAST_DAYS, MOST_DAYS = 7, 28


def read_ledger(context: Context) -> Rows:
    """A row an attempt, from the table run_costs."""
    rows = context.tables.read(context.spark, RUN_COSTS)
    return [_in_utc(row.asDict()) for row in rows.collect()]  # attempts are few


def gather_facts(ledger: Rows) -> Facts:
    """What the pictures show, of one to four weeks up to the last attempt, as far as there were attempts."""
    days = [row["started_at"].date() for row in ledger]
    span = (max(days) - min(days)).days + 1
    return gather(ledger, (), max(days), min(max(span, LEAST_DAYS), MOST_DAYS), CURRENCY)


def draw_costs(facts: Facts) -> list[Figure]:
    """Cost by day and job, and by day and cause."""
    return list(draw_pictures(facts, ()).values())


def list_tasks(facts: Facts) -> pd.DataFrame:
    """By job and task: runs, the usual cost of one, all together."""
    sums = facts.total_by("job", "task")
    rows = [
        {
            "job": job,
            "task": task,
            "runs": len({cost.run for cost in facts.costs if (cost.job, cost.task) == (job, task)}),
            "usual, a run": float(facts.usual_of_tasks(job)[task]),
            "total": float(total),
        }
        for (job, task), total in sums.items()
        if task
    ]
    return pd.DataFrame(rows).sort_values("total", ascending=False, ignore_index=True)


def find_bundle(start: Path) -> Path:
    """The folder of the bundle, from a folder upwards.

    Raises:
        DataError: there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / BUNDLE).is_file():
            return folder
    raise DataError(
        f"found no {BUNDLE} in {start.resolve()} or above; expected the bundle: name its folder in the widget"
    )


def open_outlook(root: Path, ledger: Rows) -> Outlook:
    """Prices and settings of the bundle, and past runs from the ledger."""
    return replace(make_outlook(root, 0), history=History(ledger), last=LAST_RUNS)


def estimate_jobs(tree: Tree, outlook: Outlook) -> pd.DataFrame:
    """What a run of each job is expected to cost by past runs, and a month of its schedule."""
    rows = [
        {
            "job": job.job,
            "a run": _number(job.run.expected),
            "at most a run": _number(job.run.high),
            "a month": _number(job.month.expected),
            "tasks without a figure": ", ".join(task.task_key for task in job.tasks if task.reason),
        }
        for job in forecast_jobs(tree, outlook)
    ]
    return pd.DataFrame(rows)


def advise_sizes(tree: Tree, outlook: Outlook, ledger: Rows) -> list[TaskAdvice]:
    """What each task should run on, by what it used; those without a measured run are left out."""
    found = advise(tree, outlook, measured_here(ledger, LAST_RUNS), ledger)
    return [one for one in found if one.size]


def list_advice(found: Sequence[TaskAdvice]) -> pd.DataFrame:
    """A row a task: now, better, the saving of a run, and the reasons."""
    return pd.DataFrame(
        [
            {
                "task": f"{one.job}.{one.task_key}",
                "now": shape_text(one.size.now.shape),
                "better": shape_text(one.size.better.shape) if one.size.better else "keep it",
                "saves a run": float(one.size.saving),
                "why": "; ".join(one.size.reasons),
            }
            for one in found
            if one.size
        ]
    )


def draw_advice(found: Sequence[TaskAdvice]) -> Figure:
    """The cost of a run of each task, now and as advised."""
    sizes = {f"{one.job}.{one.task_key}": one.size for one in found if one.size}
    figure, (axes,) = make_canvas(f"A run, now and right-sized ({CURRENCY})", height=0.9 + 0.4 * len(sizes))
    now = [float(size.now.cost) for size in sizes.values()]
    better = [float((size.better or size.now).cost) for size in sizes.values()]
    axes.barh(list(sizes), now, color=PALE, height=0.7, label="now")
    axes.barh(list(sizes), better, color=ACCENT, height=0.4, label="right-sized")
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.legend(frameon=False, fontsize=9)
    return figure


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _in_utc(row: dict[str, Any]) -> dict[str, Any]:
    """Spark gives times in the zone of this process, without saying so."""
    return {key: value.astimezone(UTC) if isinstance(value, datetime) else value for key, value in row.items()}
