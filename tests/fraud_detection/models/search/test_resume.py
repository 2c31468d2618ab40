"""A search whose process is killed by SIGKILL goes on where it was."""

import os
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

from fraud_detection.models import boosting
from fraud_detection.models.search.journal import name_study
from fraud_detection.models.search.space import Plan
from fraud_detection.models.search.study import search

START = dict(boosting.STARTING_POINT)
TIMES = ("trial", "seconds", "began", "workers")
STEPS, TRIALS, SEED = 3, 12, 3
SEARCH = """
import sys, time
from pathlib import Path
from fraud_detection.models.boosting import STARTING_POINT
from fraud_detection.models.search.space import Plan
from fraud_detection.models.search.study import search

def judge(parameters, step):
    with open(sys.argv[2], "a") as calls:
        calls.write("called\\n")
    time.sleep(0.1)
    return parameters["subsample"] - parameters["max_depth"] / 10

search(Plan(judge, {steps}, {trials}, {seed}, dict(STARTING_POINT)), workers=int(sys.argv[3]), keep=Path(sys.argv[1]))
"""


class Counted:
    """The judge of the script above, which counts how often it is asked."""

    def __init__(self):
        self.calls = []

    def __call__(self, parameters, step):
        self.calls.append((parameters["subsample"], step))
        return parameters["subsample"] - parameters["max_depth"] / 10


def kill_when_judged(times, keep, workers):
    """Start the search in a process of its own, and kill it after some steps; how many it had begun."""
    calls = keep.with_suffix(".calls")
    begun = calls.stat().st_size if calls.exists() else 0
    script = SEARCH.format(steps=STEPS, trials=TRIALS, seed=SEED)
    process = subprocess.Popen([sys.executable, "-c", script, keep, calls, str(workers)])
    deadline = time.monotonic() + 60
    while not calls.exists() or calls.stat().st_size - begun < times * len("called\n"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    return len(calls.read_text().splitlines())


def finished(study):
    return study.trials.filter(pl.col("state") != "fail").drop(TIMES)


@pytest.mark.parametrize(("workers", "kills"), [(1, (10, 7)), (2, (10,))])
def test_a_search_that_is_killed_ends_as_one_that_is_not_and_repeats_no_finished_trial(tmp_path, workers, kills):
    undisturbed, plain = Counted(), Counted()
    expected = search(Plan(undisturbed, STEPS, TRIALS, SEED, START), workers=workers)
    keep = tmp_path / "study"
    begun = max(kill_when_judged(steps, keep, workers) for steps in kills)
    found = search(Plan(plain, STEPS, TRIALS, SEED, START), workers=workers, keep=keep)
    assert finished(found).equals(finished(expected))
    assert finished(found).height == TRIALS
    assert found.parameters == expected.parameters
    failed = found.trials.filter(pl.col("state") == "fail")
    assert failed.height == len(kills) * workers
    for subsample in failed["subsample"]:  # tried again, from the first step
        assert subsample in finished(found)["subsample"]
    assert (
        search(Plan(None, STEPS, TRIALS, SEED, START), workers=workers, keep=keep).trials.height == found.trials.height
    )
    assert len(plain.calls) < len(undisturbed.calls) - 5
    assert len(undisturbed.calls) <= begun + len(plain.calls) <= len(undisturbed.calls) + failed.height * STEPS


def test_a_search_that_ended_is_not_run_again_and_another_one_is(tmp_path):
    first, again, other = Counted(), Counted(), Counted()
    found = search(Plan(first, STEPS, 5, SEED, START), keep=tmp_path / name_study({"rows": 1}, 7))
    assert search(Plan(again, STEPS, 5, SEED, START), keep=tmp_path / name_study({"rows": 1}, 7)).trials.equals(
        found.trials
    )
    search(Plan(other, STEPS, 5, SEED, START), keep=tmp_path / name_study({"rows": 2}, 7))
    assert again.calls == []
    assert other.calls == first.calls
