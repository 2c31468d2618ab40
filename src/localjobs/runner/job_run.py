"""One run of a job: which task starts when, and how the run ends."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from localjobs.runner.events import attempt_event
from localjobs.runner.executions import Execution
from localjobs.runner.launch import start_attempt
from localjobs.runner.plan import Plan
from localjobs.runner.task_run import TaskRun
from localjobs.semantics import Start, decide_result, decide_start
from localjobs.sinks import Sinks
from localjobs.spec.task import Task
from localjobs.state import records
from localjobs.state.store import Store
from localjobs.states import LifeCycle, Result

Listener = Callable[[records.Run, records.Task | None], None]
"""Hears of every change: of a task, or (None) of the run itself."""


class JobRun:
    """Advanced by `step` until it has ended; all state is in `record` and in the store."""

    def __init__(self, plan: Plan, store: Store, sinks: Sinks, listener: Listener) -> None:
        """Write the run down; nothing starts yet."""
        self.record = plan.run
        self._plan = plan
        self._store = store
        self._sinks = sinks
        self._listener = listener
        self._forced: tuple[Result, str] | None = None
        self._tasks = {
            task.task_key: TaskRun(task, record, self._start_attempt, self._task_changed)
            for task, record in zip(plan.job.tasks, plan.run.tasks, strict=True)
        }
        with store.transaction():
            store.save_run(self.record)
            for record in self.record.tasks:
                store.save_task(self.record.run_id, record)

    @property
    def cancelled(self) -> bool:
        """Whether the run has been told to end."""
        return self._forced is not None

    def wait_in_queue(self, message: str) -> None:
        """The job allows no further run for now."""
        self._change(state=LifeCycle.QUEUED, message=message)

    def begin(self) -> None:
        """The run has its turn."""
        self._change(state=LifeCycle.RUNNING, started_at=records.now(), message="")
        self._warn(self._sinks.take_warnings())

    def skip(self, result: Result, message: str) -> records.Run:
        """End without having begun."""
        self.cancel(result, message)
        self._sinks.close()
        self._change(state=LifeCycle.SKIPPED, result=result, message=message, ended_at=records.now())
        return self.record

    def step(self) -> bool:
        """Do whatever is due now; True once the run has ended."""
        moment = records.now()
        self._enforce_limits(moment)
        for task in self._tasks.values():
            self._collect(task)
        for task in self._tasks.values():
            self._advance(task, moment)
        if all(task.record.ended for task in self._tasks.values()):
            self._end()
        return self.record.ended

    def cancel(self, result: Result, message: str) -> None:
        """End all tasks; the run will have this result."""
        if self._forced is None:
            self._forced = (result, message)
        for task in self._tasks.values():
            task.cancel(result, message)

    def kill(self) -> None:
        """End the attempts that are under way at once."""
        for task in self._tasks.values():
            task.kill()

    def _start_attempt(self, task: Task, attempt: records.Attempt) -> Execution:
        return start_attempt(self._plan.bundle_root, self._plan.job, self.record, task, attempt)

    def _collect(self, task: TaskRun) -> None:
        attempt = task.poll()
        if attempt is None:
            return
        task.settle(self._publish(task, attempt))
        if self._forced is not None:
            task.cancel(*self._forced)

    def _publish(self, task: TaskRun, attempt: records.Attempt) -> records.Attempt:
        """Hand the attempt to the sinks, and add what they say of it."""
        if not task.needs_slot:
            return attempt
        event = attempt_event(self._plan.bundle_root, self.record, task.record, attempt)
        columns = self._sinks.attempt_finished(event)
        self._warn(self._sinks.take_warnings())
        return attempt.model_copy(update={"columns": columns})

    def _advance(self, task: TaskRun, moment: datetime) -> None:
        if task.record.state is LifeCycle.BLOCKED:
            self._unblock(task)
        if task.retry_due(moment):
            task.queue()
        if task.record.state is LifeCycle.QUEUED and (not task.needs_slot or self._free_slots() > 0):
            task.start_attempt()

    def _unblock(self, task: TaskRun) -> None:
        before = [self._tasks[dep.task_key].record for dep in task.task.depends_on]
        if not all(record.ended for record in before):
            return
        results = {record.task_key: record.result or Result.FAILED for record in before}
        answers = {record.task_key: record.outcome or "" for record in before if record.kind == "condition_task"}
        decision = decide_start(task.task, results, answers)
        if decision is not Start.RUN:
            task.leave_out(decision)
        elif task.task.disabled:
            task.disable()
        else:
            task.queue()

    def _free_slots(self) -> int:
        return self._plan.max_parallel - sum(task.running and task.needs_slot for task in self._tasks.values())

    def _enforce_limits(self, moment: datetime) -> None:
        running_for = moment - self.record.started_at
        limit = self._plan.job.timeout_seconds
        if limit and running_for > timedelta(seconds=limit) and self._forced is None:
            self.cancel(Result.TIMEDOUT, f"the run took longer than the job's timeout_seconds: {limit}")
        for rule in self._plan.job.health.rules if self._plan.job.health else ():
            warning = f"health: the run takes longer than {rule.value} seconds"
            late = rule.metric == "RUN_DURATION_SECONDS" and running_for > timedelta(seconds=rule.value)
            if late:
                self._warn([warning])

    def _end(self) -> None:
        self._sinks.close()
        self._warn(self._sinks.take_warnings())
        result, message = self._forced or (self._result(), "")
        self._change(state=LifeCycle.TERMINATED, result=result, message=message, ended_at=records.now())

    def _result(self) -> Result:
        results = {key: task.record.result or Result.FAILED for key, task in self._tasks.items()}
        return decide_result(self._plan.job.tasks, results)

    def _warn(self, warnings: list[str]) -> None:
        fresh = [warning for warning in dict.fromkeys(warnings) if warning not in self.record.warnings]
        if fresh:
            self._change(warnings=(*self.record.warnings, *fresh))

    def _change(self, **changes: Any) -> None:
        self.record = self.record.model_copy(update=changes)
        self._store.save_run(self.record)
        self._listener(self.record, None)

    def _task_changed(self, changed: records.Task) -> None:
        tasks = tuple(changed if task.task_key == changed.task_key else task for task in self.record.tasks)
        self.record = self.record.model_copy(update={"tasks": tasks})
        self._store.save_task(self.record.run_id, changed)
        self._listener(self.record, changed)
