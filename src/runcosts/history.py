"""How long tasks took in past runs, and what they cost, from the rows of a ledger."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from runcosts.settings import PLACEHOLDER, Settings
from runcosts.tracking import SUCCESS_STATES

PREFIX = re.compile(r"^\[[^\]]*\]\s*")
Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class PastTask:
    """One task of one past run, all its attempts together."""

    started_at: dt.datetime
    workspace: str
    seconds: Decimal
    longest: Decimal
    succeeded: bool


@dataclass(frozen=True)
class Durations:
    """Seconds of a task in past runs: the shortest and the median run with all attempts, and the longest attempt."""

    shortest: Decimal
    median: Decimal
    longest: Decimal
    source: str


class History:
    """Past runs by job and task. A job's name counts without the prefix that development puts before it."""

    def __init__(self, rows: Rows = ()) -> None:
        """Take the rows of a ledger, in any order."""
        runs: dict[tuple[str, str], dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            runs[plain_name(row["job_name"]), row["task_key"]][row["job_run_id"]].append(row)
        self._tasks = {key: sorted(map(_past_task, found.values()), key=_begin) for key, found in runs.items()}

    def durations(self, job_name: str, task_key: str, last: int) -> Durations | None:
        """Of the last runs in which the task succeeded; None if there are none."""
        past = [task for task in self._tasks.get((plain_name(job_name), task_key), []) if task.succeeded][-last:]
        if not past:
            return None
        places = ", ".join(sorted({task.workspace for task in past}))
        source = f"median of {len(past)} past run{'s' if len(past) > 1 else ''} ({places})"
        seconds = [task.seconds for task in past]
        return Durations(min(seconds), median(seconds), max(task.longest for task in past), source)


def plain_name(job_name: str) -> str:
    """A job's name without the prefix of a development target."""
    return PREFIX.sub("", job_name)


def ledger_rows(root: Path, settings: Settings) -> list[dict[str, Any]]:
    """All rows of the bundle's ledgers on this machine, whatever the parameters in their folder's name."""
    from runcosts.local_ledger import LocalLedger  # noqa: PLC0415 - slow to import, and few commands need it

    folders = sorted(root.glob(PLACEHOLDER.sub("*", settings.ledger))) if settings.ledger else []
    return [row for folder in folders for row in LocalLedger(folder).rows()]


def _past_task(attempts: Sequence[Mapping[str, Any]]) -> PastTask:
    ordered = sorted(attempts, key=lambda row: row["ended_at"])
    return PastTask(
        started_at=min(row["started_at"] for row in ordered),
        workspace=ordered[-1]["workspace"],
        seconds=sum((row["seconds"] for row in ordered), Decimal(0)),
        longest=max(row["seconds"] for row in ordered),
        succeeded=ordered[-1]["result_state"].upper() in SUCCESS_STATES,
    )


def _begin(task: PastTask) -> dt.datetime:
    return task.started_at
