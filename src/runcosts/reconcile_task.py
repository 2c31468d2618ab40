"""Task reconcile_costs: failed attempts into the ledger, and the bill of each run of the last days beside it."""

import datetime as dt
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runcosts.attempt import Attempt
from runcosts.errors import SettingsError
from runcosts.session import open_session
from runcosts.task_arguments import start_task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from runcosts.jobs_api import RunSource

log = logging.getLogger(__name__)
RUN_KEY = ("workspace", "job_run_id", "currency")
TASK_KEY = ("workspace", "task_run_id", "currency")


@dataclass(frozen=True)
class Arguments:
    """The parameters of the task.

    Attributes:
        catalog: of the ledger and of the tables run_bills and task_bills.
        schema: of the same.
        system_catalog: of billing.usage, billing.list_prices and lakeflow.job_task_run_timeline.
        days: how far back rows are read again, because they arrive late and are corrected.
        experiment: of MLflow, where the page of costs is logged; empty for nowhere.
        attempt: {{task.execution_count}}, from 1.
    """

    catalog: str = "spark_catalog"
    schema: str = "fraud"
    system_catalog: str = "system"
    days: str = "7"
    currency: str = "USD"
    tier: str = "premium"
    workspace_id: str = ""
    job_id: str = ""
    job_name: str = ""
    job_run_id: str = ""
    task_run_id: str = ""
    experiment: str = ""
    attempt: str = "1"

    def table(self, name: str) -> str:
        """The full name of one of the tables that the task writes."""
        return f"{self.catalog}.{self.schema}.{name}"

    @property
    def since(self) -> dt.date:
        """The first day that is read again.

        Raises:
            SettingsError: `days` is no whole number.
        """
        if not self.days.isdecimal():
            raise SettingsError(f"--days is {self.days!r}; expected a whole number")
        return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=int(self.days))


def main(argv: Sequence[str] | None = None) -> None:
    """Read, reconcile, write; on Databricks also the row of this attempt itself."""
    arguments, began = start_task(Arguments, "reconcile_costs", argv), dt.datetime.now(dt.UTC)
    spark, state = open_session(), "FAILED"
    try:
        reconcile_bills(spark, arguments, _workspace())
        show_costs(spark, arguments, Path.cwd())
        state = "SUCCESS"
    finally:
        if "DATABRICKS_RUNTIME_VERSION" in os.environ:
            from runcosts.on_cluster import record_attempt
            from runcosts.prices import Terms

            attempt = _own_attempt(arguments, began, state)
            record_attempt(spark, arguments.table("run_costs"), attempt, Terms(tier=arguments.tier))


def show_costs(spark: "SparkSession", arguments: Arguments, root: Path) -> None:
    """Log the page of costs and its pictures, if the job names an experiment for them."""
    if not arguments.experiment:
        return
    from runcosts.report.logged import log_report
    from runcosts.system_tables import table_exists

    ledger, bills = arguments.table("run_costs"), arguments.table("run_bills")
    if table_exists(spark, ledger):
        log_report(spark, ledger, bills, arguments.currency, arguments.experiment, arguments.task_run_id, root)
    else:
        log.info("no page of costs: there is no ledger %s yet", ledger)


def reconcile_bills(spark: "SparkSession", arguments: Arguments, source: "RunSource | None") -> None:
    """Write the bills of the window, after the failed attempts that `source` tells of.

    Raises:
        SettingsError: a table of bills is missing; in the local catalog that is told and no error.
    """
    from runcosts.jobs_api import record_failed_attempts
    from runcosts.on_cluster import bought_here
    from runcosts.prices import Terms, load_prices
    from runcosts.reconcile import reconcile
    from runcosts.system_tables import LOCAL_CATALOG, open_table, read_bills

    ledger = arguments.table("run_costs")
    if source is None:
        log.info("no workspace here: the runner itself records failed attempts")
    else:
        began = dt.datetime.combine(arguments.since, dt.time(), dt.UTC)
        terms, runs = bought_here(spark, Terms(tier=arguments.tier)), source.ended_since(began)
        told = record_failed_attempts(spark, ledger, runs, arguments.workspace_id, load_prices(), terms)
        log.info("%d failed attempts had no row in %s", len(told), ledger)
    try:
        bills, rows = read_bills(spark, arguments.system_catalog), open_table(spark, ledger)
    except SettingsError as absent:
        if arguments.system_catalog != LOCAL_CATALOG:
            raise
        log.info("nothing is reconciled: %s", absent)
        return
    with reconcile(spark, bills, rows, arguments.since, arguments.currency) as found:
        write_frame(spark, arguments.table("task_bills"), found.tasks, TASK_KEY)
        write_frame(spark, arguments.table("run_bills"), found.runs, RUN_KEY)
        log.info("%d runs have a bill since %s", found.runs.count(), arguments.since)


def write_frame(spark: "SparkSession", table: str, frame: "DataFrame", key: Sequence[str]) -> None:
    """Merge rows by key into a table, which is made if it isn't there."""
    from runcosts.spark_ledger import quoted_name
    from runcosts.system_tables import make_table

    make_table(spark, table, ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in frame.schema))
    match = " AND ".join(f"target.{column} = source.{column}" for column in key)
    spark.sql(
        f"MERGE WITH SCHEMA EVOLUTION INTO {quoted_name(table)} AS target USING {{source}} AS source ON {match} "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        source=frame,
    )


def _workspace() -> "RunSource | None":
    if "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        return None
    from databricks.sdk import WorkspaceClient

    from runcosts.jobs_api import WorkspaceRuns

    return WorkspaceRuns(WorkspaceClient())


def _own_attempt(arguments: Arguments, began: dt.datetime, state: str) -> Attempt:
    return Attempt(
        workspace=arguments.workspace_id,
        target=None,
        job_id=arguments.job_id,
        job_name=arguments.job_name,
        job_run_id=arguments.job_run_id,
        task_key="reconcile_costs",
        task_run_id=arguments.task_run_id,
        attempt=int(arguments.attempt) - 1,
        started_at=began,
        ended_at=dt.datetime.now(dt.UTC),
        result_state=state,
    )


if __name__ == "__main__":
    main()
