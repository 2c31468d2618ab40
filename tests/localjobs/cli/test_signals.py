"""The runner is interrupted and killed: no task outlives it, and no run is left RUNNING."""

import signal
import time

import psutil
import pytest

from localjobs.runner.recovery import MESSAGE, recover
from localjobs.sinks import RecordingSink, Sinks
from localjobs.state.store import Store

TOLD = {"webhook_notifications": {"on_failure": [{"id": "ops"}]}}


def wait_until_gone(pid):
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cancels_the_run_and_ends_its_tasks(bench, wheel, start, pid_in, tmp_path, number):
    bench.write([wheel("a", "sleep", "60", tmp_path / "pid"), wheel("b", after=["a"])])
    process = start("run", "job")
    pid = pid_in(tmp_path / "pid")
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"cancelled by {number.name}" in output
    wait_until_gone(pid)
    store = Store(bench.root)
    assert store.load(store.run_ids()[0]).result == "CANCELED"


def test_a_second_signal_does_not_wait_for_a_task_that_resists(bench, wheel, start, pid_in, tmp_path):
    bench.write([wheel("a", "ignore_sigterm", tmp_path / "pid")])
    process = start("run", "job")
    pid = pid_in(tmp_path / "pid")
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert time.monotonic() - begun < 3
    wait_until_gone(pid)


def test_cancel_ends_a_run_of_another_process(bench, wheel, start, pid_in, localjobs, tmp_path):
    bench.write([wheel("a", "sleep", "60", tmp_path / "pid")])
    process = start("run", "job")
    pid_in(tmp_path / "pid")
    assert localjobs("cancel", Store(bench.root).run_ids()[0]).returncode == 0
    process.communicate(timeout=20)
    assert process.returncode == 1


@pytest.fixture
def killed_run(bench, wheel, start, pid_in, tmp_path):
    """A run whose runner was killed while its first task was at work, and that task's process."""
    bench.write([wheel("a", "sleep", "60", tmp_path / "pid", **TOLD), wheel("b", after=["a"], **TOLD)], **TOLD)
    process = start("run", "job")
    pid = pid_in(tmp_path / "pid")
    process.kill()
    process.communicate()
    return Store(bench.root).run_ids()[0], pid


def test_a_task_does_not_outlive_a_runner_that_is_killed(killed_run):
    _, pid = killed_run
    wait_until_gone(pid)


def test_nor_does_what_the_task_has_started_in_a_process_group_of_its_own(bench, wheel, start, pid_in, tmp_path):
    bench.write([wheel("a", "sleep_with_child", tmp_path / "child")])
    process = start("run", "job")
    child = pid_in(tmp_path / "child")
    process.kill()
    process.communicate(timeout=20)
    wait_until_gone(child)


def test_a_run_of_a_killed_runner_is_found_and_ended(bench, killed_run, localjobs):
    run_id, _ = killed_run
    assert Store(bench.root).load(run_id).state == "RUNNING"
    assert "FAILED" in localjobs("runs").stdout
    run = Store(bench.root).load(run_id)
    assert (run.state, run.result, run.message) == ("INTERNAL_ERROR", "FAILED", MESSAGE)
    assert [(task.task_key, str(task.result)) for task in run.tasks] == [("a", "FAILED"), ("b", "UPSTREAM_FAILED")]
    assert run.task("a").attempts[0].ended_at is not None


@pytest.mark.usefixtures("killed_run")
def test_an_attempt_of_a_killed_runner_is_told_to_the_sinks(bench):
    sink = RecordingSink({"estimated_cost_usd": 1.5})
    runs = recover(
        Store(bench.root), lambda target: Sinks({"s": lambda: lambda _root, _target: sink}, bench.root, target), []
    )
    assert [(event.task_key, event.result_state) for event in sink.events] == [("a", "FAILED")]
    assert runs[0].task("a").attempts[0].columns == {"estimated_cost_usd": 1.5}


def test_whoever_is_to_hear_of_failures_hears_once_of_a_run_whose_runner_was_killed(
    bench, killed_run, hook, start, localjobs
):
    url, posted = hook
    finders = [start("runs", LOCALJOBS_WEBHOOK_OPS=url) for _ in range(3)]
    for finder in finders:
        finder.communicate(timeout=20)
    localjobs("show", killed_run[0], LOCALJOBS_WEBHOOK_OPS=url)
    assert [one.get("task") for one in posted] == [{"task_key": "a"}, None]
    told = Store(bench.root).load(killed_run[0]).notifications
    assert [(one.task, one.delivery) for one in told] == [
        ("a", "sent by HTTP POST: 204"),
        (None, "sent by HTTP POST: 204"),
    ]
    assert told[1].text.endswith(MESSAGE)


def test_a_run_of_a_killed_runner_ends_even_if_its_bundle_cannot_be_read_any_more(bench, killed_run):
    (bench.root / "databricks.yml").write_text("bundle: [")
    runs = recover(Store(bench.root), lambda target: Sinks({}, bench.root, target), [])
    assert [(run.run_id, str(run.result)) for run in runs] == [(killed_run[0], "FAILED")]
    assert "nobody was told that the run had ended: " in runs[0].warnings[-1]


def test_a_run_of_a_killed_runner_can_be_repaired(bench, killed_run, localjobs, wheel):
    run_id, _ = killed_run
    bench.write([wheel("a"), wheel("b", after=["a"])])
    done = localjobs("repair", run_id, "--all-failed")
    assert done.returncode == 0, done.stderr
    assert [len(task.attempts) for task in Store(bench.root).load(run_id).tasks] == [2, 1]
