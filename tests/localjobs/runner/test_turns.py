"""Runs of one job beside each other; the other run is only a record, kept alive by the test's own process."""

import os

import pytest

from localjobs.runner.plan import make_plan
from localjobs.runner.processes import identify
from localjobs.state.records import Process
from localjobs.state.store import Store
from localjobs.states import LifeCycle, Result


@pytest.fixture
def other_run(bench, wheel):
    """Writes down a run of the same job that is under way."""

    def write(runner):
        bench.write([wheel("a")])
        run = make_plan(bench.deploy(), "job", {}).run.model_copy(update={"state": LifeCycle.RUNNING, "runner": runner})
        Store(bench.root).save_run(run)
        return run

    return write


def test_without_a_queue_a_further_run_is_skipped(bench, wheel, other_run):
    other_run(identify(os.getpid()))
    run = bench.run([wheel("a")], queue={"enabled": False})
    assert (run.state, run.result) == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    assert run.task("a").attempts == ()


def test_with_a_queue_a_further_run_waits_for_its_turn(bench, wheel, other_run):
    other = other_run(identify(os.getpid()))
    states = []

    def end_the_other(run, _task):
        states.append(run.state)
        if run.state == "QUEUED":
            ended = {"state": LifeCycle.TERMINATED, "result": Result.SUCCESS}
            Store(bench.root).save_run(other.model_copy(update=ended))

    run = bench.run([wheel("a")], listener=end_the_other)
    assert states[:2] == ["QUEUED", "RUNNING"]
    assert run.result == "SUCCESS"


def test_a_run_whose_runner_died_blocks_nobody(bench, wheel, other_run):
    other_run(Process(pid=os.getpid(), created=0.0))
    assert bench.run([wheel("a")], queue={"enabled": False}).result == "SUCCESS"


def test_a_job_may_allow_several_runs_at_once(bench, wheel, other_run):
    other_run(identify(os.getpid()))
    assert bench.run([wheel("a")], queue={"enabled": False}, max_concurrent_runs=2).result == "SUCCESS"
