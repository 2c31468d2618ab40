"""A week as JSON, and for a terminal of 80 columns."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from runcosts.forecast_text import amount
from runcosts.plan.batches import Batch
from runcosts.plan.moves import Move
from runcosts.plan.peaks import HOURS, Overload, Step, hours, peak, spans_of
from runcosts.plan.week import PlannedJob, Week

MANY = 99


@dataclass(frozen=True)
class Plan:
    """A week, where it passes limits, what is proposed, and what no proposal mends."""

    week: Week
    limits: dict[str, int]
    overloads: list[Overload]
    moves: list[Move]
    left: list[str]
    batches: list[Batch]

    @property
    def peak(self) -> Step | None:
        """When most nodes are up."""
        return peak(spans_of(self.week.jobs))


def plan_json(plan: Plan) -> dict[str, Any]:
    """Times in UTC; `hours` is the most nodes of each hour, a list a day."""
    document = {
        "first": plan.week.first,
        "jobs": [_job_json(job) for job in plan.week.jobs],
        "limits": plan.limits,
        "peak": asdict(plan.peak) if plan.peak else None,
        "hours": hours(spans_of(plan.week.jobs), plan.week.begin),
        "overloads": [asdict(one) for one in plan.overloads],
        "moves": [asdict(one) for one in plan.moves],
        "left": plan.left,
        "batches": [_batch_json(one) for one in plan.batches],
        "notes": list(plan.week.notes),
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def plan_text(plan: Plan) -> Group:
    """The hours of the week with their nodes, the jobs, and what is proposed."""
    return Group(_hours_text(plan), _jobs_table(plan), Text("\n".join(_lines(plan))))


def _hours_text(plan: Plan) -> Text:
    """A row a day, two characters an hour; a dot where nothing runs."""
    text = Text(f"most nodes at once, by hour (UTC), from {plan.week.first}\n       ")
    text.append("".join(f"{hour:>3}" for hour in range(HOURS)) + "\n", style="dim")
    limit = plan.limits.get("all nodes", MANY)
    for day, row in enumerate(hours(spans_of(plan.week.jobs), plan.week.begin)):
        text.append(f"{plan.week.first + dt.timedelta(days=day):%a %d} ")
        for nodes in row:
            text.append(f"{min(nodes, MANY) or '·':>3}", style="bold red" if nodes > limit else "")
        text.append("\n")
    return text


def _jobs_table(plan: Plan) -> Table:
    table = Table("job", "schedule", "runs", "minutes", "most nodes", title_justify="left")
    for job in plan.week.jobs:
        top = peak(spans_of([job]))
        minutes = f"{job.seconds / 60:.1f}"
        table.add_row(job.job, f"{job.cron} {job.zone}", str(len(job.starts)), minutes, str(top.nodes if top else 0))
    return table


def _lines(plan: Plan) -> Iterator[str]:
    if plan.peak:
        yield f"peak: {plan.peak.nodes} nodes, {plan.peak.moment:%a %H:%M} UTC ({', '.join(plan.peak.what)})"
    for scope, limit in plan.limits.items():
        yield f"limit of {scope}: {limit}"
    for one in plan.overloads:
        span = f"{one.begin:%a %H:%M} to {one.end:%a %H:%M}"
        yield f"OVER THE LIMIT of {one.scope}: {one.nodes} of {one.limit}, {span} ({', '.join(one.what)})"
    for move in plan.moves:
        yield f"move {move.job} from {move.before} to {move.after} UTC {move.why}: {move.cron}"
    yield from (f"not mended: {one}" for one in plan.left)
    yield from map(_batch_line, plan.batches)
    yield from (f"· {note}" for note in _distinct(plan.week.notes))


def _batch_line(one: Batch) -> str:
    if one.minutes is None:
        return f"batch {one.job}.{one.task_key}: no past iterations, so nobody knows how many fit"
    each = f"{one.minutes:.1f} min and {amount(one.cost)} each, {one.concurrency} at a time"
    return f"batch {one.job}.{one.task_key}: {each}; at most {one.most or '?'} end before the job's timeout"


def _job_json(job: PlannedJob) -> dict[str, Any]:
    times = {"starts": job.starts, "minutes": float(job.seconds / 60)}
    return {"job": job.job, "cron": job.cron, "zone": job.zone, **times}


def _batch_json(one: Batch) -> dict[str, Any]:
    amounts = {
        name: None if value is None else float(value) for name, value in (("minutes", one.minutes), ("cost", one.cost))
    }
    return asdict(one) | amounts


def _distinct(notes: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(notes))


def _plain(value: Any) -> Any:
    """Moments and days as ISO texts."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
