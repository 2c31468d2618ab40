import pytest

from localjobs.errors import BundleError, UnsupportedError
from localjobs.runner.loading import load_job


@pytest.fixture
def problem(bench):
    def check(task, error=BundleError):
        bench.write([{"task_key": "a", **task}])
        with pytest.raises(error) as caught:
            load_job(bench.deploy(), "job")
        return str(caught.value)

    return check


INNER = {"task_key": "in", "python_wheel_task": {"package_name": "p", "entry_point": "e"}}
NESTED = {"task_key": "in", "for_each_task": {"inputs": "[]", "task": INNER}}


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"notebook_task": {"notebook_path": "/Workspace/x"}}, "task a needs a .py or .ipynb notebook"),
        ({"for_each_task": {"inputs": "[]", "task": {"task_key": "in"}}}, "task in needs exactly one kind of task"),
        (
            {"for_each_task": {"inputs": "[]", "task": NESTED}},
            "task in is a for_each_task in a for_each_task, which Databricks refuses",
        ),
        ({"run_job_task": {"job_id": "1", "python_params": ["x"]}}, "uses run_job_task.python_params"),
    ],
)
def test_a_kind_with_the_wrong_shape_is_refused(problem, task, message):
    assert message in problem(task)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"pipeline_task": {"pipeline_id": "1"}}, "task a is a pipeline_task, which does not run here; these do:"),
        ({"sql_task": {"warehouse_id": "w", "query": {"query_id": "1"}}}, "a sql_task with a query of the workspace"),
        ({"spark_python_task": {"python_file": "dbfs:/x.py"}}, "a spark_python_task of dbfs:/x.py"),
        ({"notebook_task": {"notebook_path": "x.py", "source": "GIT"}}, "a notebook_task of a remote git repository"),
        ({"for_each_task": {"inputs": "[]", "task": {"task_key": "in", "dbt_task": {}}}}, "task in is a dbt_task"),
    ],
)
def test_what_needs_a_workspace_is_refused_by_name(problem, bench, task, message):
    (bench.root / "x.py").touch()
    assert message in problem(task, UnsupportedError)


def test_what_needs_a_workspace_can_be_left_out_and_is_shown_so(bench, wheel):
    pipeline = {"task_key": "a", "pipeline_task": {"pipeline_id": "1"}}
    run = bench.run([pipeline, wheel("b", after=["a"])], skip=True)
    task = run.task("a")
    assert (task.state, task.attempts) == ("SKIPPED", ())
    assert task.message.startswith("left out: task a is a pipeline_task")
    assert run.task("b").result == "SUCCESS"
    assert run.result == "SUCCESS"
