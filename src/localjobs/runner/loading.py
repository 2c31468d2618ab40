"""Jobs of a bundle, parsed and checked together with the jobs that their tasks run."""

from localjobs.bundle.resolve import Bundle
from localjobs.errors import BundleError
from localjobs.spec.check import check_job
from localjobs.spec.job import Job
from localjobs.spec.kinds import every_task
from localjobs.spec.parse import parse_job


def load_job(bundle: Bundle, key: str, *, skip_unsupported: bool = False) -> Job:
    """The job `key` of the bundle, checked; and checked too is every job that it runs."""
    return _load(bundle, key, (), skip_unsupported=skip_unsupported)


def find_job(bundle: Bundle, job_id: str) -> tuple[str, Job]:
    """The job with this id and its key."""
    for key, settings in bundle.jobs.items():
        if str(settings.get("id")) == job_id:
            return key, parse_job(key, settings)
    raise BundleError(f"job_id {job_id!r} is no job of the bundle {bundle.name}: use ${{resources.jobs.<key>.id}}")


def _load(bundle: Bundle, key: str, callers: tuple[str, ...], *, skip_unsupported: bool) -> Job:
    if key not in bundle.jobs:
        known = ", ".join(sorted(bundle.jobs)) or "none"
        raise BundleError(f"no job {key!r} in the bundle {bundle.name}; its jobs are: {known}")
    if key in callers:
        raise BundleError(f"jobs run each other in a circle: {' → '.join((*callers, key))}")
    job = parse_job(key, bundle.jobs[key])
    check_job(key, job, bundle.jobs[key], skip_unsupported=skip_unsupported)
    for _, task in every_task(job):
        if task.run_job_task is not None:
            called, _ = find_job(bundle, task.run_job_task.job_id)
            other = _load(bundle, called, (*callers, key), skip_unsupported=skip_unsupported)
            _check_given(key, task.task_key, task.run_job_task.job_parameters, called, other)
    return job


def _check_given(key: str, task_key: str, given: dict[str, str], called: str, other: Job) -> None:
    known = [parameter.name for parameter in other.parameters]
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise BundleError(f"jobs.{key}: task {task_key}: job {called} has no parameter {name!r}; it has: {listed}")
