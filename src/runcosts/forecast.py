"""What a run of a job will cost, and a month of runs: shapes, past or assumed durations, retries, schedule.

low: the shortest past run on the smallest cluster. expected: the median run, failed attempts included, at the expected
size. high: the longest attempt on the largest cluster, on demand where spot may fall back, and again for every retry.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from runcosts.bundle import Tree
from runcosts.compute import TaskCompute, inner_task, task_compute
from runcosts.errors import BundleError
from runcosts.estimate import Estimate, Unpriced, estimate
from runcosts.history import Durations, History
from runcosts.layout import billed_seconds
from runcosts.prices import Prices
from runcosts.schedule import Frequency, frequency
from runcosts.settings import Settings

UNKNOWN = "no past runs: state how long it takes (--minutes, or [tool.runcosts.assumed_minutes])"
BOUNDS = ("low", "expected", "high")


@dataclass(frozen=True)
class Range:
    """Amounts of money, or seconds; None where nobody can know."""

    low: Decimal | None = None
    expected: Decimal | None = None
    high: Decimal | None = None

    def times(self, factor: Decimal | None) -> "Range":
        """Each amount so many times."""
        amounts = (self.low, self.expected, self.high)
        return Range(*(None if amount is None or factor is None else amount * factor for amount in amounts))


@dataclass(frozen=True)
class TaskForecast:
    """A task's cost in one run, in the currency of the prices.

    `seconds` are of the cluster, for all attempts; `at_most` is the cost if every attempt takes until its timeout.
    Where there is no cost, `reason` says why.
    """

    job: str
    task_key: str
    compute: TaskCompute
    basis: str
    seconds: Range = field(default_factory=Range)
    cost: Range = field(default_factory=Range)
    at_most: Decimal | None = None
    assumptions: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class JobForecast:
    """A job's cost: one run, and one month. Tasks without a cost are left out of the sums."""

    job: str
    tasks: tuple[TaskForecast, ...]
    frequency: Frequency

    @property
    def run(self) -> Range:
        """The sum of the tasks that have a cost."""
        return total(task.cost for task in self.tasks if task.reason is None)

    @property
    def month(self) -> Range:
        """All runs of a month."""
        return self.run.times(self.frequency.runs_a_month)


@dataclass(frozen=True)
class Outlook:
    """What forecasts follow, beside the bundle: prices, settings, past runs, and what the caller states."""

    prices: Prices
    settings: Settings
    today: dt.date
    history: History = field(default_factory=History)
    last: int = 10
    minutes: Decimal | None = None
    runs_a_month: Decimal | None = None


def total(ranges: Iterable[Range]) -> Range:
    """The sum; a bound that one summand lacks is not known."""
    each = list(ranges)
    sums = {bound: [getattr(one, bound) for one in each] for bound in BOUNDS}
    return Range(**{bound: None if not all_ or None in all_ else sum(all_, Decimal(0)) for bound, all_ in sums.items()})


def forecast_jobs(tree: Tree, outlook: Outlook, only: str | None = None) -> list[JobForecast]:
    """Forecast the jobs of a resolved bundle, or one of them.

    Raises:
        BundleError: there is no such job, or its tasks wait for each other in a circle.
    """
    jobs: Mapping[str, Any] = tree["resources"].get("jobs") or {}
    if only is not None and only not in jobs:
        raise BundleError(f"no job {only!r} in the bundle; its jobs are: {', '.join(sorted(jobs)) or 'none'}")
    return [_forecast_job(tree, key, jobs[key], outlook) for key in sorted(jobs) if only in (None, key)]


def _forecast_job(tree: Tree, key: str, job: Mapping[str, Any], outlook: Outlook) -> JobForecast:
    tasks = {task["task_key"]: task for task in job.get("tasks", [])}
    found = {
        name: task_compute(tree, job, task, outlook.settings.serverless_dbu_per_hour) for name, task in tasks.items()
    }
    computes = {name: compute for name, compute in found.items() if compute is not None}
    lasting = {name: _durations(key, job, tasks[name], outlook) for name in computes}
    seconds = _cluster_seconds(tasks, computes, lasting)
    forecasts = (
        _forecast_task(key, tasks[name], computes[name], lasting[name], seconds[name], outlook) for name in computes
    )
    return JobForecast(key, tuple(forecasts), frequency(job, outlook.today, outlook.runs_a_month))


