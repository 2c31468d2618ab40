"""The machine's clock jumps while a task works."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from localjobs.runner.processes import identify, is_alive
from localjobs.state import records


@pytest.mark.parametrize("jump", [timedelta(hours=5), timedelta(hours=-5)], ids=["forward", "back"])
def test_a_clock_that_jumps_ends_no_attempt_and_falsifies_no_time(bench, wheel, monkeypatch, tmp_path, jump):
    at_work = tmp_path / "pid"

    class Clock(datetime):
        """The clock of the machine, which jumps as soon as the task is at work."""

        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + (jump if at_work.exists() else timedelta())

    real = time.time
    monkeypatch.setattr(records, "datetime", Clock)
    monkeypatch.setattr(time, "time", lambda: real() + (jump.total_seconds() if at_work.exists() else 0))
    limits = {"timeout_seconds": 600, "max_retries": 1, "min_retry_interval_millis": 100}
    run = bench.run(
        [wheel("a", "sleep", "2", at_work) | limits, wheel("b", "succeed", after=["a"])], timeout_seconds=900
    )
    assert (run.result, run.warnings) == ("SUCCESS", ())
    assert at_work.exists()
    times = [attempt.seconds for task in run.tasks for attempt in task.attempts]
    assert len(times) == 2
    assert all(0 <= seconds < 60 for seconds in times)


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="only Linux tells when a process was created, in ticks"
)
def test_a_process_is_known_again_after_the_clock_was_set(monkeypatch):
    """What psutil tells is counted from the time of the boot, which moves with the clock."""
    before = identify(os.getpid())
    told = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: told(process) + 18_000)
    assert is_alive(before)
    assert not is_alive(before.model_copy(update={"created": before.created - 1}))
