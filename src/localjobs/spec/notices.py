"""Who is told of what: notifications and health rules."""

from typing import Literal

from localjobs.spec.settings import Settings, Text

Addresses = tuple[Text, ...] | None


class EmailNotifications(Settings):
    """Addresses by occasion."""

    no_alert_for_skipped_runs: bool | None = None
    on_duration_warning_threshold_exceeded: Addresses = None
    on_failure: Addresses = None
    on_maintenance_complete: Addresses = None
    on_maintenance_start: Addresses = None
    on_start: Addresses = None
    on_streaming_backlog_exceeded: Addresses = None
    on_success: Addresses = None


class Webhook(Settings):
    """A notification destination of the workspace."""

    id: Text


Webhooks = tuple[Webhook, ...] | None


class WebhookNotifications(Settings):
    """Destinations by occasion."""

    on_duration_warning_threshold_exceeded: Webhooks = None
    on_failure: Webhooks = None
    on_maintenance_complete: Webhooks = None
    on_maintenance_start: Webhooks = None
    on_start: Webhooks = None
    on_streaming_backlog_exceeded: Webhooks = None
    on_success: Webhooks = None


class JobNotificationSettings(Settings):
    """When a job keeps quiet."""

    no_alert_for_canceled_runs: bool | None = None
    no_alert_for_skipped_runs: bool | None = None


class TaskNotificationSettings(JobNotificationSettings):
    """When a task keeps quiet."""

    alert_on_last_attempt: bool | None = None


class HealthRule(Settings):
    """A measure of a run that warns past a limit; it never ends the run."""

    metric: Literal[
        "RUN_DURATION_SECONDS",
        "STREAMING_BACKLOG_BYTES",
        "STREAMING_BACKLOG_FILES",
        "STREAMING_BACKLOG_RECORDS",
        "STREAMING_BACKLOG_SECONDS",
    ]
    op: Literal["GREATER_THAN"]
    value: int


class Health(Settings):
    """The health rules of a job or a task."""

    rules: tuple[HealthRule, ...] = ()
