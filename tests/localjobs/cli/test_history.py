import json

import pytest
from databricks.sdk.service.jobs import Run


@pytest.fixture
def run(bench, wheel, tmp_path):
    return bench.run([wheel("a", "fail_until", tmp_path / "count", "2", max_retries=1)])


def test_runs_are_listed(run, localjobs):
    done = localjobs("runs")
    assert done.returncode == 0
    assert str(run.run_id) in done.stdout
    assert "SUCCESS" in done.stdout
    assert str(run.run_id) not in localjobs("runs", "--job", "other").stdout


def test_a_run_is_shown_as_it_was_printed_and_as_json(run, localjobs):
    assert "result: SUCCESS" in localjobs("show", run.run_id).stdout
    assert Run.from_dict(json.loads(localjobs("show", run.run_id, "-o", "json").stdout)).run_id == run.run_id


def test_logs_are_those_of_the_last_attempt_or_of_the_one_asked_for(run, localjobs):
    assert localjobs("logs", run.run_id, "a").stdout == ""
    assert "RuntimeError: attempt 1 of 2" in localjobs("logs", run.run_id, "a", "--attempt", "0").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "7"], "no run 7 in"),
        (["logs", "{run}", "b"], "has no task 'b'; its tasks: a"),
        (["logs", "{run}", "a", "--attempt", "5"], "its attempts: 0, 1"),
        (["cancel", "{run}"], "has already ended: SUCCESS"),
    ],
)
def test_what_does_not_exist_is_an_error_with_status_one(run, localjobs, arguments, message):
    done = localjobs(*(text.format(run=run.run_id) for text in arguments))
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())
