"""Usage from tables of the platform's shape, filled by hand from the documented columns."""

import datetime as dt
from decimal import Decimal

import pytest

from runcosts.errors import SettingsError
from runcosts.prices import Terms
from runcosts.rightsize.node_timeline import measured_on_clusters

RUNS = (
    "workspace_id STRING, job_id STRING, job_run_id STRING, run_id STRING, task_key STRING,"
    " period_start_time TIMESTAMP, period_end_time TIMESTAMP, compute_ids ARRAY<STRING>, result_state STRING"
)
NODES = (
    "cluster_id STRING, instance_id STRING, driver BOOLEAN, node_type STRING, start_time TIMESTAMP, end_time TIMESTAMP,"
    " cpu_user_percent DOUBLE, cpu_system_percent DOUBLE, cpu_wait_percent DOUBLE, mem_used_percent DOUBLE, "
    "mem_swap_percent DOUBLE, network_sent_bytes BIGINT, network_received_bytes BIGINT"
)
TEN = dt.datetime(2018, 10, 1, 10, tzinfo=dt.UTC)


def at(minutes):
    return TEN + dt.timedelta(minutes=minutes)


def node(cluster, name, minute, *, driver=False, busy=50.0, memory=25.0, swap=0.0, kind="m5d.xlarge"):
    span = (at(minute), at(minute + 1))
    return (cluster, name, driver, kind, *span, busy - 10, 10.0, 20.0, memory, swap, 10**9, 2 * 10**9)


@pytest.fixture(scope="module")
def usages(spark, prices):
    for schema in ("compute", "lakeflow"):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    runs = [
        ("1", "7", "70", "71", "train", at(0), at(2), ["c"], "SUCCEEDED"),
        ("1", "7", "60", "61", "train", at(-600), at(-599), ["old"], "SUCCEEDED"),
        ("1", "8", "80", "81", "sum", at(0.5), at(2), ["d"], None),
    ]
    nodes = [
        # train: minute 0 with one worker, minute 1 with two; .5 x 4 cores each; 25 % of 16 GB, once 75 % of a worker.
        node("c", "n0", 0, driver=True), node("c", "n1", 0),
        node("c", "n0", 1, driver=True), node("c", "n1", 1, memory=75.0), node("c", "n2", 1),
        node("c", "n0", 2, driver=True, memory=99.0),  # after the end of the task
        node("old", "n9", -600, driver=True, memory=90.0),
        # sum: it begins in the middle of minute 0, and swaps
        node("d", "m0", 0, driver=True, kind="m5d.large", swap=1.0), node("d", "m0", 1, driver=True, kind="m5d.large"),
    ]  # fmt: skip
    spark.createDataFrame(runs, RUNS).write.format("delta").saveAsTable("lakeflow.job_task_run_timeline")
    spark.createDataFrame(nodes, NODES).write.format("delta").saveAsTable("compute.node_timeline")
    yield measured_on_clusters(spark, "spark_catalog", prices, Terms(), 1)
    for table in ("lakeflow.job_task_run_timeline", "compute.node_timeline"):
        spark.sql(f"DROP TABLE {table}")


def test_only_the_last_runs_count_and_only_while_the_task_ran(usages):
    train = usages["7", "train"]
    assert (train.runs, train.seconds, len(train.moments)) == (1, 120, 2)


def test_cores_and_memory_are_of_the_nodes_that_there_were(usages):
    train = usages["7", "train"]
    assert sorted((moment.busy_cores, moment.workers) for moment in train.moments) == [(4, 1), (6, 2)]
    assert train.busy_cores == 5
    assert (train.driver_gb, train.worker_gb, train.workers_gb, train.all_gb) == (4, 12, 24, 28)
    assert train.wait_share == Decimal("0.2")
    assert train.network_gb == 15
    assert not train.swapped


def test_a_minute_counts_from_the_tasks_start_and_swap_is_seen(usages):
    total = usages["8", "sum"]
    assert total.seconds == 90
    assert total.swapped
    assert total.busy_cores == 1


def test_a_missing_table_is_named(spark, prices):
    with pytest.raises(SettingsError, match=r"nowhere\.compute\.node_timeline"):
        measured_on_clusters(spark, "nowhere", prices, Terms(), 1)
