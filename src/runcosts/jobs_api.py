"""Attempts that were killed and so could not write their own row, read from the Jobs API.

Runs are read as the JSON of runs/list with expanded tasks, where each attempt of a task is an entry of its own.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from runcosts.attempt import Attempt
from runcosts.cluster import ClusterShape, UnknownShape, declared_shape
from runcosts.estimate import estimate
from runcosts.ledger import KEY, RunCost, ddl, run_cost
from runcosts.prices import Prices, Terms
from runcosts.spark_ledger import write_rows
from runcosts.system_tables import make_table, open_table

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

FAILED_STATES = frozenset({"FAILED", "TIMEDOUT", "CANCELED", "INTERNAL_ERROR"})
Run = Mapping[str, Any]


class RunSource(Protocol):
    """Where runs that have ended are listed."""

    def ended_since(self, moment: dt.datetime) -> Iterable[Run]:
        """Runs that started since then and have ended, as runs/list describes them."""


class WorkspaceRuns:
    """The runs of a workspace."""

    def __init__(self, client: "WorkspaceClient") -> None:
        """Take the client that asks."""
        self._client = client

    def ended_since(self, moment: dt.datetime) -> Iterator[Run]:
        """Page through the runs."""
        since = int(moment.timestamp() * 1000)
        for run in self._client.jobs.list_runs(completed_only=True, expand_tasks=True, start_time_from=since):
            yield run.as_dict()


def record_failed_attempts(
    spark: SparkSession, ledger: str, runs: Iterable[Run], workspace: str, prices: Prices, terms: Terms
) -> list[RunCost]:
    """Write a row for each failed attempt that has none, and return them. A row that an attempt wrote itself stays."""
    rows = [row for run in runs for row in failed_attempts(run, workspace, prices, terms)]
    there = {tuple(row) for row in _keys(spark, ledger, [row.job_run_id for row in rows])}
    missing = [row for row in rows if row.key not in there]
    if missing:
        write_rows(spark, ledger, missing)
    return missing


def failed_attempts(run: Run, workspace: str, prices: Prices, terms: Terms) -> Iterator[RunCost]:
    """The rows of the attempts of a run that did not succeed and took time; the shape is the declared one."""
    clusters = {one["job_cluster_key"]: one.get("new_cluster") for one in run.get("job_clusters", [])}
    for task in run.get("tasks", []):
        took = int(task.get("execution_duration") or 0)
        if task.get("state", {}).get("result_state") in FAILED_STATES and took > 0:
            attempt = _attempt(run, task, workspace, took)
            shape = _shape(task, clusters)
            yield run_cost(attempt, shape, estimate(shape, attempt.seconds, prices, terms), terms)


def _attempt(run: Run, task: Mapping[str, Any], workspace: str, took: int) -> Attempt:
    """Times are milliseconds; the cluster's start (setup) is not the attempt's."""
    began = _moment(int(task["start_time"]) + int(task.get("setup_duration") or 0))
    return Attempt(
        workspace=workspace,
        target=None,
        job_id=str(run["job_id"]),
        job_name=str(run.get("run_name", "")),
        job_run_id=str(run["run_id"]),
        task_key=task["task_key"],
        task_run_id=str(task["run_id"]),
        attempt=int(task.get("attempt_number") or 0),
        started_at=began,
        ended_at=began + dt.timedelta(milliseconds=took),
        result_state=task["state"]["result_state"],
    )


def _moment(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def _shape(task: Mapping[str, Any], clusters: Mapping[str, Any]) -> ClusterShape | UnknownShape:
    return declared_shape(task.get("new_cluster") or clusters.get(str(task.get("job_cluster_key"))))


def _keys(spark: SparkSession, ledger: str, job_run_ids: list[str]) -> list[Any]:
    """The keys that the ledger has of these runs: as many as they had attempts."""
    make_table(spark, ledger, ddl())
    rows = open_table(spark, ledger)
    known = rows.where(F.col("job_run_id").isin(job_run_ids)).select(*KEY)
    return known.collect() if job_run_ids else []  # one row an attempt
