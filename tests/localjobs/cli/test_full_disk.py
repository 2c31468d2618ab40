"""The disk fills while a run goes on: files of the runner can't grow any more."""

import resource

import psutil
import pytest

from localjobs.state.folders import database
from localjobs.state.store import Store

FULL = 512


@pytest.fixture
def filled(bench, wheel, start, pid_in, tmp_path):
    """A run whose runner may write no file beyond 512 bytes, from when its task is at work; what it said."""
    bench.write([wheel("a", "sleep", "60", tmp_path / "pid"), wheel("b", after=["a"])])
    process = start("run", "job")
    task = psutil.Process(pid_in(tmp_path / "pid"))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FULL, FULL))
    said, _ = process.communicate(timeout=50)
    assert process.returncode == 1
    return task, said


def test_a_runner_that_cannot_note_its_runs_says_so_and_leaves_no_task(bench, filled):
    task, said = filled
    assert f"error: {database(bench.root)}: " in said
    assert "expected a disk with room" in said
    assert "Traceback" not in said
    psutil.wait_procs([task], timeout=20)
    assert not task.is_running()


@pytest.mark.usefixtures("filled")
def test_what_was_noted_before_can_be_read_and_the_run_goes_on_when_there_is_room(bench, wheel, localjobs):
    run = Store(bench.root).run_ids()[0]
    assert localjobs("runs").returncode == 0
    record = Store(bench.root).load(run)
    assert (record.result, record.tasks[0].result) == ("FAILED", "FAILED")
    bench.write([wheel("a", "succeed"), wheel("b", "succeed", after=["a"])])
    assert localjobs("repair", run).returncode == 0
    assert Store(bench.root).load(run).result == "SUCCESS"
