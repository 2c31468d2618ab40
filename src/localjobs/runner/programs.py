"""What the task's process is told to run, by the kind of the task; every reference is replaced."""

from collections.abc import Callable, Mapping
from typing import Any

from localjobs.errors import TaskStartError
from localjobs.references import Facts, render
from localjobs.spec.task import PythonWheelTask, Task

Parameters = Mapping[str, str]
"""The job parameters of the run."""


def describe_program(task: Task, parameters: Parameters, facts: Facts) -> dict[str, Any]:
    """The context of an attempt, as the task's process reads it."""
    kind = task.kinds[0]
    if kind not in PROGRAMS:
        raise TaskStartError(f"no way to start a {kind}")
    return {"kind": kind, **PROGRAMS[kind](task, parameters, facts)}


def _wheel(task: Task, parameters: Parameters, facts: Facts) -> dict[str, Any]:
    wheel = task.python_wheel_task
    assert wheel is not None  # noqa: S101 - chosen by its kind
    return {
        "package_name": wheel.package_name,
        "entry_point": wheel.entry_point,
        "argv": _arguments(wheel, parameters, facts),
    }


def _arguments(wheel: PythonWheelTask, parameters: Parameters, facts: Facts) -> list[str]:
    """Positional parameters as they are; named ones as `--k=v`, with all job parameters, which win."""
    if wheel.named_parameters is None:
        return [render(text, facts) for text in wheel.parameters or ()]
    return [f"--{key}={value}" for key, value in _named(wheel.named_parameters, parameters, facts).items()]


def _script(task: Task, _parameters: Parameters, facts: Facts) -> dict[str, Any]:
    script = task.spark_python_task
    assert script is not None  # noqa: S101 - chosen by its kind
    return {"path": script.python_file, "argv": [render(text, facts) for text in script.parameters]}


def _notebook(task: Task, parameters: Parameters, facts: Facts) -> dict[str, Any]:
    notebook = task.notebook_task
    assert notebook is not None  # noqa: S101 - chosen by its kind
    return {"path": notebook.notebook_path, "parameters": _named(notebook.base_parameters, parameters, facts)}


def _sql(task: Task, parameters: Parameters, facts: Facts) -> dict[str, Any]:
    sql = task.sql_task
    if sql is None or sql.file is None:
        raise TaskStartError("a sql_task without a file needs a workspace")
    return {"path": sql.file.path, "parameters": _named(sql.parameters, parameters, facts)}


def _named(own: Parameters, parameters: Parameters, facts: Facts) -> dict[str, str]:
    """The task's own parameters and all of the job's, which win."""
    return {**{key: render(text, facts) for key, text in own.items() if key not in parameters}, **parameters}


PROGRAMS: Mapping[str, Callable[[Task, Parameters, Facts], dict[str, Any]]] = {
    "python_wheel_task": _wheel,
    "spark_python_task": _script,
    "notebook_task": _notebook,
    "sql_task": _sql,
}
