"""Repairs a run that has ended: it keeps its id, takes the job's current settings, and runs some of its tasks again."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from localjobs.bundle.resolve import Bundle
from localjobs.errors import RunError
from localjobs.runner.loading import load_job
from localjobs.runner.plan import Plan, new_id, task_record
from localjobs.runner.processes import identify
from localjobs.runner.selection import reachable, select_tasks
from localjobs.spec.job import Job
from localjobs.state import records
from localjobs.state.store import Store
from localjobs.states import LifeCycle, Result

_GOOD = frozenset({Result.SUCCESS, Result.SUCCESS_WITH_FAILURES, Result.EXCLUDED, Result.DISABLED})


@dataclass(frozen=True)
class Choice:
    """Which tasks of a run are run again: those named, else all that did not succeed."""

    tasks: tuple[str, ...] = ()
    dependents: bool = False
    """Also everything that depends on them, even if it succeeded."""


def make_repair(bundle: Bundle, run: records.Run, choice: Choice, max_parallel: int | None = None) -> Plan:
    """The plan of the repair. Tasks that the job no longer has are left behind; new ones run for the first time."""
    _refuse_unrepairable(run)
    skip_unsupported = any(task.state is LifeCycle.SKIPPED for task in run.tasks)
    job = select_tasks(load_job(bundle, run.job_key, skip_unsupported=skip_unsupported), run.only)
    again = _choose(job, run, choice)
    tasks = []
    for task in job.tasks:
        known, current = run.task(task.task_key), task_record(job, task)
        record = current if known is None else known.model_copy(update=_settings(current))
        tasks.append(record.restarted() if task.task_key in again else record)
    repaired = run.model_copy(
        update={
            "tasks": tuple(tasks),
            "state": LifeCycle.PENDING,
            "result": None,
            "message": "",
            "ended_at": None,
            "runner": identify(os.getpid()),
            "job_name": job.name,
            "tags": job.tags,
            "original": run.original or _as_it_stood(run),
            "repairs": (*run.repairs, records.Repair(repair_id=new_id(), started_at=records.now(), task_keys=again)),
            "warnings": (*run.warnings, *_left_behind(job, run)),
        }
    )
    return Plan(bundle, job, repaired, max_parallel or os.cpu_count() or 1, skip_unsupported)


def claim(store: Store, plan: Plan) -> None:
    """Take the run over, unless another repair was faster."""
    with store.transaction():
        _refuse_unrepairable(store.load(plan.run.run_id))
        store.reopen(plan.run, {task.task_key for task in plan.run.tasks})


def _refuse_unrepairable(run: records.Run) -> None:
    if not run.ended:
        raise RunError(f"run {run.run_id} is {run.state}: only a run that has ended can be repaired")


def _choose(job: Job, run: records.Run, choice: Choice) -> tuple[str, ...]:
    keys = [task.task_key for task in job.tasks]
    for key in choice.tasks:
        if key not in keys:
            raise RunError(f"the job has no task {key!r} now; its tasks: {', '.join(keys)}")
    new = {key for key in keys if run.task(key) is None}
    chosen = set(choice.tasks) or {task.task_key for task in run.tasks if task.result not in _GOOD} & set(keys)
    if choice.dependents:
        below = {key: {task.task_key for task in job.tasks if _depends(job, task.task_key, key)} for key in keys}
        chosen |= {other for key in chosen for other in reachable(key, below)}
    if not chosen | new:
        raise RunError(f"run {run.run_id} has no task that failed; name tasks with --tasks")
    return tuple(key for key in keys if key in chosen | new)


def _depends(job: Job, task_key: str, on: str) -> bool:
    return any(dep.task_key == on for dep in job.task(task_key).depends_on)


def _settings(current: records.Task) -> dict[str, object]:
    """What a record repeats of the job's settings."""
    return {name: getattr(current, name) for name in ("kind", "depends_on", "run_if", "max_retries", "compute")}


def _as_it_stood(run: records.Run) -> records.Repair:
    keys = tuple(task.task_key for task in run.tasks)
    return records.Repair(
        repair_id=run.run_id,
        started_at=run.started_at,
        ended_at=run.ended_at,
        state=run.state,
        result=run.result,
        task_keys=keys,
    )


def _left_behind(job: Job, run: records.Run) -> Iterable[str]:
    current = {task.task_key for task in job.tasks}
    gone = [task.task_key for task in run.tasks if task.task_key not in current]
    return [f"repair: the job no longer has {', '.join(gone)}"] if gone else []
