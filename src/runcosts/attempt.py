"""An attempt of a task, as whoever ran it tells it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Attempt:
    """One attempt of one task: its key is (workspace, task_run_id, attempt).

    Attempts count from 0, as
    the Jobs API's attempt_number does; times are in UTC.
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

    @property
    def seconds(self) -> Decimal:
        """How long it ran."""
        return Decimal(str((self.ended_at - self.started_at).total_seconds()))
