from datetime import UTC, datetime

import pytest

from localjobs.runner import notices
from localjobs.spec.job import Job
from localjobs.spec.task import Task
from localjobs.state.records import Attempt, Process, Run
from localjobs.states import LifeCycle, Result

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = {
    f"on_{occasion}": ["x@example.com"]
    for occasion in ("start", "success", "failure", "duration_warning_threshold_exceeded")
}


def make_run(result, state=LifeCycle.TERMINATED):
    runner = Process(pid=1, created=0)
    names = {"job_key": "j", "job_name": "j", "bundle": "b", "target": "t"}
    times = {"created_at": MOMENT, "started_at": MOMENT, "ended_at": MOMENT}
    return Run(run_id=1, job_id=1, **names, state=state, result=result, **times, runner=runner)


def make_job(**settings):
    return Job(email_notifications={**EVERYTHING, **settings.pop("email", {})}, notification_settings=settings)


def make_task(**settings):
    return Task(task_key="t", email_notifications=EVERYTHING, notification_settings=settings)


def occasions(told):
    return [one.occasion for one in told]


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (Result.SUCCESS, ["on_success"]),
        (Result.SUCCESS_WITH_FAILURES, []),
        (Result.FAILED, ["on_failure"]),
        (Result.TIMEDOUT, ["on_failure"]),
        (Result.CANCELED, ["on_failure"]),
    ],
)
def test_success_is_told_of_exactly_success(result, told):
    assert occasions(notices.run_ended(make_job(), make_run(result))) == told


def test_cancelled_runs_can_be_muted():
    job = make_job(no_alert_for_canceled_runs=True)
    assert notices.run_ended(job, make_run(Result.CANCELED)) == []
    assert occasions(notices.run_ended(job, make_run(Result.FAILED))) == ["on_failure"]


@pytest.mark.parametrize(
    "job", [make_job(no_alert_for_skipped_runs=True), make_job(email={"no_alert_for_skipped_runs": True})]
)
def test_skipped_runs_can_be_muted(job):
    skipped = make_run(Result.MAXIMUM_CONCURRENT_RUNS_REACHED, LifeCycle.SKIPPED)
    assert notices.run_ended(job, skipped) == []
    assert occasions(notices.run_ended(make_job(), skipped)) == ["on_failure"]


@pytest.mark.parametrize(
    ("muted", "first_start", "later_start", "early_failure", "last_failure"),
    [(False, True, True, True, True), (True, True, False, False, True)],
)
def test_alert_on_last_attempt_mutes_earlier_attempts(muted, first_start, later_start, early_failure, last_failure):
    task = make_task(alert_on_last_attempt=muted)
    attempt = Attempt(task_run_id=1, number=0, started_at=MOMENT, ended_at=MOMENT, result=Result.FAILED)
    assert bool(notices.attempt_began(task, "t", attempt, first=True)) is first_start
    assert bool(notices.attempt_began(task, "t", attempt, first=False)) is later_start
    assert bool(notices.attempt_ended(task, "t", attempt, last=False)) is early_failure
    assert bool(notices.attempt_ended(task, "t", attempt, last=True)) is last_failure


def test_a_run_tells_what_happens_in_order(bench, wheel, tmp_path):
    people = {f"on_{occasion}": ["x@example.com"] for occasion in ("start", "success", "failure")}
    task = wheel("a", "fail_until", tmp_path / "count", "2", max_retries=1, email_notifications=people)
    run = bench.run([task], email_notifications=people)
    told = [(one.task, one.occasion) for one in run.notifications]
    assert told == [
        (None, "on_start"),
        *(("a", f"on_{occasion}") for occasion in ("start", "failure", "start", "success")),
        (None, "on_success"),
    ]


def test_a_run_and_a_task_that_take_long_are_told_once(bench, wheel):
    rule = {"rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 0}]}
    people = {"on_duration_warning_threshold_exceeded": ["x@example.com"]}
    task = wheel("a", "sleep", "0.2", health=rule, email_notifications=people)
    run = bench.run([task], health=rule, email_notifications=people)
    assert [(one.task, one.text) for one in run.notifications] == [
        (None, "health: the run takes longer than 0 seconds"),
        ("a", "health: task a takes longer than 0 seconds"),
    ]


def test_a_task_that_never_started_tells_nobody(bench, wheel):
    people = {"on_failure": ["x@example.com"]}
    run = bench.run([wheel("a", "fail"), wheel("b", after=["a"], email_notifications=people)])
    assert run.notifications == ()
