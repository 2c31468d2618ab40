"""The task reconcile_costs on local Delta tables, as folders that the session has not seen."""

import datetime as dt
import logging
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlparse

import mlflow
import pytest
from mlflow import MlflowClient

from runcosts.errors import SettingsError
from runcosts.local_ledger import LocalLedger
from runcosts.reconcile_task import Arguments, reconcile_bills, show_costs

YESTERDAY = "date_sub(current_date(), 1)"
BEGAN, ENDED = (f"timestamp({YESTERDAY}) + INTERVAL {hours} HOURS" for hours in (1, 2))
TABLES = {
    "billing/usage": f"""SELECT 'u1' AS record_id, 'w1' AS workspace_id,
        'S' AS sku_name, 'AWS' AS cloud, 'DBU' AS usage_unit,
        {BEGAN} AS usage_start_time, {ENDED} AS usage_end_time,
        {YESTERDAY} AS usage_date, {YESTERDAY} AS ingestion_date,
        CAST(4 AS DECIMAL(38, 18)) AS usage_quantity,
        named_struct('job_id', 'j1', 'job_run_id', 'r1', 'cluster_id', 'c1') AS usage_metadata""",
    "billing/list_prices": """SELECT 'S' AS sku_name, 'AWS' AS cloud, 'USD' AS currency_code, 'DBU' AS usage_unit,
        timestamp'2020-01-01' AS price_start_time, CAST(NULL AS TIMESTAMP) AS price_end_time,
        named_struct('default', 0.15, 'effective_list', named_struct('default', 0.15)) AS pricing""",
    "lakeflow/job_task_run_timeline": f"""SELECT 'w1' AS workspace_id, 'j1' AS job_id, '33' AS run_id,
        'r1' AS job_run_id, 'train' AS task_key, {BEGAN} AS period_start_time, {ENDED} AS period_end_time,
        array('c1') AS compute_ids, 'SUCCEEDED' AS result_state""",
}
LOCAL = Arguments(schema="reconciled", system_catalog="spark_catalog")


@pytest.fixture
def warehouse(spark):
    folder = Path(urlparse(spark.conf.get("spark.sql.warehouse.dir")).path)
    yield folder
    for schema in ("billing", "lakeflow", "reconciled"):
        spark.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        shutil.rmtree(folder / schema, ignore_errors=True)


def test_bills_are_written_beside_the_ledger_and_again_without_doubling(spark, warehouse, make_row):
    for name, query in TABLES.items():
        spark.sql(query).write.format("delta").save(str(warehouse / name))
    LocalLedger(warehouse / "reconciled/run_costs").write([make_row(workspace="w1", job_run_id="r1")])

    for _ in range(2):
        reconcile_bills(spark, LOCAL, source=None)

    # 4 DBU x .15 = .60; the ledger estimated .69 DBU x .15 = .1035 for the task.
    (run,) = spark.table("reconciled.run_bills").collect()
    (task,) = spark.table("reconciled.task_bills").collect()
    assert (run.billed, run.estimated, run.difference) == (Decimal("0.6"), Decimal("0.1035"), Decimal("0.4965"))
    assert (task.task_run_id, task.allocated, task.result_state) == ("33", Decimal("0.6"), "SUCCEEDED")


def test_without_tables_of_bills_a_laptop_is_told_so_and_a_workspace_fails(spark, warehouse, caplog):
    with caplog.at_level(logging.INFO):
        reconcile_bills(spark, LOCAL, source=None)

    assert "nothing is reconciled: found no table spark_catalog.billing.usage" in caplog.text
    assert f"(nor a Delta table in {warehouse}/billing/usage)" in caplog.text
    with pytest.raises(SettingsError, match=r"found no table system\.billing\.usage; this session has no such catalog"):
        reconcile_bills(spark, Arguments(system_catalog="system"), source=None)


def test_a_window_that_is_no_number_of_days_is_refused():
    with pytest.raises(SettingsError, match="expected a whole number"):
        _ = Arguments(days="-1").since


def test_the_page_of_costs_is_logged_with_its_pictures(spark, warehouse, make_row, tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.runcosts]\ntracking_uri = "sqlite:///m/mlflow.db"\n', "utf-8")
    (tmp_path / "m").mkdir()
    arguments = replace(LOCAL, experiment="costs", task_run_id="7")
    before = mlflow.get_tracking_uri()
    try:
        show_costs(spark, arguments, tmp_path)  # no ledger yet: told, and no error
        now = dt.datetime.now(dt.UTC)
        LocalLedger(warehouse / "reconciled/run_costs").write([make_row(started_at=now, ended_at=now)])
        show_costs(spark, arguments, tmp_path)
        (run,) = MlflowClient().search_runs([mlflow.get_experiment_by_name("costs").experiment_id])
        files = {file.path for file in MlflowClient().list_artifacts(run.info.run_id)}
    finally:
        mlflow.set_tracking_uri(before)
    assert files == {"costs.html", "cost_by_job.png", "cost_by_cause.png"}
    assert run.data.tags["task_run_id"] == "7"
    assert run.data.metrics["attempts"] == 1
