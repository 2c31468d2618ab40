"""Rules on the graph, parameters, references, libraries and secrets: what is written down wrongly."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from localjobs.lint.findings import Steps, Subject
from localjobs.references import references_in
from localjobs.spec import check
from localjobs.spec.job import Job
from localjobs.spec.kinds import check_kinds, every_task
from localjobs.spec.task import Task

Found = Iterator[tuple[Steps, str]]
PINNED = re.compile(r"==|@ |\.whl$|^\.{0,2}/|^/|^-r ")
SECRET_NAME = re.compile(r"password|passwd|secret|token|api_?key|credential|private_?key", re.IGNORECASE)
SECRET_VALUE = re.compile(r"\bdapi[0-9a-f]{16,}|\bAKIA[0-9A-Z]{16}\b|-----BEGIN|\{\{secrets/")
_SAFE_VALUE = re.compile(r"^$|^\{\{(?!secrets/)|^\$\{")
_SAFE_NAME = re.compile(r"(_scope|_key_name|_name|_path|_url|_id)$", re.IGNORECASE)


def broken_graph(subject: Subject) -> Found:
    """Circles, unknown dependencies, wrong kinds, unknown clusters, duplicate keys."""
    checks = (check.check_keys, check_kinds, check.check_graph, check.check_compute, check.check_parameters)
    return chain.from_iterable(one(subject.job) for one in checks)


def unknown_reference(subject: Subject) -> Found:
    """References that can never have a value."""
    return check.check_references(subject.job)


def value_not_upstream(subject: Subject) -> Found:
    """References to tasks that need not have ended."""
    for path, task in every_task(subject.job):
        upstream = _upstream(subject.job, str(subject.job.tasks[int(path[1])].task_key))
        for where, text, _ in check.texts(task.model_dump(exclude_unset=True, exclude={"for_each_task"}), path):
            for name in references_in(text):
                parts = name.split(".")
                if parts[0] == "tasks" and parts[1] not in upstream and parts[1] in _keys(subject.job):
                    yield where, f"task {task.task_key} refers to {parts[1]}, which it does not depend on"


def unreachable_task(subject: Subject) -> Found:
    """Tasks that wait for both answers of one condition."""
    wanted: dict[str, frozenset[tuple[str, str]]] = {}
    tasks = {task.task_key: task for task in subject.job.tasks}
    for index, task in enumerate(subject.job.tasks):
        answers = _wanted_answers(task, tasks, wanted, ())
        both = sorted(key for key, answer in answers if answer == "true" and (key, "false") in answers)
        if both:
            yield ("tasks", index), f"task {task.task_key} waits for both answers of {', '.join(both)}: it never runs"


def _wanted_answers(
    task: Task, tasks: dict[str, Task], known: dict[str, frozenset[tuple[str, str]]], path: tuple[str, ...]
) -> frozenset[tuple[str, str]]:
    if task.run_if != "ALL_SUCCESS" or task.task_key in path:
        return frozenset()
    if task.task_key not in known:
        own = {(dep.task_key, dep.outcome) for dep in task.depends_on if dep.outcome}
        above = [tasks[dep.task_key] for dep in task.depends_on if dep.task_key in tasks]
        inherited = (_wanted_answers(other, tasks, known, (*path, task.task_key)) for other in above)
        known[task.task_key] = frozenset(own).union(*inherited) if len(above) == 1 or own else frozenset(own)
    return known[task.task_key]


def unused_parameter(subject: Subject) -> Found:
    """Job parameters that reach no task."""
    pushed = any(
        task.notebook_task or task.sql_task or task.run_job_task or _takes_named(task)
        for _, task in every_task(subject.job)
    )
    texts = [text for _, text, _ in check.texts(subject.job.model_dump(exclude_unset=True), ())]
    used = {name for text in texts for name in references_in(text)}
    for index, parameter in enumerate(subject.job.parameters):
        if not pushed and f"job.parameters.{parameter.name}" not in used:
            yield ("parameters", index), f"no task gets the job parameter {parameter.name}"


def _takes_named(task: Task) -> bool:
    return task.python_wheel_task is not None and task.python_wheel_task.named_parameters is not None


def unpinned_library(subject: Subject) -> Found:
    """Libraries whose version another day may be another one."""
    for path, task in every_task(subject.job):
        for index, library in enumerate(task.libraries):
            package = library.pypi.package if library.pypi else ""
            listed = _unpinned_in(library.requirements) if library.requirements else []
            for name in (*([package] if package and not PINNED.search(package) else []), *listed):
                yield (*path, "libraries", index), f"task {task.task_key} installs {name!r} without =="
    for index, environment in enumerate(subject.job.environments):
        for package in (environment.spec.dependencies or ()) if environment.spec else ():
            if not PINNED.search(package):
                yield (
                    ("environments", index),
                    f"environment {environment.environment_key} installs {package!r} without ==",
                )


def _unpinned_in(requirements: str) -> list[str]:
    """What a requirements file names without a version; options and hashes begin with a dash."""
    file = Path(requirements)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    named = [line.partition("#")[0].strip(" \\") for line in lines]
    return [name for name in named if name and not name.startswith("-") and not PINNED.search(name)]


def secret_in_parameters(subject: Subject) -> Found:
    """Secrets that everybody who may see the job can read."""
    for index, parameter in enumerate(subject.job.parameters):
        if _is_secret(parameter.name, parameter.default):
            yield ("parameters", index), f"job parameter {parameter.name} holds a secret"
    for path, task in every_task(subject.job):
        for name, value in _parameters_of(task):
            if _is_secret(name, value):
                yield path, f"task {task.task_key}: parameter {name or value[:20]!r} holds a secret"


def _parameters_of(task: Task) -> Iterator[tuple[str, str]]:
    wheel, script, notebook, sql = task.python_wheel_task, task.spark_python_task, task.notebook_task, task.sql_task
    named = ((wheel and wheel.named_parameters), (notebook and notebook.base_parameters), (sql and sql.parameters))
    for group in named:
        yield from (group or {}).items()
    for positional in ((wheel and wheel.parameters), (script and script.parameters)):
        for text in positional or ():
            name, equals, value = text.partition("=")
            yield (name, value) if equals else ("", text)


def _is_secret(name: str, value: str) -> bool:
    named = SECRET_NAME.search(name) and not _SAFE_NAME.search(name) and not _SAFE_VALUE.match(value)
    return bool(named or SECRET_VALUE.search(value))


def _keys(job: Job) -> set[str]:
    return {task.task_key for task in job.tasks}


def _upstream(job: Job, key: str) -> set[str]:
    found: set[str] = set()
    waiting = [key]
    while waiting:
        above = {dep.task_key for dep in job.task(waiting.pop()).depends_on} & _keys(job)
        waiting += above - found
        found |= above
    return found
