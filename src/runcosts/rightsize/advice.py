"""Advice for every task of a bundle: its cluster, spot, Photon, and whether it might share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from runcosts.bundle import Tree
from runcosts.cluster import ClusterShape
from runcosts.compute import inner_task
from runcosts.errors import NoPriceError
from runcosts.forecast import JobForecast, Outlook, TaskForecast, forecast_jobs
from runcosts.forecast_text import compute_text
from runcosts.history import plain_name
from runcosts.prices import Terms
from runcosts.rightsize.cluster_size import SizeAdvice, advise_size
from runcosts.rightsize.market import Hint, advise_photon, advise_spot
from runcosts.rightsize.sharing import Work, advise_sharing
from runcosts.rightsize.usage import Usage

Usages = Mapping[tuple[str, str], Usage]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class TaskAdvice:
    """What is advised for a task; where there is no advice on its size, `reason` says why."""

    job: str
    task_key: str
    compute: str
    runs_a_month: Decimal | None
    size: SizeAdvice | None = None
    hints: tuple[Hint, ...] = ()
    unknown: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class _Asked:
    """A task of a job that advice is asked for."""

    settings: Mapping[str, Any]
    forecast: TaskForecast
    usage: Usage | None
    rows: Rows
    terms: Terms

    @property
    def work(self) -> Work | None:
        shape, seconds = self.forecast.compute.shape, self.forecast.seconds.expected
        if not isinstance(shape, ClusterShape) or seconds is None or self.usage is None:
            return None
        return Work(self.forecast.task_key, shape, seconds, self.usage)


def advise(
    tree: Tree, outlook: Outlook, usages: Usages, rows: Rows, only: str | None = None, *, arm: bool = False
) -> list[TaskAdvice]:
    """Advise on every task of the jobs of a bundle, or of one of them.

    Args:
        tree: the resolved bundle.
        outlook: prices, settings and past runs.
        usages: by job name, without the prefix of a development target, and task.
        rows: of the ledger.
        only: this job's key.
        arm: whether ARM nodes may take the place of others.

    Raises:
        BundleError: there is no such job.
    """
    found: list[TaskAdvice] = []
    for forecast in forecast_jobs(tree, outlook, only):
        asked = _ask(tree["resources"]["jobs"][forecast.job], forecast, outlook, usages, rows)
        for one in asked.values():
            text = compute_text(one.forecast)
            silent = TaskAdvice(forecast.job, one.forecast.task_key, text, forecast.frequency.runs_a_month)
            try:
                found.append(_advise(silent, one, asked, outlook, arm=arm))
            except NoPriceError as missing:
                found.append(replace(silent, reason=str(missing)))
    return found


def _ask(
    job: Mapping[str, Any], forecast: JobForecast, outlook: Outlook, usages: Usages, rows: Rows
) -> dict[str, _Asked]:
    name, declared = plain_name(job["name"]), {task["task_key"]: task for task in job["tasks"]}
    own = [row for row in rows if plain_name(row["job_name"]) == name]
    found = {}
    for task in forecast.tasks:
        keys = (inner_task(declared[task.task_key])["task_key"], task.task_key)
        found[task.task_key] = _Asked(
            settings=declared[task.task_key],
            forecast=task,
            usage=next((usages[name, key] for key in keys if (name, key) in usages), None),
            rows=[row for row in own if row["task_key"] in keys],
            terms=replace(outlook.settings.terms, sku=task.compute.sku),
        )
    return found


def _advise(
    silent: TaskAdvice, asked: _Asked, others: Mapping[str, _Asked], outlook: Outlook, *, arm: bool
) -> TaskAdvice:
    shape, seconds = asked.forecast.compute.shape, asked.forecast.seconds.expected
    if not isinstance(shape, ClusterShape):
        return replace(silent, reason="it declares no cluster of known nodes")
    if seconds is None:
        return replace(silent, reason=asked.forecast.reason)
    settings, prices = inner_task(asked.settings), outlook.prices
    spot = advise_spot(shape, seconds, int(settings.get("max_retries") or 0), asked.rows, prices, asked.terms)
    hints = (spot, advise_photon(shape, asked.rows, prices, asked.terms), *_sharing(asked, others, outlook))
    known = replace(silent, hints=tuple(hint for hint in hints if hint))
    if asked.usage is None:
        return replace(known, reason="nobody measured its memory and processors")
    timeout = int(settings.get("timeout_seconds") or 0)
    size = advise_size(shape, asked.usage, seconds, timeout, prices, asked.terms, arm=arm)
    return replace(known, size=size, unknown=asked.usage.unknown)


def _sharing(asked: _Asked, others: Mapping[str, _Asked], outlook: Outlook) -> Iterator[Hint | None]:
    """With the task before, where it waits for that one alone and each has a cluster of its own."""
    before = [others.get(one["task_key"]) for one in asked.settings.get("depends_on", [])]
    if len(before) != 1 or before[0] is None:
        return
    first, second = before[0], asked
    same = first.forecast.compute.cluster == second.forecast.compute.cluster and first.forecast.compute.cluster
    if first.work and second.work and not same and first.terms == second.terms:
        yield advise_sharing(first.work, second.work, outlook.prices, second.terms)
