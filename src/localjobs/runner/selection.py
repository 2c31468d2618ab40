"""Running a part of a job: `a` is one task, `+a` also what it depends on, `a+` also what depends on it."""

from localjobs.errors import BundleError
from localjobs.spec.job import Job


def select_tasks(job: Job, only: str | None) -> Job:
    """The job with the chosen tasks alone; dependencies on tasks that are left out are taken as met."""
    if not only:
        return job
    chosen = {key for term in only.split(",") for key in _expand(job, term.strip())}
    tasks = tuple(
        task.model_copy(update={"depends_on": tuple(dep for dep in task.depends_on if dep.task_key in chosen)})
        for task in job.tasks
        if task.task_key in chosen
    )
    return job.model_copy(update={"tasks": tasks})


def _expand(job: Job, term: str) -> set[str]:
    key = term.strip("+")
    above = {task.task_key: {dep.task_key for dep in task.depends_on} for task in job.tasks}
    if key not in above:
        raise BundleError(f"--only: no task {key!r}; the tasks are: {', '.join(above)}")
    below = {name: {task for task, deps in above.items() if name in deps} for name in above}
    chosen = {key}
    if term.startswith("+"):
        chosen |= reachable(key, above)
    if term.endswith("+"):
        chosen |= reachable(key, below)
    return chosen


def reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    """Everything that can be come to from `start`."""
    found: set[str] = set()
    waiting = set(edges[start])
    while waiting:
        key = waiting.pop()
        found.add(key)
        waiting |= edges[key] - found
    return found
