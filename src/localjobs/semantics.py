"""The rules of Databricks Jobs that need no process: when a task runs, and how a run ends.

Where the platform documents nothing, localjobs chooses: a dependency that timed out counts as failed; a disabled one
counts as excluded; an excluded dependency counts as success beside others, but a condition that gave the other answer
excludes an ALL_SUCCESS task; a run whose leaves were all excluded while a task failed is FAILED.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from localjobs.errors import TaskStartError
from localjobs.spec.task import ConditionTask, RunIf, Task
from localjobs.states import Result

_NOT_EXECUTED = frozenset({Result.EXCLUDED, Result.DISABLED})
_SUCCEEDED = frozenset({Result.SUCCESS, Result.SUCCESS_WITH_FAILURES}) | _NOT_EXECUTED
_CANCELED = frozenset({Result.CANCELED, Result.UPSTREAM_CANCELED})


class Start(StrEnum):
    """What becomes of a task whose dependencies have all ended."""

    RUN = "RUN"
    EXCLUDE = "EXCLUDE"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"


def decide_start(task: Task, results: Mapping[str, Result], outcomes: Mapping[str, str]) -> Start:
    """Evaluate `run_if` over the results of the dependencies and the answers of the conditions among them."""
    mismatched = [
        dep for dep in task.depends_on if dep.outcome and outcomes.get(dep.task_key, dep.outcome) != dep.outcome
    ]
    states = [Result.EXCLUDED if dep in mismatched else results[dep.task_key] for dep in task.depends_on]
    if states and all(state in _NOT_EXECUTED for state in states):
        return Start.EXCLUDE
    if mismatched and task.run_if == "ALL_SUCCESS":
        return Start.EXCLUDE
    return Start.RUN if _holds(task.run_if, states) else _unmet(task.run_if, states)


def _holds(run_if: RunIf, states: list[Result]) -> bool:
    succeeded = [state in _SUCCEEDED for state in states]
    failed = [not ok for ok in succeeded]
    return {
        "ALL_SUCCESS": all(succeeded),
        "AT_LEAST_ONE_SUCCESS": any(succeeded) or not states,
        "NONE_FAILED": not any(failed),
        "ALL_DONE": True,
        "AT_LEAST_ONE_FAILED": any(failed),
        "ALL_FAILED": bool(states) and all(failed),
    }[run_if]


def _unmet(run_if: RunIf, states: list[Result]) -> Start:
    if run_if in {"AT_LEAST_ONE_FAILED", "ALL_FAILED"}:
        return Start.EXCLUDE
    failures = [state for state in states if state not in _SUCCEEDED]
    return Start.UPSTREAM_CANCELED if all(state in _CANCELED for state in failures) else Start.UPSTREAM_FAILED


def decide_result(tasks: Iterable[Task], results: Mapping[str, Result]) -> Result:
    """The result of a run, by its leaves."""
    tasks = tuple(tasks)
    inner = {dep.task_key for task in tasks for dep in task.depends_on}
    leaves = [results[task.task_key] for task in tasks if task.task_key not in inner]
    bad_leaves = [state for state in leaves if state not in _SUCCEEDED]
    any_bad = any(state not in _SUCCEEDED for state in results.values())
    if bad_leaves:
        return Result.CANCELED if all(state in _CANCELED for state in bad_leaves) else Result.FAILED
    if any_bad:
        all_excluded = all(state in _NOT_EXECUTED for state in leaves)
        return Result.FAILED if all_excluded else Result.SUCCESS_WITH_FAILURES
    return Result.SUCCESS


def compare(condition: ConditionTask, left: str, right: str) -> bool:
    """The answer of a condition: equality compares strings, order compares numbers."""
    if condition.op in {"EQUAL_TO", "NOT_EQUAL"}:
        return (left == right) == (condition.op == "EQUAL_TO")
    a, b = _number(left, condition), _number(right, condition)
    return {
        "GREATER_THAN": a > b,
        "GREATER_THAN_OR_EQUAL": a >= b,
        "LESS_THAN": a < b,
        "LESS_THAN_OR_EQUAL": a <= b,
    }[condition.op]


def _number(text: str, condition: ConditionTask) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise TaskStartError(f"{condition.op} compares numbers, and {text!r} is none") from error


def may_retry(task: Task, result: Result, attempts: int) -> bool:
    """Whether a task that has had `attempts` attempts is tried again after one that ended with `result`."""
    if task.condition_task is not None or (task.max_retries >= 0 and attempts > task.max_retries):
        return False
    return result is Result.FAILED or (result is Result.TIMEDOUT and task.retry_on_timeout)
