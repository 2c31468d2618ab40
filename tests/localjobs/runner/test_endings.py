"""Timeouts and cancelling: nothing that a task started may outlive it."""

import time
from pathlib import Path

import psutil
import pytest

from localjobs.runner import processes
from localjobs.state.store import Store


def wait_for(file: Path) -> int:
    """The number in a file that a task writes once it is at work."""
    deadline = time.monotonic() + 10
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, f"{file} was never written"
        time.sleep(0.01)
    return int(file.read_text())


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_an_attempt_that_takes_too_long_is_ended_with_its_children(bench, wheel, tmp_path):
    run = bench.run([wheel("a", "sleep_with_child", tmp_path / "child", timeout_seconds=1)])
    task = run.task("a")
    assert task.result == "TIMEDOUT"
    assert task.message == "the attempt ran longer than timeout_seconds: 1"
    assert task.attempts[0].seconds < 3
    assert gone(int((tmp_path / "child").read_text()))
    assert run.result == "FAILED"


def test_a_timeout_is_retried_only_if_asked(bench, wheel):
    timed_out = {"timeout_seconds": 1, "max_retries": 1}
    tasks = [wheel("a", "sleep", "60", **timed_out), wheel("b", "sleep", "60", **timed_out, retry_on_timeout=True)]
    run = bench.run(tasks)
    assert [len(run.task(key).attempts) for key in "ab"] == [1, 2]


def test_a_task_that_ignores_sigterm_is_killed(bench, wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    run = bench.run([wheel("a", "ignore_sigterm", tmp_path / "pid", timeout_seconds=1)])
    assert run.task("a").result == "TIMEDOUT"
    assert run.task("a").attempts[0].exit_code == -9


def test_a_task_that_stands_still_runs_into_its_timeout_and_is_tried_again(bench, wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    limits = {"timeout_seconds": 6, "max_retries": 1, "retry_on_timeout": True}
    run = bench.run([wheel("a", "hang_once", tmp_path / "pid", **limits)])
    assert [attempt.result for attempt in run.task("a").attempts] == ["TIMEDOUT", "SUCCESS"]
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_a_task_leaves_running_is_ended(bench, wheel, tmp_path):
    run = bench.run([wheel("a", "leave_child", tmp_path / "child")])
    assert run.result == "SUCCESS"
    assert gone(int((tmp_path / "child").read_text()))


def test_a_job_that_takes_too_long_is_ended(bench, wheel, results):
    run = bench.run([wheel("a", "sleep", "60"), wheel("b", after=["a"])], timeout_seconds=1)
    assert run.result == "TIMEDOUT"
    assert results(run) == {"a": "TIMEDOUT", "b": "UPSTREAM_CANCELED"}


def test_a_run_can_be_cancelled_from_another_process(bench, wheel, results):
    def cancel_at_work(run, task):
        if task is not None and task.state == "RUNNING":
            Store(bench.root).request_cancel(run.run_id)

    run = bench.run([wheel("a", "sleep", "60"), wheel("b", after=["a"])], listener=cancel_at_work)
    assert run.result == "CANCELED"
    assert run.message == "cancelled by `localjobs cancel`"
    assert results(run) == {"a": "CANCELED", "b": "UPSTREAM_CANCELED"}


def test_a_run_that_takes_long_warns_and_goes_on(bench, wheel):
    rule = {"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 0}
    run = bench.run([wheel("a")], health={"rules": [rule]})
    assert run.result == "SUCCESS"
    assert run.warnings == ("health: the run takes longer than 0 seconds",)


@pytest.mark.parametrize(
    ("function", "arguments", "settings", "result"),
    [
        ("fail", [], {}, "FAILED"),
        ("sleep", ["60"], {"timeout_seconds": 1}, "TIMEDOUT"),
        ("kill_itself", [], {}, "FAILED"),
    ],
)
def test_every_attempt_is_told_to_the_sinks_however_it_ended(bench, wheel, function, arguments, settings, result):
    bench.sink.columns = {"estimated_cost_usd": 0.25}
    cluster = {"job_cluster_key": "c", "new_cluster": {"node_type_id": "m5d.large", "num_workers": 1}}
    task = wheel("a", function, *arguments, job_cluster_key="c", max_retries=1, retry_on_timeout=True, **settings)
    parameters = [{"name": "day", "default": "1"}]
    run = bench.run([task], job_clusters=[cluster], parameters=parameters, tags={"team": "risk"})
    assert [(event.task_key, event.attempt, event.result_state) for event in bench.sink.events] == [
        ("a", 0, result),
        ("a", 1, result),
    ]
    event = bench.sink.events[0]
    assert event.compute == {"node_type_id": "m5d.large", "num_workers": 1}
    assert (event.job_key, event.job_run_id, event.target) == ("job", run.run_id, "local")
    assert (event.job_parameters, event.tags) == ({"day": "1"}, {"team": "risk"})
    assert event.bundle_root == bench.root
    assert event.started_at < event.ended_at
    assert [attempt.columns for attempt in run.task("a").attempts] == [{"estimated_cost_usd": 0.25}] * 2
    assert bench.sink.closed


def test_a_sink_that_raises_does_not_fail_the_run(bench, wheel):
    bench.sink.columns = ["no mapping"]
    run = bench.run([wheel("a")])
    assert run.result == "SUCCESS"
    assert run.warnings[0].startswith("sink recording failed: ValueError")


def test_a_slow_sink_makes_no_attempt_longer(bench, wheel, monkeypatch):
    monkeypatch.setattr(bench.sink, "attempt_finished", lambda _event: time.sleep(1.5) or {})
    run = bench.run([wheel("a"), wheel("b", "sleep", "0.4", timeout_seconds=1)])
    assert run.task("b").result == "SUCCESS"
    assert 0.4 < run.task("b").attempts[0].seconds < 1.4
