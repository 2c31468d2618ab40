"""Tells of the end of a run whose runner died before it could."""

from collections.abc import Iterator
from pathlib import Path

from localjobs.bundle.resolve import Request, deploy
from localjobs.errors import LocalJobsError
from localjobs.notifiers.notifier import Notifier
from localjobs.runner import notices
from localjobs.runner.loading import load_job
from localjobs.runner.postbox import Postbox
from localjobs.spec.job import Job
from localjobs.spec.kinds import every_task
from localjobs.state.records import Notification, Run
from localjobs.state.store import Store


def tell_of_end(store: Store, before: Run, ended: Run, notifiers: list[Notifier]) -> Run:
    """The run with what was told of its end, by the job's current settings, as those of a repair are.

    It is written down before it is delivered: whatever happens meanwhile, nobody is told twice.
    """
    try:
        told = list(_notices(_load(store.bundle_root, ended), before, ended))
    except LocalJobsError as error:
        warning = f"nobody was told that the run had ended: {error}"
        return _save(store, ended.model_copy(update={"warnings": (*ended.warnings, warning)}))
    _save(store, ended.model_copy(update={"notifications": (*ended.notifications, *told)}))
    postbox = Postbox(notifiers, ended.notifications)
    postbox.post(told, ended)
    postbox.close()
    return _save(store, ended.model_copy(update={"notifications": postbox.notifications()}))


def _load(bundle_root: Path, run: Run) -> Job:
    bundle = deploy(Request(bundle_root, run.target, run.variables, force=True))
    return load_job(bundle, run.job_key, skip_unsupported=True)


def _notices(job: Job, before: Run, ended: Run) -> Iterator[Notification]:
    """Those of the attempts that were under way, then that of the run."""
    settings = {task.task_key: task for _, task in every_task(job)}
    for known, task in zip(before.all_tasks, ended.all_tasks, strict=True):
        under_way = bool(known.attempts) and known.attempts[-1].result is None
        if under_way and task.task_key in settings:
            yield from notices.attempt_ended(settings[task.task_key], task.name, task.attempts[-1], last=True)
    yield from notices.run_ended(job, ended)


def _save(store: Store, run: Run) -> Run:
    store.save_run(run)
    return run
