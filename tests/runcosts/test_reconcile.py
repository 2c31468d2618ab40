"""Bills against the ledger, on tables with the documented columns; every figure is worked out by hand beside it.

The cases are independent of each other, each with a SKU or a workspace of its own, and are reconciled in one go.
"""

import datetime as dt
from decimal import Decimal

import pytest

from runcosts.reconcile import reconcile
from runcosts.system_tables import Bills

JOBS = "PREMIUM_JOBS_COMPUTE"
SHARED = "PREMIUM_ALL_PURPOSE_COMPUTE"
SERVERLESS = "PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA"
CHANGED = "ENTERPRISE_JOBS_COMPUTE"
DAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
USAGE = (
    "record_id STRING, account_id STRING, workspace_id STRING, sku_name STRING, cloud STRING, "
    "usage_start_time TIMESTAMP, usage_end_time TIMESTAMP, usage_date DATE, custom_tags MAP<STRING, STRING>, "
    "usage_unit STRING, usage_quantity DECIMAL(38, 18), usage_metadata STRUCT<job_id: STRING, job_run_id: STRING, "
    "job_name: STRING, cluster_id: STRING, node_type: STRING>, identity_metadata STRUCT<run_as: STRING>, "
    "record_type STRING, billing_origin_product STRING, ingestion_date DATE"
)
PRICES = (
    "sku_name STRING, cloud STRING, currency_code STRING, usage_unit STRING, price_start_time TIMESTAMP, "
    "price_end_time TIMESTAMP, pricing STRUCT<default: DECIMAL(38, 18), promotional: STRUCT<default: DECIMAL(38, 18)>, "
    "effective_list: STRUCT<default: DECIMAL(38, 18)>>"
)
TIMELINE = (
    "account_id STRING, workspace_id STRING, job_id STRING, run_id STRING, job_run_id STRING, task_key STRING, "
    "period_start_time TIMESTAMP, period_end_time TIMESTAMP, compute_ids ARRAY<STRING>, result_state STRING"
)
LEDGER = (
    "workspace STRING, job_name STRING, job_run_id STRING, task_run_id STRING, currency STRING, "
    "dbu_usd DECIMAL(18, 6), machine_usd DECIMAL(18, 6)"
)


def at(hour, minute=0, day=0):
    return DAY + dt.timedelta(days=day, hours=hour, minutes=minute)


def used(record, dbu, began, ended, run, cluster=None, sku=JOBS, **more):
    metadata = ("j1", run, "job", cluster, "i3.xlarge") if run else (None, None, None, cluster, "i3.xlarge")
    arrived, kind = more.get("arrived", began.date()), more.get("kind", "ORIGINAL")
    workspace, cloud = more.get("workspace", "w1"), more.get("cloud", "AWS")
    head = (record, "account", workspace, sku, cloud, began, ended, began.date(), {}, "DBU", Decimal(dbu))
    return (*head, metadata, ("me",), kind, "JOBS", arrived)


def priced(price, sku=JOBS, start=-9999, end=None, cloud="AWS", currency="USD", effective=None):
    amounts = (Decimal(price), None, (Decimal(effective),) if effective else None)
    return (sku, cloud, currency, "DBU", at(start), None if end is None else at(end), amounts)


def ran(run, task, began, ended, cluster=None, workspace="w1", state="SUCCEEDED"):
    ids = ("account", workspace, "j1", f"{run}-{task}", run, task)
    return (*ids, began, ended, [cluster] if cluster else [], state)


def kept(run, task, dbu_usd, workspace="w1"):
    return (workspace, "nightly", run, f"{run}-{task}", "USD", Decimal(dbu_usd), Decimal(2))


