"""A job: its tasks, parameters, clusters, limits and triggers."""

from typing import Any, Literal

from pydantic import Field

from localjobs.spec.compute import Environment, JobCluster
from localjobs.spec.notices import EmailNotifications, Health, JobNotificationSettings, WebhookNotifications
from localjobs.spec.settings import PauseStatus, Settings, Text, TextMap
from localjobs.spec.task import Task

MAX_TASKS = 1000
MAX_TAGS = 25


class Parameter(Settings):
    """A parameter of a job with its default."""

    name: Text
    default: Text


class Schedule(Settings):
    """A quartz cron expression."""

    quartz_cron_expression: Text
    timezone_id: Text
    pause_status: PauseStatus | None = None
    sql_condition: dict[str, Any] | None = None


class Periodic(Settings):
    """A run every so many units of time."""

    interval: int = Field(ge=1)
    unit: Literal["HOURS", "DAYS", "WEEKS"]


class FileArrival(Settings):
    """A run when files arrive."""

    url: Text
    min_time_between_triggers_seconds: int | None = None
    wait_after_last_change_seconds: int | None = None


class Trigger(Settings):
    """What starts a job besides people and schedules."""

    file_arrival: FileArrival | None = None
    model: dict[str, Any] | None = None
    pause_status: PauseStatus | None = None
    periodic: Periodic | None = None
    sql_condition: dict[str, Any] | None = None
    table_update: dict[str, Any] | None = None


class Continuous(Settings):
    """A job that is started again whenever it ends."""

    maintenance_window: dict[str, Any] | None = None
    pause_status: PauseStatus | None = None
    task_retry_mode: Text | None = None


class Queue(Settings):
    """Whether further runs wait or are skipped."""

    enabled: bool


class RunAs(Settings):
    """The identity of the runs."""

    group_name: Text | None = None
    service_principal_name: Text | None = None
    user_name: Text | None = None


class Permission(Settings):
    """Who may do what with the job."""

    level: Text
    group_name: Text | None = None
    service_principal_name: Text | None = None
    user_name: Text | None = None


class Lifecycle(Settings):
    """Whether a deployment may destroy the job."""

    prevent_destroy: bool | None = None


class Job(Settings):
    """All settings of a job that Databricks knows."""

    name: Text = "Untitled"
    description: Text | None = None
    tasks: tuple[Task, ...] = Field(default=(), max_length=MAX_TASKS)
    parameters: tuple[Parameter, ...] = ()
    tags: TextMap = Field(default_factory=dict, max_length=MAX_TAGS)
    job_clusters: tuple[JobCluster, ...] = ()
    environments: tuple[Environment, ...] = ()
    environment_variables: tuple[dict[str, Any], ...] = ()
    max_concurrent_runs: int = Field(default=1, ge=0)
    queue: Queue = Queue(enabled=True)
    timeout_seconds: int = Field(default=0, ge=0)

    schedule: Schedule | None = None
    trigger: Trigger | None = None
    triggers: tuple[dict[str, Any], ...] = ()
    continuous: Continuous | None = None

    email_notifications: EmailNotifications | None = None
    webhook_notifications: WebhookNotifications | None = None
    notification_settings: JobNotificationSettings | None = None
    health: Health | None = None

    run_as: RunAs | None = None
    permissions: tuple[Permission, ...] = ()
    budget_policy_id: Text | None = None
    usage_policy_id: Text | None = None
    performance_target: Text | None = None
    duration_target: Text | None = None
    git_source: dict[str, Any] | None = None
    parent_path: Text | None = None

    id: Text = ""
    lifecycle: Lifecycle | None = None
    deployment: dict[str, Any] | None = None
    edit_mode: Text | None = None
    format: Text | None = None

    def task(self, key: str) -> Task:
        """The task with this key."""
        return next(task for task in self.tasks if task.task_key == key)

    @staticmethod
    def compute_key(task: Task) -> str:
        """What tasks that share their compute have in common; a task with a cluster of its own shares with nobody."""
        if task.new_cluster:
            return f"task {task.task_key}"
        return task.job_cluster_key or task.environment_key or task.existing_cluster_id or "default"

    def compute_of(self, task: Task) -> dict[str, Any] | None:
        """The settings of the cluster or the environment that Databricks would give to the task."""
        clusters = {cluster.job_cluster_key: cluster.new_cluster for cluster in self.job_clusters}
        environments = {item.environment_key: item.spec for item in self.environments}
        chosen = (
            task.new_cluster or clusters.get(task.job_cluster_key or "") or environments.get(task.environment_key or "")
        )
        return chosen.model_dump(mode="json", exclude_unset=True) if chosen else None
