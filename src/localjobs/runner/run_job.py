"""A run_job_task: a run of another job of the bundle."""

import time

from localjobs.runner.executions import Outcome
from localjobs.runner.job_run import JobRun
from localjobs.runner.turns import QUEUE_SECONDS, Turn, ask_turn, refuse_turn
from localjobs.states import LifeCycle, Result

_OWN_RESULTS = {Result.SUCCESS, Result.SUCCESS_WITH_FAILURES, Result.CANCELED, Result.TIMEDOUT}


class RunJobExecution:
    """Drives the other run; its result is the task's."""

    process = None

    def __init__(self, run: JobRun) -> None:
        """Begin with a run that is written down and has not begun."""
        self._run = run
        self._turn = Turn.WAIT
        self._ask_at = 0.0
        self.started_run_id = run.record.run_id

    def poll(self) -> Outcome | None:
        """Begin the run once it has its turn, then go on with it."""
        if self._turn is Turn.WAIT and time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + QUEUE_SECONDS
            self._turn = ask_turn(self._run)
        if self._turn is Turn.REFUSED:
            refuse_turn(self._run)
        elif self._turn is Turn.BEGUN:
            self._run.step()
        return self._outcome() if self._run.record.ended else None

    def stop(self, result: Result, message: str) -> None:
        """Cancel the other run."""
        self._run.cancel(result, message)
        self._ask_at = 0.0

    def kill(self) -> None:
        """End the attempts of the other run at once."""
        self._run.kill()

    def _outcome(self) -> Outcome:
        record = self._run.record
        known = record.result in _OWN_RESULTS and record.state is LifeCycle.TERMINATED
        result = record.result if record.result and known else Result.FAILED
        detail = f": {record.message}" if record.message else ""
        return Outcome(result, f"run {record.run_id} of job {record.job_key} ended {record.result}{detail}")
