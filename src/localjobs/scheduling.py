"""When jobs are due: by quartz cron or every so many hours, days or weeks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localjobs.bundle.resolve import Bundle
from localjobs.errors import BundleError, UnsupportedError
from localjobs.quartz import parse_cron
from localjobs.spec.job import Job, Periodic, Schedule
from localjobs.spec.parse import parse_job

_UNITS = {"HOURS": timedelta(hours=1), "DAYS": timedelta(days=1), "WEEKS": timedelta(weeks=1)}


@dataclass(frozen=True)
class Timer:
    """A job and the rule that says when it is due."""

    job_key: str
    next_after: Callable[[datetime], datetime | None]


def make_timers(bundle: Bundle, only: str | None, begun: datetime, *, even_paused: bool) -> list[Timer]:
    """Timers of all jobs that are scheduled; periodic ones count from `begun`."""
    if only is not None and only not in bundle.jobs:
        raise BundleError(
            f"no job {only!r} in the bundle {bundle.name}; its jobs are: {', '.join(sorted(bundle.jobs))}"
        )
    keys = [only] if only else sorted(bundle.jobs)
    jobs = {key: parse_job(key, bundle.jobs[key]) for key in keys}
    timers = [timer for key, job in jobs.items() for timer in _timers(key, job, begun, even_paused=even_paused)]
    if not timers:
        raise BundleError("nothing is scheduled, or everything is paused: --even-paused runs paused schedules too")
    return timers


def _timers(key: str, job: Job, begun: datetime, *, even_paused: bool) -> Iterator[Timer]:
    schedule, trigger = job.schedule, job.trigger
    if schedule is not None and (even_paused or schedule.pause_status != "PAUSED"):
        yield Timer(key, _by_cron(schedule))
    if trigger is None or (trigger.pause_status == "PAUSED" and not even_paused):
        return
    if trigger.periodic is None:
        raise UnsupportedError(f"jobs.{key}: of triggers only periodic ones work here; others need a workspace")
    yield Timer(key, _by_period(trigger.periodic, begun))


def _by_cron(schedule: Schedule) -> Callable[[datetime], datetime | None]:
    cron = parse_cron(schedule.quartz_cron_expression)
    try:
        zone = ZoneInfo(schedule.timezone_id)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BundleError(f"no timezone {schedule.timezone_id!r}") from error
    return lambda moment: cron.next_after(moment, zone)


def _by_period(periodic: Periodic, begun: datetime) -> Callable[[datetime], datetime]:
    step = periodic.interval * _UNITS[periodic.unit]
    return lambda moment: begun + step * ((moment - begun) // step + 1)
