import pytest
from databricks.sdk.service import jobs

from localjobs.api import as_api
from localjobs.errors import RunError
from localjobs.runner.repair import Choice, make_repair
from localjobs.state.store import Store


def starts(run):
    return {task.task_key: len(task.attempts) for task in run.tasks}


@pytest.fixture
def broken(bench, wheel, tmp_path):
    """A run whose second task fails the first time."""
    again = wheel("b", "fail_until", tmp_path / "count", "2", after=["a"])
    tasks = [wheel("a", "set_values"), again, wheel("c", "print_value", "a", "auc", after=["b"])]
    return bench.run([*tasks, wheel("d")], parameters=[{"name": "day", "default": "1"}], params={"day": "2"})


def test_what_failed_runs_again_and_the_rest_keeps_results_and_values(bench, broken):
    run = bench.repair(broken)
    assert run.run_id == broken.run_id
    assert run.result == "SUCCESS"
    assert starts(run) == {"a": 1, "b": 2, "c": 1, "d": 1}
    assert bench.log(run, "c") == "value 0.75\n"
    assert [one.value for one in run.parameters] == ["2"]
    assert Store(bench.root).load(run.run_id) == run


def test_the_history_of_repairs_is_that_of_the_jobs_api(bench, broken):
    run = bench.repair(broken)
    told = jobs.Run.from_dict(as_api(run, Store(bench.root)))
    original, repair = told.repair_history
    assert (original.type, original.state.result_state) == (
        jobs.RepairHistoryItemType.ORIGINAL,
        jobs.RunResultState.FAILED,
    )
    assert (repair.type, repair.state.result_state) == (jobs.RepairHistoryItemType.REPAIR, jobs.RunResultState.SUCCESS)
    ids = {task.task_key: [attempt.task_run_id for attempt in task.attempts] for task in run.tasks}
    assert original.task_run_ids == [ids["a"][0], ids["b"][0], ids["d"][0]]
    assert repair.task_run_ids == [ids["b"][1], ids["c"][0]]
    assert jobs.Run.from_dict(as_api(broken, Store(bench.root))).repair_history == []


def test_attempts_and_their_costs_are_added_to_the_same_run(bench, broken):
    bench.sink.events.clear()
    bench.repair(broken)
    assert [(event.task_key, event.attempt, event.job_run_id) for event in bench.sink.events] == [
        ("b", 1, broken.run_id),
        ("c", 0, broken.run_id),
    ]


def test_counts_go_on_over_repairs(bench, wheel):
    texts = ["{{job.repair_count}}", "{{task.execution_count}}"]
    run = bench.run([wheel("a", "print_arguments", *texts)])
    run = bench.repair(bench.repair(run, "a"), "a")
    assert [bench.log(run, "a", number) for number in range(3)] == [
        f"arguments {[str(repairs), str(count)]}\n" for repairs, count in ((0, 1), (1, 2), (2, 3))
    ]


def test_named_tasks_run_again_and_only_if_asked_what_depends_on_them(bench, wheel):
    tasks = [wheel("a"), wheel("b", after=["a"]), wheel("c", after=["b"]), wheel("d")]
    run = bench.run(tasks)
    assert starts(bench.repair(run, "a")) == {"a": 2, "b": 1, "c": 1, "d": 1}
    run = Store(bench.root).load(run.run_id)
    assert starts(bench.repair(run, "b", dependents=True)) == {"a": 2, "b": 2, "c": 2, "d": 1}


def test_current_settings_count(bench, wheel, tmp_path):
    run = bench.run([wheel("a", "fail"), wheel("gone"), wheel("c", after=["a"])])
    fixed = wheel("a", "fail_until", tmp_path / "count", "2", max_retries=1)
    run = bench.repair(run, now=[fixed, wheel("c", after=["a", "new"]), wheel("new")])
    assert run.result == "SUCCESS"
    assert starts(run) == {"a": 3, "c": 1, "new": 1}
    assert run.warnings == ("repair: the job no longer has gone",)
    assert Store(bench.root).load(run.run_id) == run


def test_a_task_that_runs_again_sees_the_result_of_a_kept_failure(bench, wheel, results):
    run = bench.run([wheel("a", "fail"), wheel("b", after=["a"])])
    assert results(bench.repair(run, "b")) == {"a": "FAILED", "b": "UPSTREAM_FAILED"}


def test_values_of_a_task_that_runs_again_are_forgotten(bench, wheel):
    run = bench.run([wheel("a", "set_values")])
    assert bench.repair(run, "a", now=[wheel("a")]).task("a").values == {}


def test_a_repaired_loop_repeats_only_what_failed(bench, wheel):
    def loop(function):
        one = wheel("one", function, "{{input}}")
        one.pop("depends_on")
        return {"task_key": "each", "for_each_task": {"inputs": "[0, 3, 0]", "concurrency": 3, "task": one}}

    run = bench.run([loop("exit_with")])
    run = bench.repair(run, now=[loop("print_arguments")])
    assert run.result == "SUCCESS"
    assert [len(one.attempts) for one in run.task("each").iterations] == [1, 2, 1]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [((), "has no task that failed; name tasks with --tasks"), (("x",), "the job has no task 'x' now; its tasks: a")],
)
def test_a_repair_of_nothing_is_refused(bench, wheel, tasks, message):
    run = bench.run([wheel("a")])
    with pytest.raises(RunError, match=message):
        bench.repair(run, *tasks)


def test_only_one_of_two_repairs_gets_the_run(bench, broken):
    late = make_repair(bench.deploy(), broken, Choice())
    store = Store(bench.root)
    store.reopen(late.run, [])
    with pytest.raises(RunError, match="only a run that has ended can be repaired"):
        bench.repair(broken)
