"""Task experiment: trains a candidate by the settings of one experiment of the queue, and logs it."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import mlflow
from pyspark.sql import functions as F

from fraud_detection.config import load_section
from fraud_detection.errors import ConfigurationError, FraudDetectionError
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.table import feature_table
from fraud_detection.models.metrics import evaluate
from fraud_detection.models.tracking import log_candidate
from fraud_detection.schemas import EXPERIMENT_RESULTS, EXPERIMENTS, SILVER_LABELS
from fraud_detection.tasks.context import SECTIONS, Context, Settings, task_context
from fraud_detection.tasks.pinned import pin
from fraud_detection.tasks.train import train
from fraud_detection.tasks.values import set_task_values

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Do the experiment, unless an attempt before has; its result is appended, whatever it is."""
    with task_context("experiment", argv) as context:
        name = context.arguments.experiment_id
        mlflow.set_tag("experiment_id", name)
        if was_done(context, name):
            log.info("experiment %s is done already", name)
            return
        try:
            result = run_experiment(context, read_settings(context, name))
        except FraudDetectionError as failed:
            append_result(context, name, succeeded=False, note=str(failed))
            raise
        append_result(context, name, succeeded=True, **result)
        set_task_values(result)


def run_experiment(context: Context, overrides: str) -> dict[str, Any]:
    """Train by the settings of the job with those of the experiment on top; the MLflow run and what it reached."""
    own = replace(context, settings=with_overrides(context.settings, overrides))
    versions = own.data_versions(feature_table().name, SILVER_LABELS.name)
    candidate = train(replace(own, tables=pin(own.tables, versions)), MODEL_FEATURES)
    reached = evaluate(candidate.held_out, candidate.held_out["score"].to_numpy()).as_dict()
    return {
        "run_id": log_candidate(candidate, own.provenance(versions)),
        "average_precision": reached["average_precision"],
    }


def with_overrides(settings: Settings, text: str) -> Settings:
    """Settings with values put on top, given as JSON by section.

    Raises:
        ConfigurationError: it is no such JSON, or names a section or a key that there is not.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"the settings of the experiment are {text!r}; expected JSON: {error}") from error
    if not isinstance(values, dict) or not set(values) <= set(SECTIONS):
        raise ConfigurationError(f"the experiment sets {text!r}; expected an object of sections {', '.join(SECTIONS)}")
    changed: dict[str, Any] = {
        name: load_section(SECTIONS[name], asdict(getattr(settings, name)) | dict(own), name)
        for name, own in values.items()
    }
    return replace(settings, **changed)


def read_settings(context: Context, name: str) -> str:
    """What the queue says of an experiment.

    Raises:
        ConfigurationError: the queue has no such experiment.
    """
    rows = context.tables.read(context.spark, EXPERIMENTS.name).where(F.col("experiment_id") == name)
    found = rows.select("settings").limit(1).collect()  # one row
    if not found:
        raise ConfigurationError(f"the queue has no experiment {name!r}; add it with fraud-experiments add")
    return str(found[0].settings)


def was_done(context: Context, name: str) -> bool:
    """Whether the experiment has a result that succeeded."""
    results = context.tables.read(context.spark, EXPERIMENT_RESULTS.name)
    return not results.where((F.col("experiment_id") == name) & F.col("succeeded")).isEmpty()


def append_result(context: Context, name: str, *, succeeded: bool, note: str = "", **result: Any) -> None:
    """Append what came of it; appends of experiments that end together do not conflict."""
    row = {
        "experiment_id": name,
        "job_run_id": context.arguments.job_run_id,
        "succeeded": succeeded,
        "run_id": result.get("run_id"),
        "average_precision": result.get("average_precision"),
        "note": note,
        "finished_at": datetime.now(UTC),
    }
    kinds = ", ".join(f"{column} {kind.split()[0]}" for column, kind in EXPERIMENT_RESULTS.columns.items())
    rows = context.spark.createDataFrame([tuple(row[column] for column in EXPERIMENT_RESULTS.column_names)], kinds)
    rows.write.format("delta").mode("append").saveAsTable(context.tables.name(EXPERIMENT_RESULTS.name))


if __name__ == "__main__":
    main()