HOUR = (at(1), at(2))
PRICE_ROWS = [
    priced("0.15", effective="0.12"),
    priced("0.15", CHANGED, end=2),
    priced("0.20", CHANGED, start=2),
    priced("0.55", SHARED),
    priced("0.35", SERVERLESS),
    priced("0.14", currency="EUR"),
    priced("0.30", cloud="AZURE", currency="EUR"),
]
USAGE_ROWS = [
    used("explained", 6, *HOUR, "explained", "c1"),
    used("before", 4, at(1), at(2), "change", "c2", sku=CHANGED),
    used("after", 4, at(2), at(3), "change", "c2", sku=CHANGED),
    used("first", 10, *HOUR, "restated", "c3"),
    used("taken-back", -10, *HOUR, "restated", "c3", kind="RETRACTION"),
    used("again", 8, *HOUR, "restated", "c3", kind="RESTATEMENT"),
    used("evening", 2, at(23), at(24), "midnight", "c4"),
    used("night", 3, at(24), at(25), "midnight", "c4"),
    used("here", 2, *HOUR, "same", "c5"),
    used("there", 4, *HOUR, "same", "c5", workspace="w2"),
    used("dollars", 2, *HOUR, "dollars", "c6"),
    used("euros", 2, *HOUR, "euros", "c7", cloud="AZURE"),
    used("interactive", 8, *HOUR, None, "c8", sku=SHARED),
    used("parallel", 6, *HOUR, "parallel", "c9"),
    used("serverless", 3, *HOUR, "serverless", sku=SERVERLESS),
    used("listed", 2, *HOUR, "unlisted", "c10"),
    used("unlisted", 5, *HOUR, "unlisted", "c10", sku="PREMIUM_NEW_COMPUTE"),
    used("early", 2, at(1, day=-9), at(2, day=-9), "late", "c11"),
    used("late", 2, at(2, day=-9), at(3, day=-9), "late", "c11", arrived=DAY.date()),
    used("old", 2, at(1, day=-9), at(2, day=-9), "old", "c12"),
]
TIMELINE_ROWS = [
    ran("explained", "a", at(1, 10), at(1, 40), "c1"),
    ran("explained", "b", at(1, 45), at(2), "c1", state="FAILED"),
    ran("change", "a", at(1), at(3), "c2"),
    ran("restated", "a", *HOUR, "c3"),
    ran("midnight", "a", at(23), at(24), "c4", state=None),
    ran("midnight", "a", at(24), at(25), "c4"),
    ran("same", "a", *HOUR, "c5"),
    ran("same", "a", *HOUR, "c5", workspace="w2"),
    ran("dollars", "a", *HOUR, "c6"),
    ran("euros", "a", *HOUR, "c7"),
    ran("half", "a", at(1), at(1, 30), "c8"),
    ran("quarter", "a", at(1, 30), at(1, 45), "c8"),
    ran("elsewhere", "a", at(5), at(6), "c8"),
    ran("parallel", "a", *HOUR, "c9"),
    ran("parallel", "b", *HOUR, "c9"),
    ran("serverless", "a", at(1), at(1, 20)),
    ran("serverless", "b", at(1, 20), at(2)),
    ran("unlisted", "a", *HOUR, "c10"),
]
LEDGER_ROWS = [
    kept("explained", "a", "0.40"),
    kept("same", "a", "0.30"),
    kept("same", "a", "0.50", workspace="w2"),
    kept("dollars", "a", "0.25"),
    kept("euros", "a", "0.25"),
]


@pytest.fixture(scope="module")
def found(spark):
    def frame(rows, schema):
        return spark.createDataFrame(rows, schema)

    bills = Bills(frame(USAGE_ROWS, USAGE), frame(PRICE_ROWS, PRICES), frame(TIMELINE_ROWS, TIMELINE))
    with reconcile(spark, bills, frame(LEDGER_ROWS, LEDGER), DAY.date(), "USD") as reconciled:
        return reconciled.runs.collect(), reconciled.tasks.collect()


@pytest.fixture
def bill(found):
    def of(run, *names, workspace="w1"):
        (row,) = [row for row in found[0] if (row.job_run_id, row.workspace) == (run, workspace)]
        return tuple(float(row[name]) if isinstance(row[name], Decimal) else row[name] for name in names)

    return of


@pytest.fixture
def allocated(found):
    return lambda run: {row.task_key: float(row.allocated) for row in found[1] if row.job_run_id == run}


