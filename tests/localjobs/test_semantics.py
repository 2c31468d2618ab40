import pytest

from localjobs.errors import TaskStartError
from localjobs.semantics import Start, compare, decide_result, decide_start, may_retry
from localjobs.spec.task import ConditionTask, Task
from localjobs.states import Result

S, F, T, E, U, C, D = (
    Result.SUCCESS,
    Result.FAILED,
    Result.TIMEDOUT,
    Result.EXCLUDED,
    Result.UPSTREAM_FAILED,
    Result.CANCELED,
    Result.DISABLED,
)


def make_task(key="t", after=(), **settings):
    depends_on = [dep if isinstance(dep, dict) else {"task_key": dep} for dep in after]
    return Task.model_validate({"task_key": key, "depends_on": depends_on, **settings})


@pytest.mark.parametrize(
    ("run_if", "states", "decision"),
    [
        ("ALL_SUCCESS", [S, S], Start.RUN),
        ("ALL_SUCCESS", [S, F], Start.UPSTREAM_FAILED),
        ("ALL_SUCCESS", [S, T], Start.UPSTREAM_FAILED),
        ("ALL_SUCCESS", [S, U], Start.UPSTREAM_FAILED),
        ("ALL_SUCCESS", [S, C], Start.UPSTREAM_CANCELED),
        ("ALL_SUCCESS", [F, C], Start.UPSTREAM_FAILED),
        ("ALL_SUCCESS", [S, E], Start.RUN),
        ("ALL_SUCCESS", [S, D], Start.RUN),
        ("AT_LEAST_ONE_SUCCESS", [S, F], Start.RUN),
        ("AT_LEAST_ONE_SUCCESS", [F, F], Start.UPSTREAM_FAILED),
        ("NONE_FAILED", [S, E], Start.RUN),
        ("NONE_FAILED", [S, F], Start.UPSTREAM_FAILED),
        ("ALL_DONE", [F, C], Start.RUN),
        ("AT_LEAST_ONE_FAILED", [S, F], Start.RUN),
        ("AT_LEAST_ONE_FAILED", [S, C], Start.RUN),
        ("AT_LEAST_ONE_FAILED", [S, S], Start.EXCLUDE),
        ("ALL_FAILED", [F, T], Start.RUN),
        ("ALL_FAILED", [F, S], Start.EXCLUDE),
        ("ALL_FAILED", [F, E], Start.EXCLUDE),
        *((run_if, [E, E], Start.EXCLUDE) for run_if in ("ALL_SUCCESS", "NONE_FAILED", "ALL_DONE", "ALL_FAILED")),
        ("ALL_SUCCESS", [], Start.RUN),
    ],
)
def test_run_if_decides_over_all_dependencies(run_if, states, decision):
    results = {f"d{number}": state for number, state in enumerate(states)}
    assert decide_start(make_task(after=results, run_if=run_if), results, {}) is decision


@pytest.mark.parametrize(
    ("run_if", "answer", "decision"),
    [
        ("ALL_SUCCESS", "true", Start.RUN),
        ("ALL_SUCCESS", "false", Start.EXCLUDE),
        ("ALL_DONE", "false", Start.RUN),
    ],
)
def test_the_other_answer_of_a_condition_excludes(run_if, answer, decision):
    task = make_task(after=[{"task_key": "c", "outcome": "true"}, "other"], run_if=run_if)
    assert decide_start(task, {"c": S, "other": S}, {"c": answer}) is decision


@pytest.mark.parametrize(
    ("states", "result"),
    [
        ({"a": S, "b": S, "c": S}, Result.SUCCESS),
        ({"a": F, "b": S, "c": S}, Result.SUCCESS_WITH_FAILURES),
        ({"a": S, "b": S, "c": F}, Result.FAILED),
        ({"a": F, "b": S, "c": U}, Result.FAILED),
        ({"a": F, "b": E, "c": E}, Result.FAILED),
        ({"a": S, "b": E, "c": E}, Result.SUCCESS),
        ({"a": S, "b": S, "c": C}, Result.CANCELED),
    ],
)
def test_the_leaves_decide_the_result_of_a_run(states, result):
    tasks = [make_task("a"), make_task("b", after=["a"]), make_task("c", after=["a"])]
    assert decide_result(tasks, states) is result


@pytest.mark.parametrize(
    ("left", "op", "right", "answer"),
    [
        ("1", "EQUAL_TO", "1.0", False),
        ("true", "EQUAL_TO", "true", True),
        ("a", "NOT_EQUAL", "b", True),
        ("10", "GREATER_THAN", "9.5", True),
        ("9", "GREATER_THAN_OR_EQUAL", "9.0", True),
        ("10", "LESS_THAN", "9", False),
        ("9", "LESS_THAN_OR_EQUAL", "9", True),
    ],
)
def test_equality_compares_text_and_order_compares_numbers(left, op, right, answer):
    assert compare(ConditionTask(left=left, op=op, right=right), left, right) is answer


def test_order_of_what_is_no_number_is_an_error():
    with pytest.raises(TaskStartError, match="LESS_THAN compares numbers, and 'x' is none"):
        compare(ConditionTask(left="x", op="LESS_THAN", right="1"), "x", "1")


@pytest.mark.parametrize(
    ("settings", "result", "attempts", "again"),
    [
        ({}, F, 1, False),
        ({"max_retries": 1}, F, 1, True),
        ({"max_retries": 1}, F, 2, False),
        ({"max_retries": -1}, F, 1000, True),
        ({"max_retries": 1}, S, 1, False),
        ({"max_retries": 1}, T, 1, False),
        ({"max_retries": 1, "retry_on_timeout": True}, T, 1, True),
        ({"max_retries": 1}, C, 1, False),
        ({"max_retries": 1, "condition_task": {"left": "1", "op": "EQUAL_TO", "right": "1"}}, F, 1, False),
    ],
)
def test_retries_follow_failures_and_timeouts_only_if_asked(settings, result, attempts, again):
    assert may_retry(make_task(**settings), result, attempts) is again
