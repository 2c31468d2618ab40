"""Who is told of what, by the notification settings of a job and its tasks."""

from collections.abc import Iterator
from typing import Any

from localjobs.spec.job import Job
from localjobs.spec.task import Task
from localjobs.state.records import Attempt, Notification, Run, now
from localjobs.states import LifeCycle, Result
from localjobs.wording import word_seconds

ON_START, ON_SUCCESS, ON_FAILURE = "on_start", "on_success", "on_failure"
ON_LONG = "on_duration_warning_threshold_exceeded"
_FAILED = frozenset({Result.FAILED, Result.TIMEDOUT})


def run_began(job: Job, run: Run) -> list[Notification]:
    """Of a run that starts."""
    return list(_address(job, ON_START, f"{run.job_name}: started"))


def run_ended(job: Job, run: Run) -> list[Notification]:
    """Of a run that has ended: success means exactly SUCCESS, and skipped or cancelled runs fail unless muted."""
    text = f"{run.job_name}: {run.result} after {word_seconds(run.seconds)}{f'; {run.message}' if run.message else ''}"
    if run.state is LifeCycle.SKIPPED:
        muted = _setting(job, "no_alert_for_skipped_runs")
        return [] if muted else list(_address(job, ON_FAILURE, text))
    occasion = _occasion(job, run.result)
    return list(_address(job, occasion, text)) if occasion else []


def attempt_began(task: Task, name: str, attempt: Attempt, *, first: bool) -> list[Notification]:
    """Of an attempt that starts; with alert_on_last_attempt only of the first one."""
    if not first and _setting(task, "alert_on_last_attempt"):
        return []
    return list(_address(task, ON_START, f"{name}: attempt {attempt.number + 1} started", name))


def attempt_ended(task: Task, name: str, attempt: Attempt, *, last: bool) -> list[Notification]:
    """Of an attempt that has ended; with alert_on_last_attempt failures before the last one are not told."""
    occasion = _occasion(task, attempt.result)
    if occasion is None or (occasion == ON_FAILURE and not last and _setting(task, "alert_on_last_attempt")):
        return []
    detail = f"; {attempt.message}" if attempt.message else ""
    text = f"{name}: attempt {attempt.number + 1} {attempt.result} after {word_seconds(attempt.seconds)}{detail}"
    return list(_address(task, occasion, text, name))


def took_long(settings: Job | Task, text: str, name: str | None = None) -> list[Notification]:
    """Of a run or an attempt that takes longer than its health rule allows."""
    return list(_address(settings, ON_LONG, text, name))


def long_limits(settings: Job | Task) -> Iterator[int]:
    """The limits in seconds of the health rules."""
    for rule in settings.health.rules if settings.health else ():
        if rule.metric == "RUN_DURATION_SECONDS":
            yield rule.value


def _occasion(settings: Job | Task, result: Result | None) -> str | None:
    if result is Result.SUCCESS:
        return ON_SUCCESS
    if result is Result.CANCELED:
        return None if _setting(settings, "no_alert_for_canceled_runs") else ON_FAILURE
    return ON_FAILURE if result in _FAILED else None


def _setting(settings: Job | Task, name: str) -> bool:
    groups: tuple[Any, ...] = (settings.notification_settings, settings.email_notifications)
    return any(getattr(group, name, None) for group in groups)


def _address(settings: Job | Task, occasion: str, text: str, name: str | None = None) -> Iterator[Notification]:
    for address in getattr(settings.email_notifications, occasion, None) or ():
        yield Notification(occasion=occasion, task=name, channel="email", to=address, text=text, at=now())
    for hook in getattr(settings.webhook_notifications, occasion, None) or ():
        yield Notification(occasion=occasion, task=name, channel="webhook", to=hook.id, text=text, at=now())
