"""What a job must hold true before anything of it runs."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from localjobs.bundle.source import place_of
from localjobs.errors import BundleError, UnsupportedError
from localjobs.references import explain_unknown, references_in
from localjobs.spec.job import Job
from localjobs.spec.kinds import Problem, check_kinds, every_task, unsupported


def check_job(key: str, job: Job, settings: dict[str, Any], *, skip_unsupported: bool = False) -> None:
    """Refuse a job with a broken graph, an unknown reference or a task that cannot run here."""
    problems = [
        f"{_where(settings, path)}jobs.{key}: {why}"
        for check in (check_keys, check_kinds, check_graph, check_compute, check_parameters, check_references)
        for path, why in check(job)
    ]
    if problems:
        raise BundleError("\n".join(problems))
    for index, task in enumerate(job.tasks):
        why = unsupported(task)
        if why and not skip_unsupported:
            hint = "--skip-unsupported leaves it out"
            raise UnsupportedError(f"{_where(settings, ('tasks', index))}jobs.{key}: {why}; {hint}")


def _where(settings: dict[str, Any], path: tuple[str | int, ...]) -> str:
    place = place_of(settings, path)
    return f"{place}: " if place else ""


def check_keys(job: Job) -> Iterator[Problem]:
    """Task keys are there and occur once."""
    seen: set[str] = set()
    for index, task in enumerate(job.tasks):
        if task.task_key in seen:
            yield ("tasks", index, "task_key"), f"two tasks have the key {task.task_key!r}"
        seen.add(task.task_key)
    if not job.tasks:
        yield ("tasks",), "has no tasks"


def check_graph(job: Job) -> Iterator[Problem]:
    """Dependencies exist and go in no circle."""
    keys = {task.task_key for task in job.tasks}
    for index, task in enumerate(job.tasks):
        for position, dep in enumerate(task.depends_on):
            path = ("tasks", index, "depends_on", position, "task_key")
            if dep.task_key not in keys:
                yield path, f"task {task.task_key} depends on {dep.task_key!r}, which is no task of this job"
            elif dep.outcome and job.task(dep.task_key).condition_task is None:
                yield path, f"task {task.task_key} asks for an outcome of {dep.task_key}, which is no condition_task"
    try:
        TopologicalSorter({task.task_key: [dep.task_key for dep in task.depends_on] for task in job.tasks}).prepare()
    except CycleError as error:
        yield ("tasks",), f"tasks depend on each other in a circle: {' → '.join(reversed(error.args[1]))}"


def check_compute(job: Job) -> Iterator[Problem]:
    """Clusters and environments exist."""
    clusters = {cluster.job_cluster_key for cluster in job.job_clusters}
    environments = {environment.environment_key for environment in job.environments}
    for path, task in every_task(job):
        for name, chosen, known in (
            ("job_cluster_key", task.job_cluster_key, clusters),
            ("environment_key", task.environment_key, environments),
        ):
            if chosen is not None and chosen not in known:
                listed = ", ".join(sorted(known)) or "none"
                yield (*path, name), f"task {task.task_key}: no {name} {chosen!r}; known are: {listed}"


def check_parameters(job: Job) -> Iterator[Problem]:
    """Names of job parameters occur once, and their defaults speak of the run only."""
    seen: set[str] = set()
    for index, parameter in enumerate(job.parameters):
        if parameter.name in seen:
            yield ("parameters", index, "name"), f"two parameters have the name {parameter.name!r}"
        seen.add(parameter.name)
        for name in references_in(parameter.default):
            if not name.startswith("job.") or name.startswith("job.parameters."):
                why = "a parameter's default can refer to job.id, job.start_time and the like only"
                yield ("parameters", index, "default"), f"parameter {parameter.name}: {{{{{name}}}}}: {why}"


def check_references(job: Job) -> Iterator[Problem]:
    """Every reference can have a value."""
    parameters = {parameter.name for parameter in job.parameters}
    keys = {task.task_key for task in job.tasks}
    for index, task in enumerate(job.tasks):
        for path, text, in_loop in texts(task.model_dump(exclude_unset=True), ("tasks", index)):
            for name in references_in(text):
                why = explain_unknown(name, parameters, keys, in_loop=in_loop)
                if why:
                    yield path, f"task {task.task_key}: {{{{{name}}}}}: {why}"


def texts(
    value: Any, path: tuple[str | int, ...], *, in_loop: bool = False
) -> Iterator[tuple[tuple[str | int, ...], str, bool]]:
    """Every string of a task with its path, and whether it belongs to the task of a loop."""
    if isinstance(value, str):
        yield path, value, in_loop
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*path, key), in_loop=in_loop or (*path, key)[-2:] == ("for_each_task", "task"))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts(item, (*path, index), in_loop=in_loop)
