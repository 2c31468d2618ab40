"""Runs whose runner died: found, ended in the records, told of, and nothing of them left running."""

import os
import signal
from collections.abc import Callable
from datetime import datetime

from localjobs.notifiers.notifier import Notifier
from localjobs.runner.belated import tell_of_end
from localjobs.runner.events import attempt_event
from localjobs.runner.processes import identify, is_alive, signal_session
from localjobs.sinks import Sinks
from localjobs.spec.kinds import COMPOSITE_KINDS
from localjobs.state.records import Attempt, Run, Task
from localjobs.state.store import Store
from localjobs.states import LifeCycle, Result

MESSAGE = "the runner of this run died before the run ended"

MakeSinks = Callable[[str], Sinks]
"""Makes the sinks for a target."""


def recover(store: Store, make_sinks: MakeSinks, notifiers: list[Notifier]) -> list[Run]:
    """End every run whose runner is gone, and tell whom its job tells; the runs as they now are."""
    dead = [run.run_id for run in store.unfinished() if not is_alive(run.runner)]
    claimed = [run_id for run_id in dead if _claim(store, run_id)]
    return [_end(store, store.load(run_id), make_sinks, notifiers) for run_id in claimed]


def _claim(store: Store, run_id: int) -> bool:
    """Whether nobody else was faster: from now on this process answers for the run."""
    with store.transaction():
        run = store.load(run_id)
        free = not run.ended and not is_alive(run.runner)
        if free:
            store.save_run(run.model_copy(update={"runner": identify(os.getpid())}))
    return free


def _end(store: Store, run: Run, make_sinks: MakeSinks, notifiers: list[Notifier]) -> Run:
    moment = datetime.fromisoformat(store.alive_at(run.run_id))
    sinks = make_sinks(run.target)
    tasks = tuple(task if task.ended else _end_task(store, run, task, moment, sinks) for task in run.tasks)
    sinks.close()
    end = {"state": LifeCycle.INTERNAL_ERROR, "result": Result.FAILED, "ended_at": moment}
    ended = run.model_copy(
        update={
            **end,
            "tasks": tasks,
            "message": MESSAGE,
            "repairs": (*run.repairs[:-1], *(repair.model_copy(update=end) for repair in run.repairs[-1:])),
            "warnings": (*run.warnings, *sinks.take_warnings()),
        }
    )
    return tell_of_end(store, run, ended, notifiers)


def _end_task(store: Store, run: Run, task: Task, moment: datetime, sinks: Sinks) -> Task:
    ended = _ended_task(store, run, task, moment, sinks)
    store.save_task(run.run_id, ended)
    return ended


def _ended_task(store: Store, run: Run, task: Task, moment: datetime, sinks: Sinks) -> Task:
    attempts = task.attempts
    if attempts and attempts[-1].result is None:
        attempts = (*attempts[:-1], _end_attempt(store, run, task, attempts[-1], moment, sinks))
    result = Result.FAILED if attempts else Result.UPSTREAM_FAILED if task.depends_on else Result.CANCELED
    iterations = [one if one.ended else _ended_task(store, run, one, moment, sinks) for one in task.iterations]
    return task.model_copy(
        update={
            "attempts": attempts,
            "iterations": tuple(iterations),
            "state": LifeCycle.TERMINATED,
            "result": result,
            "message": MESSAGE,
            "ended_at": moment,
        }
    )


def _end_attempt(store: Store, run: Run, task: Task, attempt: Attempt, moment: datetime, sinks: Sinks) -> Attempt:
    if attempt.process and is_alive(attempt.process):
        signal_session(attempt.process.pid, signal.SIGKILL)
    ended = attempt.model_copy(
        update={
            "state": LifeCycle.TERMINATED,
            "result": Result.FAILED,
            "message": MESSAGE,
            "ended_at": max(moment, attempt.started_at),
        }
    )
    if task.kind in COMPOSITE_KINDS:
        return ended
    columns = sinks.attempt_finished(attempt_event(store.bundle_root, run, task, ended))
    return ended.model_copy(update={"columns": columns})
