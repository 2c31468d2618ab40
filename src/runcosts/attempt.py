"""An attempt of a task, as whoever ran it tells it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Attempt:
    """One attempt of one task: its key is (workspace, task_run_id, attempt).

    Attempts count from 0, as the Jobs API's attempt_number does; times are in UTC. Memory and processor time are of all
    its processes, where a runner measured them; on a cluster the platform's node_timeline has them.
    """

    workspace: str
    target: str | None
    job_id: str
    job_name: str
    job_run_id: str
    task_key: str
    task_run_id: str
    attempt: int
    started_at: datetime
    ended_at: datetime
    result_state: str
    peak_memory_mib: int | None = None
    cpu_seconds: Decimal | None = None

    @property
    def seconds(self) -> Decimal:
        """How long it ran."""
        return Decimal(str((self.ended_at - self.started_at).total_seconds()))
