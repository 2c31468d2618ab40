"""What a run works with, besides its plan; the runs that its tasks start share it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from localjobs.compute.shared import SharedCompute
from localjobs.notifiers.notifier import Notifier
from localjobs.runner.executions import Execution
from localjobs.sinks import Sinks
from localjobs.state import records
from localjobs.state.store import Store

Listener = Callable[[records.Run, records.Task | None], None]
"""Hears of every change: of a task, or (None) of the run itself."""


@dataclass
class Slots:
    """How many more processes may run at once."""

    free: int


@dataclass(frozen=True)
class Means:
    """The composition root makes one for each command."""

    store: Store
    sinks: Sinks
    slots: Slots
    listener: Listener
    notifiers: list[Notifier]
    start: Callable[[Any, Any, records.Attempt], Execution]
    """Starts an attempt, given the job's run and the task's run."""
    shared: SharedCompute | None = None
    """Servers that tasks share; None where each task has a Spark of its own."""
    owned: bool = True
    """Whether the sinks end with this run."""

    def lend(self) -> "Means":
        """The same for a run that a task starts; it is shown as its task, and closes nothing."""
        return replace(self, listener=_hear_nothing, owned=False)


def _hear_nothing(_run: records.Run, _task: records.Task | None) -> None:
    """The task that started the run is what is shown."""
