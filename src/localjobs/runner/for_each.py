"""A for_each_task: one task for each input, some of them at a time."""

import json
from collections.abc import Callable
from typing import Any

from localjobs.errors import TaskStartError
from localjobs.references import Facts, as_text, render
from localjobs.runner.executions import Outcome
from localjobs.runner.task_run import TaskRun
from localjobs.spec.task import ForEachTask
from localjobs.states import OK, LifeCycle, Result

MAX_ITERATIONS = 5000
DEFAULT_CONCURRENCY = 1
_SHOWN = 200


class ForEachExecution:
    """Drives the iterations; every one is a task run with attempts of its own."""

    process = None
    started_run_id = None

    def __init__(self, parent: TaskRun, iterations: list[TaskRun], drive: Callable[[TaskRun], None]) -> None:
        """Begin with iterations that are blocked; `drive` does whatever is due for one of them."""
        loop = parent.task.for_each_task
        self._concurrency = (loop.concurrency if loop else None) or DEFAULT_CONCURRENCY
        self._parent = parent
        self._iterations = iterations
        self._drive = drive
        self._stopped: tuple[Result, str] | None = None

    def poll(self) -> Outcome | None:
        """Start iterations while there is room, and go on with those under way."""
        under_way = [one for one in self._iterations if not one.record.ended]
        for iteration in under_way[: self._concurrency]:
            if iteration.record.state is LifeCycle.BLOCKED:
                iteration.queue()
            self._drive(iteration)
        self._parent.set_iterations(tuple(one.record for one in self._iterations))
        return self._outcome() if all(one.record.ended for one in self._iterations) else None

    def stop(self, result: Result, message: str) -> None:
        """End all iterations."""
        self._stopped = self._stopped or (result, message)
        for iteration in self._iterations:
            iteration.cancel(result, message)

    def kill(self) -> None:
        """End the attempts that are under way at once."""
        for iteration in self._iterations:
            iteration.kill()

    def _outcome(self) -> Outcome:
        if self._stopped:
            return Outcome(*self._stopped)
        failed = [one.record for one in self._iterations if one.record.result not in OK]
        if not failed:
            return Outcome(Result.SUCCESS)
        count = f"{len(failed)} of {len(self._iterations)} iterations did not succeed"
        first = failed[0]
        detail = f"{first.name} with input {as_text(first.input)[:_SHOWN]}: {first.message or first.result}"
        return Outcome(Result.FAILED, f"{count}; {detail}")


def read_inputs(loop: ForEachTask, facts: Facts) -> list[Any]:
    """The inputs of the iterations; a TaskStartError says why they are none."""
    text = render(loop.inputs, facts)
    try:
        inputs = json.loads(text)
    except ValueError as error:
        raise TaskStartError(f"inputs must be a JSON array, not {text[:_SHOWN]!r}") from error
    if not isinstance(inputs, list):
        raise TaskStartError(f"inputs must be a JSON array, not {text[:_SHOWN]!r}")
    if len(inputs) > MAX_ITERATIONS:
        raise TaskStartError(f"{len(inputs):,} inputs are more than the {MAX_ITERATIONS:,} that a loop may have")
    return inputs
