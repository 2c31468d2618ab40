"""When the clusters of scheduled jobs are up in a week, and with how many nodes."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from runcosts.bundle import Tree, resources_by_id
from runcosts.cluster import ClusterShape
from runcosts.compute import POOLS, inner_task
from runcosts.forecast import JobForecast, Outlook, TaskForecast, forecast_jobs
from runcosts.layout import times_of
from runcosts.schedule import firing_times, read_cron

DAYS = 7
ALL_NODES = "all nodes"
CONTINUOUS = "continuous"


@dataclass(frozen=True)
class Need:
    """Nodes of a cluster, in seconds from the start of a run. `scopes` are the limits that they count for."""

    task_key: str
    begin: Decimal
    end: Decimal
    nodes: int
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class PlannedJob:
    """A scheduled job: when it starts in the week (UTC), and what each run needs."""

    job: str
    cron: str
    zone: str
    starts: tuple[dt.datetime, ...]
    needs: tuple[Need, ...]

    @property
    def seconds(self) -> Decimal:
        """Of a run."""
        return max((need.end for need in self.needs), default=Decimal(0))


@dataclass(frozen=True)
class Week:
    """The jobs of a week, and what is left out or taken for granted."""

    first: dt.date
    jobs: tuple[PlannedJob, ...]
    notes: tuple[str, ...]

    @property
    def begin(self) -> dt.datetime:
        """Its first moment, in UTC."""
        return dt.datetime.combine(self.first, dt.time(), dt.UTC)


def plan_week(tree: Tree, outlook: Outlook, first: dt.date, *, even_paused: bool = False) -> Week:
    """Lay the scheduled jobs of a bundle on the seven days from the first one on.

    Raises:
        BundleError: a cron expression and nothing that reads it, or tasks that wait for each other.
    """
    jobs, notes = [], []
    for forecast in forecast_jobs(tree, outlook):
        job = tree["resources"]["jobs"][forecast.job]
        why = _left_out(job, even_paused=even_paused)
        if why:
            notes.append(f"{forecast.job}: left out: {why}")
            continue
        needs, assumed = _needs(tree, job, forecast)
        if "continuous" in job:
            jobs.append(_always(forecast.job, needs, first))
            continue
        notes += assumed
        jobs.append(PlannedJob(forecast.job, *_schedule(job), tuple(_starts(job, first)), tuple(needs)))
    return Week(first, tuple(jobs), tuple(notes))


def _left_out(job: Mapping[str, Any], *, even_paused: bool) -> str | None:
    schedule = job.get("schedule") or job.get("continuous")
    if schedule is None:
        return "it has no cron schedule, so nobody knows when it runs"
    paused = schedule.get("pause_status") == "PAUSED" and not even_paused
    return "paused in this target" if paused else None


def _always(job: str, needs: list[Need], first: dt.date) -> PlannedJob:
    """A continuous job: its clusters are up the whole week, whatever past runs took."""
    whole = Decimal(DAYS * 24 * 3600)
    always = tuple(replace(need, begin=Decimal(0), end=whole) for need in needs)
    return PlannedJob(job, CONTINUOUS, "UTC", (dt.datetime.combine(first, dt.time(), dt.UTC),), always)


def _schedule(job: Mapping[str, Any]) -> tuple[str, str]:
    return job["schedule"]["quartz_cron_expression"], job["schedule"].get("timezone_id") or "UTC"


def _starts(job: Mapping[str, Any], first: dt.date) -> Iterator[dt.datetime]:
    cron, zone = _schedule(job)
    begin = dt.datetime.combine(first, dt.time(), dt.UTC)
    # A day more on each side: the week is UTC's, the schedule's days are those of its zone.
    for found in firing_times(read_cron(cron), first - dt.timedelta(days=1), DAYS + 2, ZoneInfo(zone)):
        moment = found.astimezone(dt.UTC)
        if begin <= moment < begin + dt.timedelta(days=DAYS):
            yield moment


def _needs(tree: Tree, job: Mapping[str, Any], forecast: JobForecast) -> tuple[list[Need], list[str]]:
    """Of each cluster, from its first task's start to its last one's end; by timeouts where no past run tells."""
    tasks = {task["task_key"]: task for task in job["tasks"]}
    lasting, notes = {}, []
    for one in forecast.tasks:
        lasting[one.task_key], note = _seconds(forecast.job, one, tasks[one.task_key])
        notes += [note] if note else []
    after = {name: [dep["task_key"] for dep in task.get("depends_on", [])] for name, task in tasks.items()}
    begins, ends = times_of(after, lasting)
    clusters: dict[str, list[TaskForecast]] = {}
    for one in forecast.tasks:
        clusters.setdefault(one.compute.cluster or one.task_key, []).append(one)
    needs = []
    for members in clusters.values():
        keys = [member.task_key for member in members]
        begin, end = min(begins[key] for key in keys), max(ends[key] for key in keys)
        nodes = _nodes(members[0])
        if nodes is None:
            notes.append(f"{forecast.job}.{keys[0]}: its nodes are not known, and not counted")
        elif end > begin or "continuous" in job:
            scopes = (ALL_NODES, *_pools(tree, job, tasks[keys[0]]))
            needs.append(Need(", ".join(keys), begin, end, nodes, scopes))
    return needs, notes


def _seconds(job: str, forecast: TaskForecast, task: Mapping[str, Any]) -> tuple[Decimal, str | None]:
    if forecast.seconds.expected is not None:
        return forecast.seconds.expected, None
    timeout = inner_task(task).get("timeout_seconds") or task.get("timeout_seconds") or 0
    said = f"taken as its whole timeout of {timeout} s" if timeout else "has no timeout, so it is not counted"
    return Decimal(timeout), f"{job}.{forecast.task_key}: no past runs; {said}"


def _nodes(forecast: TaskForecast) -> int | None:
    shape = forecast.compute.shape
    return 1 + shape.max_workers if isinstance(shape, ClusterShape) else None


def _pools(tree: Tree, job: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[str]:
    """The pools that a task's cluster takes its nodes from; a driver's own pool counts the whole cluster too."""
    work = inner_task(task)
    keyed = {one["job_cluster_key"]: one["new_cluster"] for one in job.get("job_clusters", [])}
    cluster = work.get("new_cluster") or keyed.get(work.get("job_cluster_key", ""), {})
    named = {str(cluster[name]) for name in POOLS if cluster.get(name)}
    yield from sorted(pool_scope(key) for key, reference in pool_references(tree).items() if reference in named)


def pool_references(tree: Tree) -> dict[str, str]:
    """By what clusters name each pool of the bundle, by its key."""
    keys = tree["resources"].get("instance_pools") or {}
    return dict(zip(keys, resources_by_id(tree, "instance_pools"), strict=True))


def pool_scope(key: str) -> str:
    """The name of a pool's limit."""
    return f"pool {key}"
