"""Rules on limits, retries, notifications, tags and schedules: what goes wrong while a job runs."""

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localjobs.errors import BundleError
from localjobs.lint.findings import Steps, Subject
from localjobs.quartz import parse_cron
from localjobs.spec.job import Job
from localjobs.spec.kinds import COMPOSITE_KINDS, every_task
from localjobs.spec.task import Task

COST_TAG = re.compile(r"cost|project|team|owner|budget", re.IGNORECASE)
Found = Iterator[tuple[Steps, str]]


def _programs(subject: Subject) -> Iterator[tuple[Steps, Task]]:
    for path, task in every_task(subject.job):
        if task.kinds and task.kinds[0] not in COMPOSITE_KINDS:
            yield path, task


def missing_timeout(subject: Subject) -> Found:
    """Tasks that may run for ever."""
    for path, task in _programs(subject):
        if not task.timeout_seconds:
            yield path, f"task {task.task_key} has no timeout_seconds"


def missing_retries(subject: Subject) -> Found:
    """Tasks that say nothing of retries."""
    for path, task in _programs(subject):
        if "max_retries" not in task.model_fields_set:
            yield path, f"task {task.task_key} does not say max_retries"


def missing_notification(subject: Subject) -> Found:
    """Jobs whose failure nobody hears of."""
    job = subject.job
    told: list[Job | Task] = [job, *(task for _, task in every_task(job))]
    groups = [group for one in told for group in (one.email_notifications, one.webhook_notifications)]
    if not any(group and group.on_failure for group in groups):
        yield (), f"job {subject.key} tells nobody when it fails"


def missing_cost_tag(subject: Subject) -> Found:
    """Jobs whose bill cannot be told from others."""
    clusters = [cluster.new_cluster for cluster in subject.job.job_clusters if cluster.new_cluster]
    names = {*subject.job.tags, *(name for cluster in clusters for name in cluster.custom_tags or {})}
    if not any(COST_TAG.search(name) for name in names):
        yield (), f"job {subject.key} has no tag that says whose cost it is"


def all_purpose_compute(subject: Subject) -> Found:
    """Interactive clusters under production jobs."""
    for path, task in every_task(subject.job):
        if subject.mode == "production" and task.existing_cluster_id:
            yield (*path, "existing_cluster_id"), f"task {task.task_key} runs on all-purpose compute in production"


def bad_cron(subject: Subject) -> Found:
    """Schedules that Databricks would refuse."""
    schedule = subject.job.schedule
    if schedule is None:
        return
    try:
        parse_cron(schedule.quartz_cron_expression)
    except BundleError as error:
        yield ("schedule", "quartz_cron_expression"), str(error)
    try:
        ZoneInfo(schedule.timezone_id)
    except (ZoneInfoNotFoundError, ValueError):
        yield ("schedule", "timezone_id"), f"no timezone {schedule.timezone_id!r}"


def unpaused_in_development(subject: Subject) -> Found:
    """Schedules that start by themselves in every developer's copy."""
    for name in ("schedule", "trigger", "continuous"):
        trigger = getattr(subject.job, name)
        if subject.mode == "development" and trigger is not None and trigger.pause_status != "PAUSED":
            yield (name,), f"{name} of job {subject.key} is not paused in development"


def missing_concurrency(subject: Subject) -> Found:
    """Loops whose width depends on a default that the documentation disagrees about."""
    for path, task in every_task(subject.job):
        if task.for_each_task is not None and task.for_each_task.concurrency is None:
            yield (*path, "for_each_task"), f"for_each_task {task.task_key} does not say concurrency"


def missing_spark_version(subject: Subject) -> Found:
    """Clusters that the CLI accepts and Databricks refuses."""
    for index, cluster in enumerate(subject.job.job_clusters):
        if cluster.new_cluster and not cluster.new_cluster.spark_version:
            yield ("job_clusters", index), f"job cluster {cluster.job_cluster_key} has no spark_version"
    for path, task in every_task(subject.job):
        if task.new_cluster is not None and not task.new_cluster.spark_version:
            yield (*path, "new_cluster"), f"the cluster of task {task.task_key} has no spark_version"


def job_cluster_autotermination(subject: Subject) -> Found:
    """A setting that job clusters do not have."""
    for index, cluster in enumerate(subject.job.job_clusters):
        if cluster.new_cluster and cluster.new_cluster.autotermination_minutes is not None:
            path = ("job_clusters", index, "new_cluster", "autotermination_minutes")
            yield path, f"job cluster {cluster.job_cluster_key} sets autotermination_minutes"
