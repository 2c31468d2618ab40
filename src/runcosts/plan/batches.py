"""How many iterations of a loop, such as queued experiments, a run has room for: by its timeout and by money."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from runcosts.batch import usual_cost
from runcosts.bundle import Tree
from runcosts.compute import inner_task
from runcosts.forecast import Outlook
from runcosts.history import plain_name

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Batch:
    """A loop of a job. Amounts of one iteration are medians of past ones, None where there were none.

    `most` is how many end before the job's timeout.
    """

    job: str
    task_key: str
    concurrency: int
    minutes: Decimal | None
    cost: Decimal | None
    most: int | None


def find_batches(tree: Tree, outlook: Outlook, rows: Rows) -> Iterator[Batch]:
    """The loops of all jobs."""
    for key, job in (tree["resources"].get("jobs") or {}).items():
        for task in job.get("tasks", []):
            if "for_each_task" in task:
                yield _batch(key, job, task, outlook, rows)


def _batch(key: str, job: Mapping[str, Any], task: Mapping[str, Any], outlook: Outlook, rows: Rows) -> Batch:
    inner = inner_task(task)["task_key"]
    concurrency, timeout = int(task["for_each_task"].get("concurrency") or 1), int(job.get("timeout_seconds") or 0)
    name = plain_name(job["name"])
    one = [row for row in rows if row["task_key"] == inner and plain_name(row["job_name"]) == name]
    seconds = sorted(row["seconds"] for row in one)[len(one) // 2] if one else None
    most = int(timeout / seconds) * concurrency if seconds and timeout else None
    cost = usual_cost(rows, job["name"], inner, max(outlook.last, 1))
    minutes = None if seconds is None else seconds / 60
    return Batch(key, f"{task['task_key']}.{inner}", concurrency, minutes, cost, most)
