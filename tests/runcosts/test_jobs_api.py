"""Failed attempts from runs as runs/list describes them, put into a ledger on real Spark."""

import datetime as dt
from decimal import Decimal

from runcosts.jobs_api import WorkspaceRuns, failed_attempts, record_failed_attempts
from runcosts.prices import Terms
from runcosts.system_tables import open_table

BEGAN = dt.datetime(2026, 3, 1, 1, tzinfo=dt.UTC)
MINUTE = 60_000


def make_task(run_id, attempt, state, minutes=20, **more):
    times = {"start_time": int(BEGAN.timestamp() * 1000), "setup_duration": 5 * MINUTE}
    ended = {"life_cycle_state": "TERMINATED", "result_state": state}
    return {
        "run_id": run_id,
        "task_key": "train",
        "attempt_number": attempt,
        "job_cluster_key": "main",
        "execution_duration": minutes * MINUTE,
        "state": ended,
        "cluster_instance": {"cluster_id": "0301-010000-abc"},
        **times,
        **more,
    }


def make_run(*tasks):
    cluster = {"node_type_id": "m5d.xlarge", "num_workers": 2}
    clusters = [{"job_cluster_key": "main", "new_cluster": cluster}]
    return {"job_id": 11, "run_id": 22, "run_name": "nightly", "tasks": list(tasks), "job_clusters": clusters}


def test_a_failed_attempt_has_the_cost_of_its_time_without_the_clusters_start(prices):
    run = make_run(make_task(31, 0, "TIMEDOUT"), make_task(32, 1, "SUCCESS"), make_task(33, 0, "UPSTREAM_FAILED", 0))

    (row,) = failed_attempts(run, "w1", prices, Terms())

    assert row.key == ("w1", "31", 0)
    assert (row.job_id, row.job_run_id, row.job_name, row.result_state) == ("11", "22", "nightly", "TIMEDOUT")
    assert (row.started_at, row.seconds) == (BEGAN + dt.timedelta(minutes=5), 1200)
    assert row.estimated_usd == Decimal("0.3295")


def test_a_task_on_compute_that_the_run_does_not_declare_has_a_row_with_a_reason(prices):
    (row,) = failed_attempts(make_run(make_task(31, 0, "FAILED", job_cluster_key=None)), "w1", prices, Terms())

    assert row.estimated_usd is None
    assert "declares no cluster" in row.reason


def test_only_attempts_without_a_row_are_written_and_once(spark, prices):
    ledger, run = "spark_catalog.failed.run_costs", make_run(make_task(31, 0, "FAILED"), make_task(32, 1, "CANCELED"))
    only_first = make_run(make_task(31, 0, "FAILED", minutes=1))

    found = [len(record_failed_attempts(spark, ledger, [one], "w1", prices, Terms())) for one in (only_first, run, run)]

    rows = {row.task_run_id: row.seconds for row in open_table(spark, ledger).collect()}
    spark.sql("DROP SCHEMA failed CASCADE")
    assert found == [1, 1, 0]
    assert rows == {"31": 60, "32": 1200}


class Jobs:
    """The part of the client that is used; it keeps what it was asked."""

    def list_runs(self, **asked):
        self.asked = asked
        return iter([Described()])


class Described:
    def as_dict(self):
        return make_run()


class Client:
    def __init__(self):
        self.jobs = Jobs()


def test_a_workspace_is_asked_for_ended_runs_with_their_tasks():
    client = Client()

    assert list(WorkspaceRuns(client).ended_since(BEGAN)) == [make_run()]
    assert client.jobs.asked == {"completed_only": True, "expand_tasks": True, "start_time_from": 1772326800000}
