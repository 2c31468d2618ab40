"""The page and the pictures as a run of MLflow, made by the task that reconciles bills."""

import datetime as dt
from pathlib import Path

import mlflow
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from runcosts.report.facts import gather
from runcosts.report.marks import read_marks
from runcosts.report.page import render_page
from runcosts.report.pictures import draw_pictures
from runcosts.settings import load_settings
from runcosts.system_tables import open_table, table_exists
from runcosts.tracking import SQLITE

PAGE = "costs.html"
DAYS = 30


def log_report(
    spark: SparkSession, ledger: str, bills: str, currency: str, experiment: str, task_run_id: str, root: Path
) -> None:
    """Log what the runs of the last 30 days cost.

    Args:
        spark: the session of the tables.
        ledger: full name of the table run_costs.
        bills: full name of the table run_bills, which need not be there.
        currency: what is in others is not shown.
        experiment: of MLflow, by name; it is made if it is not there.
        task_run_id: of this attempt, which the run is found by.
        root: where the bundle's pyproject.toml is, if it is anywhere.

    Raises:
        SettingsError: there is no ledger.
    """
    settings, today = load_settings(root), dt.datetime.now(dt.UTC).date()
    since = F.lit(today - dt.timedelta(days=DAYS))
    rows = open_table(spark, ledger).where(F.col("started_at") >= since).collect()  # an attempt each
    billed = (
        open_table(spark, bills).where(F.col("first_used") >= since).collect() if table_exists(spark, bills) else []
    )
    facts = gather([row.asDict() for row in rows], [row.asDict() for row in billed], today, DAYS, currency)
    marks = read_marks(root, settings.marks)
    _connect(settings.tracking_uri, experiment, root)
    with mlflow.start_run(run_name="costs", tags={"task": "reconcile_costs", "task_run_id": task_run_id}):
        mlflow.log_metrics({"cost": float(facts.total), "waste": float(facts.waste), "attempts": facts.attempts})
        mlflow.log_text(render_page(facts, marks), PAGE)
        for name, figure in draw_pictures(facts, marks).items():
            mlflow.log_figure(figure, name)


def _connect(tracking_uri: str | None, experiment: str, root: Path) -> None:
    """The store that the settings name; on Databricks, where there are none, the workspace's."""
    place = None
    if tracking_uri:
        file = (root / tracking_uri.removeprefix(SQLITE)).resolve()
        local = tracking_uri.startswith(SQLITE)
        place = (file.parent / "mlartifacts").as_uri() if local else None
        mlflow.set_tracking_uri(f"{SQLITE}{file}" if local else tracking_uri)
    if mlflow.get_experiment_by_name(experiment) is None:
        mlflow.create_experiment(experiment, artifact_location=place)
    mlflow.set_experiment(experiment)
