"""Forecasts of bundles: thirty clusters against a table worked out by hand; durations, retries, loops, months."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from runcosts.errors import BundleError
from runcosts.forecast import Outlook, Range, forecast_jobs
from runcosts.history import History
from runcosts.settings import Settings

BY_HAND = YAML(typ="safe", pure=True).load(Path(__file__).with_name("shapes_by_hand.yml").read_text(encoding="utf-8"))
TODAY = dt.date(2026, 1, 1)
CENT = Decimal("0.01")
ALONE = {"new_cluster": {"node_type_id": "m5d.large", "num_workers": 0}}
DAILY = {"quartz_cron_expression": "0 30 2 * * ?", "timezone_id": "UTC"}


def make_tree(*tasks, **job):
    return {"resources": {"jobs": {"nightly": {"name": "nightly", "tasks": list(tasks), **job}}}}


@pytest.fixture
def forecast(prices):
    def make(tree, rows=(), settings=None, **outlook):
        chosen = Outlook(prices, settings or Settings(), TODAY, History(rows), **outlook)
        (job,) = forecast_jobs(tree, chosen)
        return job

    return make


def tree_of(case):
    task = {"task_key": "only", "max_retries": case.get("max_retries", 0)}
    if "cluster" in case:
        task["new_cluster"] = case["cluster"]
    if "all_purpose" in case:
        task["existing_cluster_id"] = "${resources.clusters.shared.id}"
    tree = make_tree(task)
    tree["resources"] |= {"instance_pools": case.get("pools"), "clusters": {"shared": case.get("all_purpose")}}
    return tree


def to_the_cent(amount):
    return None if amount is None else amount.quantize(CENT)


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: case["name"])
def test_a_cluster_costs_to_the_cent_what_was_worked_out_by_hand(forecast, case):
    stated = Decimal(case["serverless"]) if "serverless" in case else None
    settings = Settings(**case.get("terms", {}), serverless_dbu_per_hour=stated)

    job = forecast(tree_of(case), settings=settings, minutes=Decimal(str(case.get("minutes", 60))))

    found = {bound: to_the_cent(getattr(job.run, bound)) for bound in ("low", "expected", "high")}
    by_hand = {bound: None if cost is None else Decimal(str(cost)) for bound, cost in case["expect"].items()}
    assert found == {bound: to_the_cent(cost) for bound, cost in by_hand.items()}


def test_the_table_has_thirty_different_clusters_each_with_its_arithmetic():
    assert len({str(tree_of(case)) + str(case.get("terms")) + str(case.get("serverless")) for case in BY_HAND}) == 30
    assert all(any(digit.isdigit() for digit in case["by_hand"]) for case in BY_HAND)


def past(make_row, run, minutes, task="only", state="SUCCESS", attempt=0):
    began = dt.datetime(2025, 12, int(run), tzinfo=dt.UTC)
    times = {"started_at": began, "ended_at": began + dt.timedelta(minutes=minutes)}
    ids = {"job_name": "[dev me] nightly", "job_run_id": run, "task_run_id": f"{run}{attempt}", "attempt": attempt}
    return make_row(task_key=task, result_state=state, **times, **ids).__dict__


def test_past_runs_give_the_shortest_the_median_and_the_longest(forecast, make_row):
    rows = [past(make_row, str(run), minutes) for run, minutes in ((1, 999), (2, 30), (3, 60), (4, 120))]

    task = forecast(make_tree({"task_key": "only", **ALONE}), rows, last=3).tasks[0]

    assert task.seconds == Range(Decimal(1800), Decimal(3600), Decimal(7200))
    assert task.basis == "median of 3 past runs (local)"
    assert task.cost == Range(Decimal("0.082"), Decimal("0.164"), Decimal("0.328"))


def test_failed_attempts_count_in_the_run_that_succeeded_and_a_run_that_failed_says_nothing(forecast, make_row):
    retried = [past(make_row, "1", 20, state="FAILED"), past(make_row, "1", 40, attempt=1)]

    task = forecast(make_tree({"task_key": "only", **ALONE}), [*retried, past(make_row, "2", 1, state="FAILED")]).tasks[
        0
    ]

    assert task.seconds.expected == 3600
    assert task.basis == "median of 1 past run (local)"


def test_without_past_runs_or_an_assumption_there_is_a_reason_and_a_bound_but_no_cost(forecast):
    job = forecast(make_tree({"task_key": "only", "timeout_seconds": 1800, "max_retries": 1, **ALONE}))

    assert (job.tasks[0].cost, job.run) == (Range(), Range())
    assert job.tasks[0].reason.startswith("no past runs: state how long it takes")
    assert job.tasks[0].at_most == Decimal("0.164")


def test_a_stated_time_of_one_task_goes_before_that_of_all(forecast):
    settings = Settings(assumed_minutes={"nightly.a": Decimal(30)})
    tree = make_tree({"task_key": "a", **ALONE}, {"task_key": "b", **ALONE})

    tasks = forecast(tree, settings=settings, minutes=Decimal(60)).tasks

    assert [task.basis for task in tasks] == ["assumed: 30 min", "assumed: 60 min"]
    assert [task.cost.expected for task in tasks] == [Decimal("0.082"), Decimal("0.164")]


def test_tasks_that_share_a_cluster_pay_for_it_once_with_its_waiting(forecast):
    shared = {"job_cluster_key": "shared"}
    tree = make_tree(
        {"task_key": "first", **shared},
        {"task_key": "elsewhere", "depends_on": [{"task_key": "first"}], **ALONE},
        {"task_key": "last", "depends_on": [{"task_key": "elsewhere"}], **shared},
        job_clusters=[{"job_cluster_key": "shared", **ALONE}],
    )

    job = forecast(tree, minutes=Decimal(60))

    # The shared cluster is up for three hours, for two of work: each of its tasks pays 1.5 x .164.
    assert [task.cost.expected for task in job.tasks] == [Decimal("0.246"), Decimal("0.164"), Decimal("0.246")]


def test_tasks_at_once_on_a_shared_cluster_pay_half_of_it_each(forecast):
    tasks = ({"task_key": key, "job_cluster_key": "shared"} for key in "ab")

    job = forecast(make_tree(*tasks, job_clusters=[{"job_cluster_key": "shared", **ALONE}]), minutes=Decimal(60))

    assert [task.cost.expected for task in job.tasks] == [Decimal("0.082")] * 2


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ({"python_wheel_task": {}}, "serverless declares no size"),
        ({"sql_task": {}}, "a sql_task runs on compute that the task does not declare"),
        ({"existing_cluster_id": "1-2-x"}, "cluster 1-2-x is not declared in this bundle"),
        ({"job_cluster_key": "none"}, "the job has no cluster none"),
        ({"new_cluster": {"instance_pool_id": "p"}}, "node type of instance pool p is not known"),
        ({"new_cluster": {"node_type_id": "z9.huge"}}, "no price for node type z9.huge"),
    ],
)
def test_what_cannot_be_known_is_said_and_left_out_of_the_sum(forecast, task, reason):
    job = forecast(make_tree({"task_key": "odd", **task}, {"task_key": "known", **ALONE}), minutes=Decimal(60))

    assert reason in job.tasks[0].reason
    assert job.run.expected == Decimal("0.164")


def test_a_condition_costs_nothing_and_a_loop_is_what_it_repeats(forecast):
    loop = {"inputs": "[1, 2]", "task": {"task_key": "each", "max_retries": 1, **ALONE}}
    tree = make_tree({"task_key": "if", "condition_task": {}}, {"task_key": "loop", "for_each_task": loop})

    (task,) = forecast(tree, minutes=Decimal(60)).tasks

    assert (task.task_key, task.cost.expected, task.cost.high) == ("loop", Decimal("0.164"), Decimal("0.328"))
    assert "a loop: its time is that of all iterations" in task.assumptions


def test_past_iterations_of_a_loop_count_together(forecast, make_row):
    rows = [past(make_row, "1", 20, task="each"), past(make_row, "1", 40, task="each", attempt=1)]
    loop = {"inputs": "[1, 2]", "task": {"task_key": "each", **ALONE}}

    assert forecast(make_tree({"task_key": "loop", "for_each_task": loop}), rows).tasks[0].seconds.expected == 3600


@pytest.mark.parametrize(
    ("job", "a_year", "why"),
    [
        ({"schedule": DAILY}, 365, "cron"),
        ({"schedule": DAILY | {"quartz_cron_expression": "0 0/15 8-17 ? * MON-FRI"}}, 40 * 261, "cron"),
        ({"schedule": DAILY | {"quartz_cron_expression": "0 0 3 L * ?"}}, 12, "cron"),
        ({"schedule": DAILY | {"quartz_cron_expression": "* * * * * ?"}}, 365 * 86_400, "cron"),
        ({"schedule": DAILY | {"pause_status": "PAUSED"}}, 0, "paused in this target"),
        ({"trigger": {"periodic": {"interval": 2, "unit": "WEEKS"}}}, Decimal(365) / 14, "every 2 weeks"),
        ({}, 12 * 20, "as stated"),
    ],
)
def test_a_month_is_a_twelfth_of_the_runs_of_a_year(forecast, job, a_year, why):
    found = forecast(make_tree({"task_key": "only", **ALONE}, **job), minutes=Decimal(60), runs_a_month=Decimal(20))

    assert round(found.frequency.runs_a_month, 9) == round(Decimal(a_year) / 12, 9)
    assert found.frequency.why.startswith(why)
    assert round(found.month.expected, 6) == round(Decimal(a_year) / 12 * Decimal("0.164"), 6)


@pytest.mark.parametrize("job", [{}, {"continuous": {}}, {"trigger": {"file_arrival": {"url": "/x"}}}])
def test_a_job_whose_runs_nobody_can_count_has_no_month(forecast, job):
    found = forecast(make_tree({"task_key": "only", **ALONE}, **job), minutes=Decimal(60))

    assert (found.month, found.run.expected) == (Range(), Decimal("0.164"))


def test_a_job_that_is_not_there_and_a_circle_are_refused(prices):
    outlook = Outlook(prices, Settings(), TODAY, minutes=Decimal(1))
    with pytest.raises(BundleError, match="no job 'other' in the bundle; its jobs are: nightly"):
        forecast_jobs(make_tree(), outlook, "other")
    circle = [
        {"task_key": "a", "depends_on": [{"task_key": "b"}]},
        {"task_key": "b", "depends_on": [{"task_key": "a"}]},
    ]
    with pytest.raises(BundleError, match="in a circle"):
        forecast_jobs(make_tree(*circle), outlook)
