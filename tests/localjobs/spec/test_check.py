import pytest

from localjobs.errors import BundleError, UnsupportedError
from localjobs.runner.loading import load_job


@pytest.fixture
def problem(bench):
    """Why a job is refused."""

    def check(tasks, error=BundleError, **settings):
        bench.write(tasks, **settings)
        with pytest.raises(error) as caught:
            load_job(bench.deploy(), "job")
        return str(caught.value)

    return check


def test_a_circle_of_tasks_is_refused(problem, wheel):
    message = problem([wheel("a", after=["c"]), wheel("b", after=["a"]), wheel("c", after=["b"])])
    assert "tasks depend on each other in a circle" in message


def test_a_dependency_on_no_task_is_refused_with_its_line(problem, wheel):
    assert "databricks.yml:1: jobs.job: task b depends on 'gone', which is no task" in problem(
        [wheel("b", after=["gone"])]
    )


def test_a_duplicate_task_key_is_refused(problem, wheel):
    assert "two entries with task_key 'a'" in problem([wheel("a"), wheel("a")])


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("job.parameters.gone", "no job parameter 'gone'; known are: day"),
        ("job.start_time.fortnight", "no time argument 'fortnight'; known are: day, hour"),
        ("job.colour", "no reference 'job.colour'; known are: job.id"),
        ("task.colour", "no reference 'task.colour'; known are: task.execution_count"),
        ("tasks.gone.values.x", "no task 'gone'; known are: a"),
        ("tasks.a.colour", "no field of a task 'colour'"),
        ("tasks.a.values", "no field of a task 'values'"),
        ("input.x", "`input` exists only in the task of a for_each_task"),
    ],
)
def test_a_wrong_name_in_a_known_namespace_is_refused(problem, wheel, reference, why):
    tasks = [wheel("a", "succeed", f"{{{{{reference}}}}}")]
    assert f"task a: {{{{{reference}}}}}: {why}" in problem(tasks, parameters=[{"name": "day", "default": "1"}])


def test_an_unknown_namespace_is_none_of_our_business(bench, wheel):
    bench.write([wheel("a", "succeed", "{{secrets/scope/key}} {{something.else}}")])
    assert load_job(bench.deploy(), "job").tasks


@pytest.mark.parametrize("default", ["{{job.parameters.x}}", "{{task.name}}", "{{tasks.a.run_id}}"])
def test_a_parameters_default_can_only_speak_of_the_run(problem, wheel, default):
    assert "can refer to job.id" in problem([wheel("a")], parameters=[{"name": "x", "default": default}])


def test_a_kind_that_cannot_run_here_is_named(problem):
    task = {"task_key": "a", "dbt_task": {"commands": ["dbt run"]}}
    assert "task a is a dbt_task, which does not run here" in problem([task], error=UnsupportedError)


def test_a_task_has_exactly_one_kind(problem, wheel):
    assert "needs exactly one kind of task, and has: none" in problem([{"task_key": "a"}])
    both = wheel("a") | {"condition_task": {"left": "1", "op": "EQUAL_TO", "right": "1"}}
    assert "and has: python_wheel_task, condition_task" in problem([both])


def test_positional_and_named_parameters_exclude_each_other(problem, wheel):
    task = wheel("a", named={})
    task["python_wheel_task"]["parameters"] = []
    assert "has both parameters and named_parameters" in problem([task])


def test_an_outcome_can_be_asked_of_a_condition_only(problem, wheel):
    task = {**wheel("b"), "depends_on": [{"task_key": "a", "outcome": "true"}]}
    assert "asks for an outcome of a, which is no condition_task" in problem([wheel("a"), task])


def test_a_cluster_that_is_not_declared_is_refused(problem, wheel):
    assert "no job_cluster_key 'big'; known are: none" in problem([wheel("a", job_cluster_key="big")])


def test_a_job_that_does_not_exist_is_refused_naming_the_others(bench, wheel):
    bench.write([wheel("a")])
    with pytest.raises(BundleError, match="no job 'trainign' in the bundle bench; its jobs are: job"):
        load_job(bench.deploy(), "trainign")
