"""How often a job runs in a month, by its schedule or trigger.

A month is a twelfth of the 365 days that follow the day it is asked for. Cron expressions are read by whatever the
entry point `quartz` of the group `runcosts.cron` names: a function from text to something with `next_after`.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import entry_points
from typing import Any, Protocol

from runcosts.errors import BundleError

MONTHS = 12
DAYS = 365
NOON = ("0", "0", "12")
HOURS_OF = {"HOURS": 1, "DAYS": 24, "WEEKS": 168}


class Cron(Protocol):
    """A quartz expression that was read: its times of day, and its days by `next_after`."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]

    def next_after(self, moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime | None:
        """The first time after a moment."""


@dataclass(frozen=True)
class Frequency:
    """Runs a month; None when nobody can know, and in any case why."""

    runs_a_month: Decimal | None
    why: str


def frequency(job: Mapping[str, Any], today: dt.date, stated: Decimal | None = None) -> Frequency:
    """How often a job runs.

    Args:
        job: the job's settings in a resolved bundle.
        today: the first of the days that are counted.
        stated: runs a month of a job that has neither schedule nor trigger.

    Raises:
        BundleError: there is a cron expression and nothing that reads it.
    """
    schedule, trigger = job.get("schedule"), job.get("trigger") or {}
    timer = schedule or trigger
    if timer and timer.get("pause_status") == "PAUSED":
        return Frequency(Decimal(0), "paused in this target")
    if schedule:
        text = schedule["quartz_cron_expression"]
        return Frequency(Decimal(_firings(schedule, today)) / MONTHS, f"cron {text} {schedule.get('timezone_id', '')}")
    if "periodic" in trigger:
        return _periodic(trigger["periodic"])
    if "continuous" in job or trigger:
        return Frequency(None, "continuous, or started by files or tables: nobody knows how often")
    if stated is not None:
        return Frequency(stated, "as stated")
    return Frequency(None, "no schedule: state --runs-a-month")


def read_cron(text: str) -> Cron:
    """Read an expression by the installed reader.

    Raises:
        BundleError: none is installed.
    """
    points = list(entry_points(group="runcosts.cron", name="quartz"))
    if not points:
        raise BundleError(f"cron {text!r}: nothing here reads it; install a package with an entry point runcosts.cron")
    reader: Callable[[str], Cron] = points[0].load()
    return reader(text)


def _firings(schedule: Mapping[str, Any], today: dt.date) -> int:
    """How often it fires in 365 days: its times of a day, on each of its days."""
    text: str = schedule["quartz_cron_expression"]
    cron = read_cron(text)
    once_a_day = read_cron(" ".join([*NOON, *text.split()[len(NOON) :]]))
    return len(cron.seconds) * len(cron.minutes) * len(cron.hours) * sum(1 for _ in firing_times(once_a_day, today))


def firing_times(cron: Cron, first: dt.date, days: int = DAYS, zone: dt.tzinfo = dt.UTC) -> Iterator[dt.datetime]:
    """When it fires on so many days, from the first one on."""
    moment = dt.datetime.combine(first, dt.time(), zone) - dt.timedelta(microseconds=1)
    end = moment + dt.timedelta(days=days)
    while (found := cron.next_after(moment, zone)) is not None and found <= end:
        yield found
        moment = found


def _periodic(rule: Mapping[str, Any]) -> Frequency:
    hours = rule["interval"] * HOURS_OF[rule["unit"]]
    return Frequency(Decimal(DAYS * 24) / hours / MONTHS, f"every {rule['interval']} {rule['unit'].lower()}")