def _durations(key: str, job: Mapping[str, Any], task: Mapping[str, Any], outlook: Outlook) -> Durations | None:
    """From past runs, else as stated for the task, else as stated for all."""
    names = (task["task_key"], inner_task(task)["task_key"])
    past = (outlook.history.durations(job["name"], name, outlook.last) for name in reversed(names))
    known = next((found for found in past if found), None)
    minutes = outlook.settings.assumed_minutes.get(f"{key}.{task['task_key']}", outlook.minutes)
    if known or minutes is None:
        return known
    return Durations(minutes * 60, minutes * 60, minutes * 60, f"assumed: {minutes} min")


def _cluster_seconds(
    tasks: Mapping[str, Mapping[str, Any]],
    computes: Mapping[str, TaskCompute],
    lasting: Mapping[str, Durations | None],
) -> dict[str, Range]:
    """Seconds of its cluster that each task pays for, by bound."""
    own = {name: _own_seconds(tasks[name], found) for name, found in lasting.items()}
    depends_on = {
        name: [one["task_key"] for one in task.get("depends_on", []) if one["task_key"] in tasks]
        for name, task in tasks.items()
    }
    clusters = {name: compute.cluster for name, compute in computes.items() if compute.cluster}
    billed = {bound: billed_seconds(depends_on, _known(own, bound), clusters) for bound in BOUNDS}
    return {name: Range(**{bound: billed[bound].get(name) for bound in BOUNDS}) for name in own}


def _own_seconds(task: Mapping[str, Any], durations: Durations | None) -> Range:
    if durations is None:
        return Range()
    attempts = _attempts(task)
    return Range(durations.shortest, durations.median, None if attempts is None else durations.longest * attempts)


def _attempts(task: Mapping[str, Any]) -> int | None:
    """How often a task may be tried; None for ever."""
    retries = int(inner_task(task).get("max_retries") or 0)
    return None if retries < 0 else 1 + retries


def _known(own: Mapping[str, Range], bound: str) -> dict[str, Decimal]:
    return {name: getattr(one, bound) for name, one in own.items() if getattr(one, bound) is not None}


def _forecast_task(
    job: str,
    task: Mapping[str, Any],
    compute: TaskCompute,
    durations: Durations | None,
    seconds: Range,
    outlook: Outlook,
) -> TaskForecast:
    costs = {bound: _cost(compute, getattr(seconds, bound), bound, outlook) for bound in BOUNDS}
    unpriced = next((one.reason for one in costs.values() if isinstance(one, Unpriced)), None)
    known = {bound: one for bound, one in costs.items() if isinstance(one, Decimal)}
    return TaskForecast(
        job=job,
        task_key=task["task_key"],
        compute=compute,
        basis=durations.source if durations else "not known",
        seconds=seconds,
        cost=Range(**known),
        at_most=_at_most(task, compute, outlook),
        assumptions=tuple(_assumptions(task, compute, seconds, outlook)),
        reason=unpriced or (None if durations else UNKNOWN),
    )


def _cost(compute: TaskCompute, seconds: Decimal | None, bound: str, outlook: Outlook) -> Decimal | Unpriced | None:
    found = _estimate(compute, seconds or Decimal(0), outlook)
    if isinstance(found, Unpriced):
        return found
    amount: Decimal = getattr(found, "usd" if bound == "expected" else bound)
    return None if seconds is None else amount


def _at_most(task: Mapping[str, Any], compute: TaskCompute, outlook: Outlook) -> Decimal | None:
    attempts, timeout = _attempts(task), inner_task(task).get("timeout_seconds")
    found = _estimate(compute, Decimal((attempts or 0) * (timeout or 0)), outlook)
    bounded = isinstance(found, Estimate) and attempts and timeout and "for_each_task" not in task
    return found.high if bounded and isinstance(found, Estimate) else None


def _estimate(compute: TaskCompute, seconds: Decimal, outlook: Outlook) -> Estimate | Unpriced:
    terms = replace(outlook.settings.terms, sku=compute.sku)
    return estimate(compute.shape, seconds, outlook.prices, terms)


def _assumptions(task: Mapping[str, Any], compute: TaskCompute, seconds: Range, outlook: Outlook) -> list[str]:
    found = _estimate(compute, Decimal(0), outlook)
    said = [*compute.assumptions, *(found.assumptions if isinstance(found, Estimate) else ())]
    if _attempts(task) is None:
        said.append("it may be tried for ever: there is no upper bound")
    elif _attempts(task) != 1 and seconds.high is not None:
        said.append(f"high counts {_attempts(task)} attempts")
    return said + (["a loop: its time is that of all iterations"] if "for_each_task" in task else [])
