"""A forecast as JSON, as Markdown for a pull request, and as tables for a terminal of 80 columns."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from runcosts.cluster import ClusterShape, ServerlessShape
from runcosts.comparison import Change, Comparison
from runcosts.forecast import BOUNDS, JobForecast, Outlook, Range, TaskForecast, total

NOT_COUNTED = "Not counted, as nobody can know: start of clusters, disks, network, discounts. List prices of"
CENTS = Decimal("0.01")
FINE = Decimal("0.0001")


def as_json(jobs: Sequence[JobForecast], outlook: Outlook, comparison: Comparison | None) -> dict[str, Any]:
    """Amounts as numbers in `currency`, null where nobody can know; `run` is one run of each job, `month` all runs."""
    document = {
        "currency": outlook.prices.currency,
        "price_date": outlook.prices.date.isoformat(),
        "tasks": [_task_json(task) for job in jobs for task in job.tasks],
        "run": _range_json(total(job.run for job in jobs)),
        "month": _range_json(total(job.month for job in jobs)),
        "jobs": [_job_json(job) for job in jobs],
        "incomplete": [f"{name}: {why}" for name, why in missing(jobs)],
    }
    if comparison is not None:
        document["compare"] = {"with": comparison.other, "changes": [_change_json(one) for one in comparison.changes]}
    return document


def missing(jobs: Sequence[JobForecast]) -> Iterator[tuple[str, str]]:
    """What the sums leave out, and why."""
    for job in jobs:
        for task in job.tasks:
            if task.reason:
                bound = "" if task.at_most is None else f" (its timeouts allow at most {amount(task.at_most)})"
                yield f"{job.job}.{task.task_key}", f"{task.reason}{bound}"
        if job.frequency.runs_a_month is None:
            yield job.job, f"no month: {job.frequency.why}"


def as_markdown(jobs: Sequence[JobForecast], outlook: Outlook, comparison: Comparison | None) -> str:
    """A comment for a pull request."""
    currency = outlook.prices.currency
    lines = [f"### What the jobs cost ({currency}, estimated)", "", *_markdown_changes(comparison)]
    lines += ["| task | compute | minutes | low | expected | high |", "|---|---|--:|--:|--:|--:|"]
    for job in jobs:
        lines += [_markdown_row(f"{job.job}.{task.task_key}", task) for task in job.tasks]
        lines += [f"| **{job.job}, a run** | | | {_cells(job.run)} |"]
        lines += [f"| **{job.job}, a month** ({_runs(job)}) | | | {_cells(job.month)} |"]
    notes = [f"- {note}" for note in _notes(jobs)]
    return "\n".join([*lines, "", *notes, "", f"{NOT_COUNTED} {outlook.prices.date}."])


def as_tables(jobs: Sequence[JobForecast], outlook: Outlook, comparison: Comparison | None) -> Group:
    """A table for each job, what differs, and what to know of the figures."""
    parts: list[Table | Text] = [_job_table(job, outlook.prices.currency) for job in jobs]
    if comparison is not None:
        parts.append(_changes_table(comparison))
    notes = "\n".join([*(f"· {note}" for note in _notes(jobs)), f"{NOT_COUNTED} {outlook.prices.date}."])
    return Group(*parts, Text(notes))


def amount(value: Decimal | None, *, sign: bool = False) -> str:
    """An amount to the cent, and finer below a unit of the currency; ? where nobody can know."""
    if value is None:
        return "?"
    rounded = value.quantize(CENTS if abs(value) >= 1 or value == 0 else FINE)
    return f"{rounded:+,}" if sign else f"{rounded:,}"


def _job_table(job: JobForecast, currency: str) -> Table:
    table = Table(title=f"{job.job} ({currency}, estimated)", title_justify="left")
    table.add_column("task", overflow="fold")
    table.add_column("compute")
    for name in ("minutes", *BOUNDS):
        table.add_column(name, justify="right", no_wrap=True)
    for task in job.tasks:
        table.add_row(task.task_key, compute_text(task), _minutes(task), *_texts(task.cost))
    table.add_section()
    table.add_row("a run", "", "", *_texts(job.run))
    table.add_row("a month", _runs(job), "", *_texts(job.month))
    return table


def _changes_table(comparison: Comparison) -> Table:
    table = Table(title=f"expected, against {comparison.other}", title_justify="left")
    for name in ("what", "before", "after", "difference"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for one in comparison.changes:
        table.add_row(one.what, amount(one.before), amount(one.after), amount(one.difference, sign=True))
    return table


def _markdown_changes(comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return []
    rows = [
        f"| {one.what} | {amount(one.before)} | {amount(one.after)} | {amount(one.difference, sign=True)} |"
        for one in comparison.changes
    ]
    head = [f"| expected, against `{comparison.other}` | before | after | difference |", "|---|--:|--:|--:|"]
    return [*head, *rows, ""]


def _markdown_row(name: str, task: TaskForecast) -> str:
    return f"| {name} | {compute_text(task)} | {_minutes(task)} | {_cells(task.cost)} |"


def compute_text(task: TaskForecast) -> str:
    """The cluster in a few words."""
    shape = task.compute.shape
    if isinstance(shape, ServerlessShape):
        return f"serverless, {shape.dbu_per_hour} DBU/h"
    return shape_text(shape) if isinstance(shape, ClusterShape) else "?"


def shape_text(shape: ClusterShape) -> str:
    """A cluster of nodes in a few words."""
    few, many = shape.min_workers, shape.max_workers
    workers = "alone" if many == 0 else f"+ {few}" if few == many else f"+ {few}-{many}"
    driver = "" if shape.driver_node_type == shape.node_type else f"{shape.driver_node_type} "
    marks = [word for word, on in (("Photon", shape.photon), ("spot", shape.spot and many > 0)) if on]
    return " ".join([f"{driver}{'' if driver and many else shape.node_type}".strip(), workers, *marks])


def _notes(jobs: Sequence[JobForecast]) -> list[str]:
    """Each thing to know once, with the tasks that it is true of."""
    tasks: dict[str, list[str]] = {}
    for job in jobs:
        for task in job.tasks:
            for note in (f"time: {task.basis}", *task.assumptions) if not task.reason else ():
                tasks.setdefault(note, []).append(task.task_key)
    assumed = [f"{', '.join(dict.fromkeys(names))}: {note}" for note, names in tasks.items()]
    return [*(f"left out: {name}: {why}" for name, why in missing(jobs)), *assumed]


def _runs(job: JobForecast) -> str:
    runs = job.frequency.runs_a_month
    return job.frequency.why if runs is None or runs == 0 else f"{runs.quantize(Decimal('0.1'))} runs"


def _minutes(task: TaskForecast) -> str:
    return "?" if task.seconds.expected is None else f"{task.seconds.expected / 60:.1f}"


def _texts(found: Range) -> list[str]:
    return [amount(getattr(found, bound)) for bound in BOUNDS]


def _cells(found: Range) -> str:
    return " | ".join(_texts(found))


def _number(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 6)


def _range_json(found: Range) -> dict[str, float | None]:
    return {bound: _number(getattr(found, bound)) for bound in BOUNDS}


def _task_json(task: TaskForecast) -> dict[str, Any]:
    minutes = task.seconds.expected
    return {
        "job": task.job,
        "task_key": task.task_key,
        **_range_json(task.cost),
        "at_most": _number(task.at_most),
        "minutes": None if minutes is None else _number(minutes / 60),
        "basis": task.basis,
        "sku": task.compute.sku,
        "compute": compute_text(task),
        "assumptions": list(task.assumptions),
        "reason": task.reason,
    }


def _job_json(job: JobForecast) -> dict[str, Any]:
    runs = {"runs_a_month": _number(job.frequency.runs_a_month), "schedule": job.frequency.why}
    return {"job": job.job, **runs, "run": _range_json(job.run), "month": _range_json(job.month)}


def _change_json(one: Change) -> dict[str, Any]:
    amounts = {"before": one.before, "after": one.after, "difference": one.difference}
    return {"what": one.what, **{name: _number(value) for name, value in amounts.items()}}
