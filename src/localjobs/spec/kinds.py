"""Kinds of tasks: which ones run here, and what each one must look like."""

from collections.abc import Iterator

from localjobs.spec.job import Job
from localjobs.spec.task import Task

SUPPORTED_KINDS = (
    *("python_wheel_task", "spark_python_task", "notebook_task", "sql_task"),
    *("condition_task", "for_each_task", "run_job_task"),
)
COMPOSITE_KINDS = ("condition_task", "for_each_task", "run_job_task")
"""Kinds that need no process of their own, so no compute."""
NOTEBOOK_SUFFIXES = (".py", ".ipynb")

_LEGACY = (
    *("dbt_commands", "jar_params", "notebook_params", "pipeline_params", "python_named_params", "python_params"),
    *("spark_submit_params", "sql_params"),
)
_REMOTE = ("dbfs:", "s3:", "abfss:", "gs:", "http:", "https:")

Path = tuple[str | int, ...]
Problem = tuple[Path, str]


def every_task(job: Job) -> Iterator[tuple[Path, Task]]:
    """All tasks with their paths in the job; the task of a loop follows its loop."""
    for index, task in enumerate(job.tasks):
        yield ("tasks", index), task
        if task.for_each_task is not None:
            yield ("tasks", index, "for_each_task", "task"), task.for_each_task.task


def with_inner(task: Task) -> tuple[Task, ...]:
    """The task, and that of its loop if it is one."""
    return (task,) if task.for_each_task is None else (task, task.for_each_task.task)


def check_kinds(job: Job) -> Iterator[Problem]:
    """What is wrong with the kind of each task."""
    for path, task in every_task(job):
        if len(task.kinds) != 1:
            given = ", ".join(task.kinds) or "none"
            yield path, f"task {task.task_key} needs exactly one kind of task, and has: {given}"
        for field, why in _shape(task):
            yield (*path, *field), f"task {task.task_key} {why}"
        if len(path) > 2:  # noqa: PLR2004 - the path of a loop's task
            yield from _inner(path, task)


def _shape(task: Task) -> Iterator[Problem]:
    wheel, notebook, called = task.python_wheel_task, task.notebook_task, task.run_job_task
    if wheel and wheel.parameters is not None and wheel.named_parameters is not None:
        yield ("python_wheel_task",), "has both parameters and named_parameters"
    if notebook and notebook.source != "GIT" and not notebook.notebook_path.endswith(NOTEBOOK_SUFFIXES):
        wanted = " or ".join(NOTEBOOK_SUFFIXES)
        yield ("notebook_task", "notebook_path"), f"needs a {wanted} notebook, not {notebook.notebook_path!r}"
    for name in _LEGACY if called else ():
        if getattr(called, name) is not None:
            yield ("run_job_task", name), f"uses run_job_task.{name}: give job_parameters instead"


def _inner(path: Path, task: Task) -> Iterator[Problem]:
    if task.for_each_task is not None:
        yield path, f"task {task.task_key} is a for_each_task in a for_each_task, which Databricks refuses"
    if task.depends_on:
        yield (*path, "depends_on"), f"task {task.task_key} is the task of a loop and depends on nothing"


def unsupported(task: Task) -> str | None:
    """Why the task cannot run on this machine, or None if it can."""
    known = ", ".join(SUPPORTED_KINDS)
    for one in (task, task.for_each_task.task) if task.for_each_task else (task,):
        what = _unsupported(one)
        if what:
            return f"task {one.task_key} is a {what}, which does not run here; these do: {known}"
    return None


def _unsupported(task: Task) -> str | None:
    kind, sql, script = task.kinds[0], task.sql_task, task.spark_python_task
    if sql is not None and sql.file is None:
        part = next((name for name in ("query", "dashboard", "alert") if getattr(sql, name)), "file")
        return f"sql_task with a {part} of the workspace"
    if script is not None and script.python_file.startswith(_REMOTE):
        return f"spark_python_task of {script.python_file}"
    if "GIT" in {part.source for part in (task.notebook_task, script, sql and sql.file) if part}:
        return f"{kind} of a remote git repository"
    return None if kind in SUPPORTED_KINDS else kind