def test_a_run_is_billed_at_list_price_and_the_difference_is_explained(bill, allocated):
    # The cluster counts for 60 minutes, 6 DBU at .15 = .90. It starts for 10 (.15), `a` works for 30 (.45), it waits
    # for 5 (.075), and the killed attempt of `b` takes 15 (.225) without a row. The ledger has .40 for `a`.
    assert bill("explained", "dbu", "billed", "estimated", "difference") == (6, 0.9, 0.4, 0.5)
    assert bill("explained", "startup", "idle", "unrecorded", "other") == (0.15, 0.075, 0.225, 0.05)
    # All 6 DBU were sold at .12 instead of .15: .18 less.
    assert bill("explained", "failed", "discount", "estimated_machines") == (0.225, -0.18, 2)
    assert bill("explained", "job_id", "job_name", "attempts") == ("j1", "nightly", 1)
    assert allocated("explained") == {"a": 0.45, "b": 0.225}


def test_a_price_that_changes_in_mid_run_counts_from_the_hour_of_the_change(bill, allocated):
    # 4 DBU at .15 until 02:00 = .60, and 4 DBU at .20 from then on = .80.
    assert bill("change", "billed", "idle") == (1.4, 0)
    assert allocated("change") == {"a": 1.4}


def test_a_retraction_takes_back_what_it_corrects_and_a_restatement_counts_instead(bill, allocated):
    # 10 DBU were billed, taken back, and restated as 8: 8 x .15 = 1.20.
    assert bill("restated", "dbu", "billed", "idle") == (8, 1.2, 0)
    assert allocated("restated") == {"a": 1.2}


def test_a_run_over_midnight_is_one_bill_of_two_days(bill, allocated):
    # 2 DBU before midnight and 3 after it: 5 x .15 = .75. Of the two slices only the last one has a result.
    assert bill("midnight", "billed", "failed") == (0.75, 0)
    assert allocated("midnight") == {"a": 0.75}


def test_equal_ids_in_two_workspaces_are_two_runs(bill):
    # 2 x .15 = .30 of an estimated .30; 4 x .15 = .60 of an estimated .50.
    assert bill("same", "billed", "difference", "unrecorded") == (0.3, 0, 0)
    assert bill("same", "billed", "difference", "unrecorded", workspace="w2") == (0.6, 0.1, 0)


def test_two_currencies_are_never_added_nor_compared(bill):
    # AWS is listed in both and counts in the ledger's: 2 x .15 = .30. Azure is listed in euros only: 2 x .30 = .60.
    assert bill("dollars", "currency", "billed", "difference") == ("USD", 0.3, 0.05)
    assert bill("euros", "currency", "billed", "estimated", "difference") == ("EUR", 0.6, None, None)


def test_all_purpose_compute_is_split_by_time_among_the_runs_that_used_it(bill, found):
    # 8 DBU at .55 in an hour = 4.40: 30 of 60 minutes are 2.20, 15 are 1.10, and no run pays the rest.
    assert [bill(run, "billed", "idle") for run in ("half", "quarter")] == [(2.2, 0), (1.1, 0)]
    assert "elsewhere" not in {row.job_run_id for row in found[0]}


def test_tasks_at_once_on_a_cluster_share_it(bill, allocated):
    # Two tasks use the whole hour of 6 DBU together: .45 each, and nothing is idle.
    assert bill("parallel", "billed", "idle") == (0.9, 0)
    assert allocated("parallel") == {"a": 0.45, "b": 0.45}


def test_serverless_usage_has_no_cluster_and_is_that_of_the_runs_tasks(allocated):
    # 3 DBU at .35 = 1.05, over 20 and 40 minutes.
    assert allocated("serverless") == {"a": 0.35, "b": 0.7}


def test_usage_without_a_list_price_is_counted_as_such_and_not_guessed(bill):
    assert bill("unlisted", "dbu", "unpriced_dbu", "billed") == (7, 5, 0.3)


def test_a_run_of_which_a_row_arrived_late_is_billed_again_from_all_its_rows_and_no_other(bill, found):
    # 2 + 2 DBU at .15; the second row arrived nine days later, in the window.
    assert bill("late", "billed") == (0.6,)
    assert "old" not in {row.job_run_id for row in found[0]}
