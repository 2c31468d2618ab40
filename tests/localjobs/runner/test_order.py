from datetime import timedelta
from itertools import pairwise

import pytest

from localjobs.errors import BundleError


def test_tasks_start_when_what_they_depend_on_has_ended(bench, wheel):
    run = bench.run([wheel("c", after=["a", "b"]), wheel("b", after=["a"]), wheel("a")])
    a, b, c = (run.task(key).attempts[0] for key in "abc")
    assert a.ended_at <= b.started_at
    assert b.ended_at <= c.started_at


def test_independent_tasks_overlap_within_the_limit(bench, wheel):
    tasks = [wheel(key, "sleep", "0.4") for key in "abc"]
    together = [attempt for task in bench.run(tasks, parallel=3).tasks for attempt in task.attempts]
    assert max(a.started_at for a in together) < min(a.ended_at for a in together)
    in_turn = sorted(
        (a for task in bench.run(tasks, parallel=1).tasks for a in task.attempts), key=lambda a: a.started_at
    )
    assert all(before.ended_at <= after.started_at for before, after in pairwise(in_turn))


def test_a_failure_stops_its_successors_but_not_its_handler(bench, wheel, results):
    run = bench.run(
        [
            wheel("a", "fail"),
            wheel("b", after=["a"]),
            wheel("handler", after=["a"], run_if="AT_LEAST_ONE_FAILED"),
            wheel("end", after=["b", "handler"], run_if="ALL_DONE"),
        ]
    )
    assert results(run) == {"a": "FAILED", "b": "UPSTREAM_FAILED", "handler": "SUCCESS", "end": "SUCCESS"}
    assert run.result == "SUCCESS_WITH_FAILURES"
    assert run.task("b").attempts == ()


def test_a_condition_chooses_the_branch(bench, wheel, condition, results):
    run = bench.run(
        [
            wheel("a", "set_values"),
            condition("good", "{{tasks.a.values.auc}}", "GREATER_THAN", "0.5", after=["a"]),
            {**wheel("yes"), "depends_on": [{"task_key": "good", "outcome": "true"}]},
            {**wheel("no"), "depends_on": [{"task_key": "good", "outcome": "false"}]},
            wheel("after_no", after=["no"]),
        ]
    )
    assert results(run) == {
        "a": "SUCCESS",
        "good": "SUCCESS",
        "yes": "SUCCESS",
        "no": "EXCLUDED",
        "after_no": "EXCLUDED",
    }
    assert run.task("good").outcome == "true"
    assert run.result == "SUCCESS"


def test_booleans_in_conditions_are_true_and_false(bench, wheel, condition):
    run = bench.run(
        [wheel("a", "set_values"), condition("c", "{{tasks.a.values.passed}}", "EQUAL_TO", "true", after=["a"])]
    )
    assert run.task("c").outcome == "true"


def test_a_disabled_task_is_passed_over(bench, wheel, results):
    run = bench.run([wheel("a", "fail", disabled=True), wheel("b"), wheel("c", after=["a", "b"])])
    assert results(run) == {"a": "DISABLED", "b": "SUCCESS", "c": "SUCCESS"}


@pytest.mark.parametrize(
    ("only", "ran"),
    [("b", {"b"}), ("+b", {"a", "b"}), ("b+", {"b", "c"}), ("a,+c", {"a", "b", "c"}), ("d", {"d"})],
)
def test_a_part_of_a_job_can_be_run(bench, wheel, results, only, ran):
    tasks = [wheel("a"), wheel("b", after=["a"]), wheel("c", after=["b"]), wheel("d")]
    assert set(results(bench.run(tasks, only=only))) == ran


def test_a_part_that_does_not_exist_is_refused(bench, wheel):
    with pytest.raises(BundleError, match="--only: no task 'x'; the tasks are: a"):
        bench.run([wheel("a")], only="x")


def test_retries_are_spaced_from_start_to_start(bench, wheel, tmp_path):
    task = wheel("a", "fail_until", tmp_path / "count", "3", "0.7", max_retries=2, min_retry_interval_millis=1000)
    run = bench.run([task])
    attempts = run.task("a").attempts
    assert [str(attempt.result) for attempt in attempts] == ["FAILED", "FAILED", "SUCCESS"]
    assert [attempt.number for attempt in attempts] == [0, 1, 2]
    assert len({attempt.task_run_id for attempt in attempts}) == 3
    for before, after in pairwise(attempts):
        assert timedelta(seconds=1) <= after.started_at - before.started_at < timedelta(seconds=1.5)
    assert run.result == "SUCCESS"
    assert bench.log(run, "a", 1).strip().endswith("RuntimeError: attempt 2 of 3")


def test_without_retries_left_the_last_failure_counts(bench, wheel, tmp_path):
    run = bench.run([wheel("a", "fail_until", tmp_path / "count", "9", max_retries=1)])
    assert run.task("a").message == "RuntimeError: attempt 2 of 9"
    assert run.result == "FAILED"


def test_retries_without_end_go_on_until_success(bench, wheel, tmp_path):
    run = bench.run([wheel("a", "fail_until", tmp_path / "count", "4", max_retries=-1)])
    assert len(run.task("a").attempts) == 4
