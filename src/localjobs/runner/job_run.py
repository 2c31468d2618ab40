"""One run of a job: which task starts when, and how the run ends."""

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from localjobs.compute.shared import SharedCompute
from localjobs.runner import notices
from localjobs.runner.events import attempt_event
from localjobs.runner.means import Means
from localjobs.runner.plan import Plan
from localjobs.runner.postbox import Postbox
from localjobs.runner.task_run import TaskRun
from localjobs.semantics import Start, decide_result, decide_start
from localjobs.spec.job import Job
from localjobs.spec.kinds import unsupported, with_inner
from localjobs.spec.task import Task
from localjobs.state import records
from localjobs.states import LifeCycle, Result

BEAT_SECONDS = 0.5


class JobRun:
    """Advanced by `step` until it has ended; all state is in `record` and in the store."""

    def __init__(self, plan: Plan, means: Means) -> None:
        """Write the run down; nothing starts yet."""
        self.record = plan.run
        self.plan = plan
        self.means = means
        self._forced: tuple[Result, str] | None = None
        self._begun_at = self.record.started_at
        self._beat_at = 0.0
        self._postbox = Postbox(means.notifiers, plan.run.notifications)
        self._tasks = {
            task.task_key: TaskRun(task, record, partial(means.start, self), self._task_changed)
            for task, record in zip(plan.job.tasks, plan.run.tasks, strict=True)
        }
        with means.store.transaction():
            means.store.save_run(self.record)
            for record in self.record.tasks:
                means.store.save_task(self.record.run_id, record)

    @property
    def cancelled(self) -> bool:
        """Whether the run has been told to end."""
        return self._forced is not None

    def wait_in_queue(self, message: str) -> None:
        """The job allows no further run for now."""
        self._change(state=LifeCycle.QUEUED, message=message)

    def begin(self) -> None:
        """The run has its turn."""
        self._begun_at = records.now()
        started_at = self.record.started_at if self.record.repairs else self._begun_at
        self._change(state=LifeCycle.RUNNING, started_at=started_at, message="")
        self._warn(self.means.sinks.take_warnings())
        self._tell(notices.run_began(self.plan.job, self.record))

    def skip(self, result: Result, message: str) -> records.Run:
        """End without having begun."""
        self.cancel(result, message)
        self._close_sinks()
        self._finish(LifeCycle.SKIPPED, result, message)
        return self.record

    def step(self) -> bool:
        """Do whatever is due now; True once the run has ended."""
        self.attend()
        self._enforce_limits(records.now())
        for task in self._tasks.values():
            if task.record.state is LifeCycle.BLOCKED:
                self._unblock(task)
            self.drive(task)
        if all(task.record.ended for task in self._tasks.values()):
            self._end()
        return self.record.ended

    def attend(self) -> None:
        """Note now and then that the runner is alive, and hear whether somebody asks for an end."""
        if time.monotonic() - self._beat_at < BEAT_SECONDS:
            return
        self._beat_at = time.monotonic()
        self.means.store.beat(self.record.run_id)
        if self.means.store.cancel_requested(self.record.run_id):
            self.cancel(Result.CANCELED, "cancelled by `localjobs cancel`")

    def drive(self, task: TaskRun) -> None:
        """Do whatever is due for a task, or for an iteration of one, whose dependencies are met."""
        if task.running:
            name = task.record.name
            self._watch(task.task, task.record.attempts[-1].seconds, f"task {name}", name)
        self._collect(task)
        if task.retry_due(records.now()):
            task.queue()
        if task.record.state is LifeCycle.QUEUED and (not task.needs_slot or self.means.slots.free > 0):
            self.means.slots.free -= task.needs_slot
            task.start_attempt()
            attempt = task.record.attempts[-1]
            first = task.is_first_attempt
            self._tell(notices.attempt_began(task.task, task.record.name, attempt, first=first))

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

    def _collect(self, task: TaskRun) -> None:
        attempt = task.poll()
        if attempt is None:
            return
        self.means.slots.free += task.needs_slot
        attempt = self._publish(task, attempt)
        task.settle(attempt)
        self._tell(notices.attempt_ended(task.task, task.record.name, attempt, last=task.record.ended))

    def _publish(self, task: TaskRun, attempt: records.Attempt) -> records.Attempt:
        """Hand the attempt to the sinks, and add what they say of it."""
        if not task.needs_slot:
            return attempt
        event = attempt_event(self.plan.bundle.root, self.record, task.record, attempt)
        columns = self.means.sinks.attempt_finished(event)
        self._warn(self.means.sinks.take_warnings())
        return attempt.model_copy(update={"columns": columns})

    def _unblock(self, task: TaskRun) -> None:
        before = [self._tasks[dep.task_key].record for dep in task.task.depends_on]
        if not all(record.ended for record in before):
            return
        results = {record.task_key: _counts_as(record) for record in before}
        answers = {record.task_key: record.outcome or "" for record in before if record.kind == "condition_task"}
        decision = decide_start(task.task, results, answers)
        foreign = unsupported(task.task)
        if decision is not Start.RUN:
            task.leave_out(decision)
        elif task.task.disabled:
            task.disable()
        elif foreign:
            task.skip(f"left out: {foreign}")
        else:
            task.queue()

    def _enforce_limits(self, moment: datetime) -> None:
        running_for = moment - self._begun_at
        limit = self.plan.job.timeout_seconds
        if limit and running_for > timedelta(seconds=limit) and self._forced is None:
            self.cancel(Result.TIMEDOUT, f"the run took longer than the job's timeout_seconds: {limit}")
        self._watch(self.plan.job, running_for.total_seconds(), "the run")

    def _watch(self, settings: Job | Task, seconds: float, what: str, name: str | None = None) -> None:
        """Warn, once, of what takes longer than its health rule allows."""
        for limit in notices.long_limits(settings):
            warning = f"health: {what} takes longer than {limit} seconds"
            if seconds > limit and warning not in self.record.warnings:
                self._warn([warning])
                self._tell(notices.took_long(settings, warning, name))

    def _end(self) -> None:
        self._close_sinks()
        result, message = self._forced or (self._result(), "")
        self._finish(LifeCycle.TERMINATED, result, message)

    def _finish(self, state: LifeCycle, result: Result, message: str) -> None:
        ended: dict[str, Any] = {"state": state, "result": result, "ended_at": records.now()}
        repairs = self.record.repairs
        if repairs:
            repairs = (*repairs[:-1], repairs[-1].model_copy(update=ended))
        self._change(**ended, message=message, repairs=repairs)
        self._tell(notices.run_ended(self.plan.job, self.record))
        self._postbox.close()
        self._tell([])

    def _tell(self, told: list[records.Notification]) -> None:
        """Hand notifications over, and write down what became of earlier ones."""
        self._postbox.post(told, self.record)
        notifications = self._postbox.notifications()
        if notifications != self.record.notifications:
            self._change(notifications=notifications)

    def _close_sinks(self) -> None:
        if self.means.owned:
            self.means.sinks.close()
            self._warn(self.means.sinks.take_warnings())

    def _result(self) -> Result:
        results = {key: _counts_as(task.record) for key, task in self._tasks.items()}
        return decide_result(self.plan.job.tasks, results)

    def _warn(self, warnings: list[str]) -> None:
        fresh = [warning for warning in dict.fromkeys(warnings) if warning not in self.record.warnings]
        if fresh:
            self._change(warnings=(*self.record.warnings, *fresh))

    def _change(self, **changes: Any) -> None:
        self.record = self.record.model_copy(update=changes)
        self.means.store.save_run(self.record)
        self.means.listener(self.record, None)

    def _task_changed(self, changed: records.Task) -> None:
        tasks = tuple(changed if task.task_key == changed.task_key else task for task in self.record.tasks)
        self.record = self.record.model_copy(update={"tasks": tasks})
        self.means.store.save_task(self.record.run_id, changed)
        self.means.listener(self.record, changed)
        if changed.ended and self.means.shared:
            self._end_unneeded(self.means.shared)

    def _end_unneeded(self, shared: SharedCompute) -> None:
        """A cluster ends with the last task that uses it."""
        job = self.plan.job
        ended = {record.task_key for record in self.record.tasks if record.ended}
        used = {task.task_key: {job.compute_key(one) for one in with_inner(task)} for task in job.tasks}
        needed = set().union(*(keys for key, keys in used.items() if key not in ended))
        for compute_key in set().union(*used.values()) - needed:
            shared.end((self.record.run_id, compute_key))


def _counts_as(task: records.Task) -> Result:
    """The result as others see it: a task that this machine cannot run is taken as done."""
    return Result.SUCCESS if task.state is LifeCycle.SKIPPED else task.result or Result.FAILED
