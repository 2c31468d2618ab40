"""A task: what it runs, after what, how often and for how long."""

from typing import Any, Literal

from pydantic import Field

from localjobs.spec.compute import Library, NewCluster
from localjobs.spec.notices import EmailNotifications, Health, TaskNotificationSettings, WebhookNotifications
from localjobs.spec.settings import Settings, Text, TextMap

RunIf = Literal["ALL_SUCCESS", "AT_LEAST_ONE_SUCCESS", "NONE_FAILED", "ALL_DONE", "AT_LEAST_ONE_FAILED", "ALL_FAILED"]
Source = Literal["WORKSPACE", "GIT"]
TaskKey = str

FOREVER = -1
"""`max_retries` of a task that is tried until it succeeds."""


class Dependency(Settings):
    """A task that must end first; `outcome` asks for one answer of a condition."""

    task_key: Text
    outcome: Text | None = Field(default=None, pattern="^(true|false)$")


class PythonWheelTask(Settings):
    """An entry point of an installed package."""

    package_name: Text
    entry_point: Text
    named_parameters: TextMap | None = None
    parameters: tuple[Text, ...] | None = None


class SparkPythonTask(Settings):
    """A Python file."""

    python_file: Text
    parameters: tuple[Text, ...] = ()
    source: Source | None = None


class NotebookTask(Settings):
    """A notebook."""

    notebook_path: Text
    base_parameters: TextMap = Field(default_factory=dict)
    source: Source | None = None
    warehouse_id: Text | None = None


class ConditionTask(Settings):
    """A comparison whose answer chooses among the tasks that depend on it."""

    op: Literal["EQUAL_TO", "NOT_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL"]
    left: Text
    right: Text


class RunJobTask(Settings):
    """Another job."""

    job_id: Text
    dbt_commands: tuple[Text, ...] | None = None
    jar_params: tuple[Text, ...] | None = None
    job_parameters: TextMap = Field(default_factory=dict)
    notebook_params: TextMap | None = None
    pipeline_params: dict[str, Any] | None = None
    python_named_params: TextMap | None = None
    python_params: tuple[Text, ...] | None = None
    spark_submit_params: tuple[Text, ...] | None = None
    sql_params: TextMap | None = None


class SqlFile(Settings):
    """A file of SQL statements."""

    path: Text
    source: Source | None = None


class SqlTask(Settings):
    """SQL on a warehouse."""

    warehouse_id: Text
    alert: dict[str, Any] | None = None
    dashboard: dict[str, Any] | None = None
    file: SqlFile | None = None
    parameters: TextMap = Field(default_factory=dict)
    query: dict[str, Any] | None = None


class ForEachTask(Settings):
    """One task, once for each input."""

    inputs: Text
    task: "Task"
    concurrency: int | None = Field(default=None, ge=1, le=100)


Foreign = dict[str, Any] | None
"""The settings of a kind of task that only a workspace can run."""


class Task(Settings):
    """A node of the job's graph."""

    task_key: Text = Field(pattern=r"^[\w\-]{1,100}$")
    depends_on: tuple[Dependency, ...] = ()
    run_if: RunIf = "ALL_SUCCESS"
    description: Text | None = None
    disabled: bool = False
    max_retries: int = Field(default=0, ge=FOREVER)
    min_retry_interval_millis: int = Field(default=0, ge=0)
    retry_on_timeout: bool = False
    timeout_seconds: int = Field(default=0, ge=0)
    disable_auto_optimization: bool | None = None

    python_wheel_task: PythonWheelTask | None = None
    spark_python_task: SparkPythonTask | None = None
    notebook_task: NotebookTask | None = None
    condition_task: ConditionTask | None = None
    for_each_task: ForEachTask | None = None
    run_job_task: RunJobTask | None = None
    sql_task: SqlTask | None = None

    ai_runtime_task: Foreign = None
    alert_task: Foreign = None
    clean_rooms_notebook_task: Foreign = None
    dashboard_task: Foreign = None
    dbt_cloud_task: Foreign = None
    dbt_platform_task: Foreign = None
    dbt_task: Foreign = None
    gen_ai_compute_task: Foreign = None
    pipeline_task: Foreign = None
    power_bi_task: Foreign = None
    python_operator_task: Foreign = None
    spark_jar_task: Foreign = None
    spark_submit_task: Foreign = None

    compute: Foreign = None
    environment_key: Text | None = None
    environment_variables_key: Text | None = None
    existing_cluster_id: Text | None = None
    job_cluster_key: Text | None = None
    new_cluster: NewCluster | None = None
    libraries: tuple[Library, ...] = ()

    email_notifications: EmailNotifications | None = None
    health: Health | None = None
    notification_settings: TaskNotificationSettings | None = None
    webhook_notifications: WebhookNotifications | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The `…_task` settings that are given; a valid task has exactly one."""
        return tuple(
            name for name in type(self).model_fields if name.endswith("_task") and getattr(self, name) is not None
        )
