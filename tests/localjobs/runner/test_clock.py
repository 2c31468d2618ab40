"""The machine's clock jumps while a task works."""

import time
from datetime import datetime, timedelta

import pytest

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
