"""Drives a run to its end, through signals, queues and requests to cancel."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

from localjobs.compute.shared import SharedCompute
from localjobs.notifiers.notifier import Notifier
from localjobs.runner.compose import start_any
from localjobs.runner.job_run import JobRun
from localjobs.runner.means import Listener, Means, Slots
from localjobs.runner.plan import Plan
from localjobs.runner.turns import QUEUE_SECONDS, Turn, ask_turn, refuse_turn
from localjobs.sinks import Sinks
from localjobs.state import records
from localjobs.state.store import Store
from localjobs.states import Result

POLL_SECONDS = 0.01

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Counts the signals that ask for an end."""

    def __init__(self) -> None:
        """None so far."""
        self.count = 0
        self.name = ""

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Count one."""
        self.count += 1
        self.name = signal.Signals(number).name


@contextmanager
def catching_signals() -> Iterator[Interrupts]:
    """Count signals instead of dying of them; outside the main thread there is nothing to catch."""
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    before = {number: signal.signal(number, interrupts.receive) for number in _SIGNALS}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_plan(
    plan: Plan,
    store: Store,
    sinks: Sinks,
    listener: Listener,
    notifiers: list[Notifier] | None = None,
    *,
    shared_compute: bool = False,
) -> records.Run:
    """Run the job to its end. SIGTERM or Ctrl-C cancels it in order, a second one at once."""
    with catching_signals() as interrupts, SharedCompute() if shared_compute else nullcontext() as shared:
        means = Means(store, sinks, Slots(plan.max_parallel), listener, notifiers or [], start_any, shared)
        run = JobRun(plan, means)
        driver = _Driver(run, interrupts)
        while (turn := ask_turn(run)) is Turn.WAIT:
            driver.attend(QUEUE_SECONDS)
        if turn is Turn.REFUSED:
            return refuse_turn(run)
        while not run.step():
            driver.attend(POLL_SECONDS)
        return run.record


class _Driver:
    """What must be looked at while a run is under way."""

    def __init__(self, run: JobRun, interrupts: Interrupts) -> None:
        self._run = run
        self._interrupts = interrupts
        self._heard = 0

    def attend(self, seconds: float) -> None:
        """Wait a little; pass on signals and requests to cancel."""
        time.sleep(seconds)
        if self._interrupts.count > self._heard:
            self._heard = self._interrupts.count
            self._run.cancel(Result.CANCELED, f"cancelled by {self._interrupts.name}")
            if self._heard > 1:
                self._run.kill()
        self._run.attend()
