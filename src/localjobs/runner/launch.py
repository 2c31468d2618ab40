"""Starts an attempt: its settings with all references replaced, its folder, its environment, its process."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import localjobs.taskside
from localjobs.errors import TaskStartError
from localjobs.references import Facts, render
from localjobs.runner.executions import Execution, Immediate, Outcome, ProcessExecution
from localjobs.runner.programs import describe_program
from localjobs.semantics import compare
from localjobs.spec.task import ConditionTask, Task
from localjobs.state.folders import attempt_folder, log_file
from localjobs.state.records import Run
from localjobs.states import Result
from localjobs.taskside.localjobs_task.attempt import CONTEXT_FILE, CONTEXT_VARIABLE, write_json

TASKSIDE = Path(localjobs.taskside.__file__).parent
SECRET = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")

_CLUSTER_PATH = "/databricks/"
"""Values of spark_env_vars that name the cluster's own files mean nothing here."""


@dataclass(frozen=True)
class Start:
    """What an attempt starts from."""

    bundle_root: Path
    run: Run
    task: Task
    name: str
    number: int
    facts: Facts
    compute: Mapping[str, Any]
    search: tuple[Path, ...] = ()
    lent: Mapping[str, str] = field(default_factory=dict)
    """Variables by which the attempt finds a Spark that it shares."""


def start_attempt(start: Start) -> Execution:
    """Start the attempt of a task that is a process or a condition; a TaskStartError says why it cannot start."""
    if start.task.condition_task is not None:
        return Immediate(_evaluate(start.task.condition_task, start.facts))
    parameters = {parameter.name: parameter.value for parameter in start.run.parameters}
    context = describe_program(start.task, parameters, start.facts)
    folder = attempt_folder(start.bundle_root, start.run.run_id, start.name, start.number)
    folder.mkdir(parents=True, exist_ok=True)
    values = {known.task_key: known.values for known in start.run.tasks}
    write_json(folder / CONTEXT_FILE, {**context, "values": values})
    own = {**start.lent, CONTEXT_VARIABLE: str(folder / CONTEXT_FILE)}
    environment = {**cluster_environment(os.environ, start.compute, start.search), **own}
    log = log_file(start.bundle_root, start.run.run_id, start.name, start.number)
    command = [sys.executable, "-P", "-m", "localjobs_task"]
    return ProcessExecution(command, start.bundle_root, environment, folder, log)


def _evaluate(condition: ConditionTask, facts: Facts) -> Outcome:
    left, right = render(condition.left, facts), render(condition.right, facts)
    answer = str(compare(condition, left, right)).lower()
    return Outcome(Result.SUCCESS, f"{left!r} {condition.op} {right!r} is {answer}", answer=answer)


def cluster_environment(
    outer: Mapping[str, str], compute: Mapping[str, Any], search: tuple[Path, ...] = ()
) -> dict[str, str]:
    """The environment of what runs on a cluster: this process's, the cluster's variables, and the way to `dbutils`."""
    kept = {name: value for name, value in outer.items() if name != "DATABRICKS_RUNTIME_VERSION"}
    cluster = _cluster_variables(compute, outer)
    behind = filter(None, (variables.get("PYTHONPATH") for variables in (cluster, kept)))
    folders = [str(TASKSIDE), *map(str, search), *behind]
    fixed = {"PYTHONPATH": os.pathsep.join(folders), "PYTHONUNBUFFERED": "1"}
    own_python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return {**own_python, **kept, **cluster, **fixed}


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
