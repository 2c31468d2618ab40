"""One task of a run: its attempts, its retries, its timeout."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from localjobs.errors import TaskStartError
from localjobs.runner.executions import Execution, Immediate, Outcome
from localjobs.runner.plan import new_id
from localjobs.semantics import Start, may_retry
from localjobs.spec.kinds import COMPOSITE_KINDS
from localjobs.spec.task import Task
from localjobs.state import records
from localjobs.states import LifeCycle, Result

StartAttempt = Callable[["TaskRun", records.Attempt], Execution]
Report = Callable[[records.Task], None]
_LEFT_OUT = {
    Start.EXCLUDE: (Result.EXCLUDED, "the condition for running was not met"),
    Start.UPSTREAM_FAILED: (Result.UPSTREAM_FAILED, "a task that it depends on failed"),
    Start.UPSTREAM_CANCELED: (Result.UPSTREAM_CANCELED, "a task that it depends on was cancelled"),
}


class TaskRun:
    """Carries a task from BLOCKED to its end; every change of its record is reported."""

    def __init__(self, task: Task, record: records.Task, start: StartAttempt, report: Report) -> None:
        """Begin with `record`; `start` starts an attempt, `report` receives the changed records."""
        self.task = task
        self.record = record
        self._start = start
        self._report = report
        self._earlier = len(record.attempts)
        self._execution: Execution | None = None
        self._cancelled = False

    @property
    def needs_slot(self) -> bool:
        """Whether the task occupies one of the run's parallel slots."""
        return self.task.kinds[0] not in COMPOSITE_KINDS

    @property
    def is_first_attempt(self) -> bool:
        """Whether at most one attempt was made since the task was last reset by a repair."""
        return len(self.record.attempts) - self._earlier <= 1

    @property
    def running(self) -> bool:
        """Whether an attempt is under way."""
        return self._execution is not None

    def leave_out(self, decision: Start) -> None:
        """End without an attempt, as `run_if` demands."""
        self._end(*_LEFT_OUT[decision])

    def disable(self) -> None:
        """End without an attempt, because the job says so."""
        self._end(Result.DISABLED, "the task is disabled")

    def queue(self) -> None:
        """Dependencies are met: wait for a slot."""
        self._change(state=LifeCycle.QUEUED)

    def retry_due(self, moment: datetime) -> bool:
        """Whether the interval between the starts of two attempts is over."""
        interval = timedelta(milliseconds=self.task.min_retry_interval_millis)
        return self.record.state is LifeCycle.WAITING_FOR_RETRY and (
            moment >= self.record.attempts[-1].started_at + interval
        )

    def start_attempt(self) -> None:
        """Start the next attempt; one that cannot start has failed."""
        moment = records.now()
        attempt = records.Attempt(task_run_id=new_id(), number=len(self.record.attempts), started_at=moment)
        try:
            self._execution = self._start(self, attempt)
        except (TaskStartError, OSError) as error:
            self._execution = Immediate(Outcome(Result.FAILED, f"cannot start: {error}"))
        attempt = attempt.model_copy(update=_marks(self._execution))
        attempts = (*self.record.attempts, attempt)
        started_at = self.record.started_at or moment
        self._change(state=LifeCycle.RUNNING, attempts=attempts, started_at=started_at, message="", result=None)

    def poll(self) -> records.Attempt | None:
        """The attempt, if it has just ended."""
        if self._execution is None:
            return None
        outcome = self._execution.poll()
        if outcome is None:
            self._enforce_timeout()
            return None
        self._execution = None
        return self._end_attempt(outcome)

    def settle(self, attempt: records.Attempt) -> None:
        """After `attempt`, and what sinks had to say of it: try again or end."""
        attempts = (*self.record.attempts[:-1], attempt)
        result = attempt.result or Result.FAILED
        if not self._cancelled and may_retry(self.task, result, len(attempts) - self._earlier):
            self._change(state=LifeCycle.WAITING_FOR_RETRY, attempts=attempts, message=attempt.message)
            return
        self.record = self.record.model_copy(update={"attempts": attempts})
        self._end(result, attempt.message)

    def set_iterations(self, iterations: tuple[records.Task, ...]) -> None:
        """What is now known of the iterations of a for_each_task."""
        if iterations != self.record.iterations:
            self._change(iterations=iterations)

    def skip(self, message: str) -> None:
        """End without an attempt, because this machine cannot run the task."""
        self._end(Result.EXCLUDED, message, LifeCycle.SKIPPED)

    def cancel(self, result: Result, message: str) -> None:
        """End as soon as possible, and try nothing again."""
        self._cancelled = True
        if self._execution is not None:
            self._execution.stop(result, message)
        elif not self.record.ended:
            blocked = self.record.state is LifeCycle.BLOCKED and self.record.depends_on
            self._end(Result.UPSTREAM_CANCELED if blocked else Result.CANCELED, message)

    def kill(self) -> None:
        """End the attempt that is under way at once."""
        if self._execution is not None:
            self._execution.kill()

    def _enforce_timeout(self) -> None:
        limit = self.task.timeout_seconds
        if self._execution is not None and limit and self.record.attempts[-1].seconds > limit:
            self._execution.stop(Result.TIMEDOUT, f"the attempt ran longer than timeout_seconds: {limit}")

    def _end_attempt(self, outcome: Outcome) -> records.Attempt:
        values = {**self.record.values, **outcome.values}
        self.record = self.record.model_copy(update={"values": values, "outcome": outcome.answer})
        return self.record.attempts[-1].model_copy(
            update={
                "state": LifeCycle.TERMINATED,
                "result": outcome.result,
                "message": outcome.message,
                "ended_at": outcome.ended_at or records.now(),
                "output": outcome.output,
                "exit_code": outcome.exit_code,
                "peak_memory_bytes": outcome.peak_memory_bytes,
                "cpu_seconds": outcome.cpu_seconds,
            }
        )

    def _end(self, result: Result, message: str, state: LifeCycle = LifeCycle.TERMINATED) -> None:
        moment = records.now()
        started_at = self.record.started_at or moment
        self._change(state=state, result=result, message=message, started_at=started_at, ended_at=moment)

    def _change(self, **changes: Any) -> None:
        self.record = self.record.model_copy(update=changes)
        self._report(self.record)


def _marks(execution: Execution) -> dict[str, Any]:
    """By what an attempt that is under way can be found."""
    return {"process": execution.process, "started_run_id": execution.started_run_id}
