import pytest

from localjobs.errors import BundleError
from localjobs.state.store import Store


def call(key="call", job="other", **parameters):
    return {"task_key": key, "run_job_task": {"job_id": f"${{resources.jobs.{job}.id}}", "job_parameters": parameters}}


def other(*tasks, **settings):
    return {"other": {"name": "the other", "tasks": list(tasks), **settings}}


def test_another_job_runs_with_the_parameters_and_its_result_is_the_tasks(bench, wheel):
    names = [{"name": "day", "default": "1"}, {"name": "own", "default": "o"}, {"name": "mine", "default": "m"}]
    asked = wheel("a", "print_arguments", *(f"{{{{job.parameters.{one['name']}}}}}" for one in names))
    run = bench.run(
        [call(day="task", own="{{task.name}}")],
        parameters=[{"name": "day", "default": "parent"}],
        others=other(asked, parameters=names),
    )
    assert run.result == "SUCCESS"
    child = Store(bench.root).load(run.task("call").attempts[0].started_run_id)
    assert (child.job_key, child.trigger, child.result) == ("other", "RUN_JOB_TASK", "SUCCESS")
    assert bench.log(child, "a") == "arguments ['parent', 'call', 'm']\n"


def test_a_job_that_fails_fails_the_task_and_a_retry_is_a_new_run(bench, wheel):
    run = bench.run([{**call(), "max_retries": 1}], others=other(wheel("a", "fail")))
    task = run.task("call")
    assert task.result == "FAILED"
    assert "of job other ended FAILED" in task.message
    assert len({attempt.started_run_id for attempt in task.attempts}) == 2


def test_a_job_with_failures_that_were_handled_counts_as_success(bench, wheel, results):
    tasks = [wheel("a", "fail"), wheel("b", after=["a"], run_if="ALL_DONE")]
    run = bench.run([call(), {**wheel("c"), "depends_on": [{"task_key": "call"}]}], others=other(*tasks))
    assert results(run) == {"c": "SUCCESS", "call": "SUCCESS_WITH_FAILURES"}


def test_the_other_job_ends_with_the_task_that_started_it(bench, wheel):
    run = bench.run([{**call(), "timeout_seconds": 1}], others=other(wheel("a", "sleep", "60")))
    child = Store(bench.root).load(run.task("call").attempts[0].started_run_id)
    assert run.task("call").result == "TIMEDOUT"
    assert (child.state, child.task("a").state) == ("TERMINATED", "TERMINATED")


def test_a_job_that_is_full_without_a_queue_fails_the_task(bench, wheel):
    tasks = [call("x"), call("y")]
    run = bench.run(tasks, others=other(wheel("a", "sleep", "0.5"), queue={"enabled": False}))
    assert sorted(str(task.result) for task in run.tasks) == ["FAILED", "SUCCESS"]


def test_a_job_that_is_full_is_waited_for(bench, wheel):
    run = bench.run([call("x"), call("y")], others=other(wheel("a", "sleep", "0.3")))
    assert run.result == "SUCCESS"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (call(dya="1"), "job other has no parameter 'dya'; it has: day"),
        (call(job="job"), "jobs run each other in a circle: job → job"),
        ({"task_key": "c", "run_job_task": {"job_id": "7"}}, "job_id '7' is no job of the bundle bench"),
    ],
)
def test_a_call_that_cannot_work_is_refused_before_anything_runs(bench, wheel, task, message):
    with pytest.raises(BundleError, match=message):
        bench.run([task], others=other(wheel("a"), parameters=[{"name": "day", "default": "1"}]))


def test_what_is_wrong_in_the_other_job_is_refused_too(bench, wheel):
    with pytest.raises(BundleError, match=r"jobs.other: task a depends on 'gone'"):
        bench.run([call()], others=other(wheel("a", after=["gone"])))
