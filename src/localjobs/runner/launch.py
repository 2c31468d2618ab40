"""Starts an attempt: its settings with all references replaced, its folder, its environment, its process."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import localjobs.taskside
from localjobs.errors import TaskStartError
from localjobs.references import Facts, render
from localjobs.runner.executions import Execution, Immediate, Outcome, ProcessExecution
from localjobs.runner.facts import attempt_facts
from localjobs.semantics import compare
from localjobs.spec.job import Job
from localjobs.spec.task import ConditionTask, PythonWheelTask, Task
from localjobs.state.folders import attempt_folder, log_file
from localjobs.state.records import Attempt, Run
from localjobs.states import Result
from localjobs.taskside.localjobs_task.attempt import CONTEXT_FILE, CONTEXT_VARIABLE, write_json

TASKSIDE = Path(localjobs.taskside.__file__).parent
SECRET = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")

_COMMAND = [sys.executable, "-P", "-m", "localjobs_task"]
_CLUSTER_PATH = "/databricks/"
"""Values of spark_env_vars that name the cluster's own files mean nothing here."""


def start_attempt(bundle_root: Path, job: Job, run: Run, task: Task, attempt: Attempt) -> Execution:
    """Start the attempt; a TaskStartError says why it cannot start."""
    facts = attempt_facts(run, task.task_key, attempt.task_run_id, attempt.number)
    if task.condition_task is not None:
        return Immediate(_evaluate(task.condition_task, facts))
    if task.python_wheel_task is None:
        raise TaskStartError(f"no way to start a {task.kinds[0]}")
    context = _wheel_context(task.python_wheel_task, run, facts)
    folder = attempt_folder(bundle_root, run.run_id, task.task_key, attempt.number)
    folder.mkdir(parents=True, exist_ok=True)
    values = {known.task_key: known.values for known in run.tasks}
    write_json(folder / CONTEXT_FILE, {**context, "values": values})
    environment = task_environment(os.environ, job.compute_of(task) or {}, folder)
    log = log_file(bundle_root, run.run_id, task.task_key, attempt.number)
    return ProcessExecution(_COMMAND, bundle_root, environment, folder, log)


def _evaluate(condition: ConditionTask, facts: Facts) -> Outcome:
    left, right = render(condition.left, facts), render(condition.right, facts)
    answer = str(compare(condition, left, right)).lower()
    return Outcome(Result.SUCCESS, f"{left!r} {condition.op} {right!r} is {answer}", answer=answer)


def _wheel_context(wheel: PythonWheelTask, run: Run, facts: Facts) -> dict[str, Any]:
    return {
        "kind": "python_wheel_task",
        "package_name": wheel.package_name,
        "entry_point": wheel.entry_point,
        "argv": _arguments(wheel, {parameter.name: parameter.value for parameter in run.parameters}, facts),
    }


def _arguments(wheel: PythonWheelTask, job_parameters: Mapping[str, str], facts: Facts) -> list[str]:
    """Positional parameters as they are; named ones as `--k=v`, with all job parameters, which win."""
    if wheel.named_parameters is None:
        return [render(text, facts) for text in wheel.parameters or ()]
    named = {key: render(text, facts) for key, text in wheel.named_parameters.items() if key not in job_parameters}
    return [f"--{key}={value}" for key, value in {**named, **job_parameters}.items()]


def task_environment(outer: Mapping[str, str], compute: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """The environment of a task's process: this one's, the cluster's variables, and the way to `dbutils`."""
    kept = {name: value for name, value in outer.items() if name != "DATABRICKS_RUNTIME_VERSION"}
    search = [str(TASKSIDE), *filter(None, [kept.get("PYTHONPATH")])]
    fixed = {
        CONTEXT_VARIABLE: str(folder / CONTEXT_FILE),
        "PYTHONPATH": os.pathsep.join(search),
        "PYTHONUNBUFFERED": "1",
    }
    own_python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return {**own_python, **kept, **_cluster_variables(compute, outer), **fixed}


def _cluster_variables(compute: Mapping[str, Any], outer: Mapping[str, str]) -> dict[str, str]:
    variables = {k: v for k, v in (compute.get("spark_env_vars") or {}).items() if not v.startswith(_CLUSTER_PATH)}
    return {name: SECRET.sub(_secret(outer), value) for name, value in variables.items()}


def _secret(outer: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    def look_up(found: re.Match[str]) -> str:
        name = "LOCALJOBS_SECRET_" + re.sub(r"[^A-Z0-9]", "_", f"{found[1]}_{found[2]}".upper())
        if name not in outer:
            raise TaskStartError(f"{found[0]} has no value: set the environment variable {name}")
        return outer[name]

    return look_up
