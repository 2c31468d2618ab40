"""A run in the shape of the Jobs API's runs/get 2.2."""

from datetime import datetime
from typing import Any

from localjobs.state.folders import page_file
from localjobs.state.records import Attempt, Notification, Repair, Run, Task
from localjobs.state.store import Store
from localjobs.states import LifeCycle, Result

_UNFINISHED = {LifeCycle.PENDING, LifeCycle.QUEUED, LifeCycle.BLOCKED, LifeCycle.RUNNING, LifeCycle.WAITING_FOR_RETRY}


def as_api(run: Run, store: Store) -> dict[str, Any]:
    """The run as a client of the Jobs API reads it; times are in milliseconds."""
    iterations = [_task(one) for task in run.tasks for one in task.iterations]
    return {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "job_run_id": run.run_id,
        "run_name": run.job_name,
        "run_type": "JOB_RUN",
        "run_page_url": page_file(store.bundle_root, run.run_id).as_uri(),
        "trigger": run.trigger,
        "state": _state(run.state, run.result, run.message),
        **_times(run.created_at, run.ended_at),
        "job_parameters": [parameter.model_dump() for parameter in run.parameters],
        "tasks": [_task(task) for task in run.tasks],
        **({"iterations": iterations} if iterations else {}),
        **({"notifications": [_notification(one) for one in run.notifications]} if run.notifications else {}),
        "repair_history": [_repair(run, repair) for repair in _history(run)],
    }


def _notification(notification: Notification) -> dict[str, Any]:
    """The API knows nothing of notifications that were sent; its clients pass this over."""
    known = notification.model_dump(exclude={"at"}, exclude_none=True)
    return {**known, "at": _milliseconds(notification.at)}


def _history(run: Run) -> tuple[Repair, ...]:
    """The original run and its repairs; nothing for a run that was never repaired."""
    return (run.original, *run.repairs) if run.original else ()


def _repair(run: Run, repair: Repair) -> dict[str, Any]:
    tasks = [task for task in run.tasks if task.task_key in repair.task_keys]
    starts = [attempt for task in tasks for attempt in task.attempts if attempt.started_at >= repair.started_at]
    during = [one for one in starts if repair.ended_at is None or one.started_at <= repair.ended_at]
    times = _times(repair.started_at, repair.ended_at)
    return {
        "type": "ORIGINAL" if repair is run.original else "REPAIR",
        **({} if repair is run.original else {"id": repair.repair_id}),
        "state": _state(repair.state, repair.result, ""),
        "start_time": times["start_time"],
        "end_time": times["end_time"],
        "task_run_ids": [attempt.task_run_id for attempt in during],
    }


def _state(state: LifeCycle, result: Result | None, message: str) -> dict[str, Any]:
    settled = {} if result is None or state in _UNFINISHED else {"result_state": str(result)}
    return {"life_cycle_state": str(state), **settled, "state_message": message}


def _times(start: datetime | None, end: datetime | None) -> dict[str, int]:
    begun = _milliseconds(start) if start else 0
    ended = _milliseconds(end) if end else 0
    return {"start_time": begun, "end_time": ended, "run_duration": max(ended - begun, 0) if ended else 0}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _task(task: Task) -> dict[str, Any]:
    last = task.attempts[-1] if task.attempts else None
    return {
        "task_key": task.name,
        "run_id": last.task_run_id if last else 0,
        "attempt_number": last.number if last else 0,
        "state": _state(task.state, task.result, task.message),
        "run_if": task.run_if,
        **({"depends_on": [dep.model_dump(exclude_none=True) for dep in task.depends_on]} if task.depends_on else {}),
        **_task_times(task, last),
        **({"for_each_task": {"stats": {"task_run_stats": _count(task.iterations)}}} if task.iterations else {}),
    }


def _count(iterations: tuple[Task, ...]) -> dict[str, int]:
    ended = [one for one in iterations if one.ended]
    active = sum(one.state is LifeCycle.RUNNING for one in iterations)
    return {
        "total_iterations": len(iterations),
        "completed_iterations": len(ended),
        "succeeded_iterations": sum(one.succeeded for one in ended),
        "failed_iterations": sum(not one.succeeded for one in ended),
        "active_iterations": active,
        "scheduled_iterations": len(iterations) - len(ended) - active,
    }


def _task_times(task: Task, last: Attempt | None) -> dict[str, int]:
    return _times(last.started_at, last.ended_at) if last else _times(task.started_at, task.ended_at)
