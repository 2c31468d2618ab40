"""Trains a registered version again, from the tables and settings that its run records."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import polars as pl
from mlflow import MlflowClient

from fraud_detection.models.reproduction import Reproduction, compare_models, settings_to_repeat
from fraud_detection.models.split import Fold, evaluation_rows
from fraud_detection.models.tracking import data_versions, load_scorer, load_settings, model_uri
from fraud_detection.tables import Tables
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, build_settings
from fraud_detection.tasks.pinned import pin
from fraud_detection.tasks.rows import read_labelled_features
from fraud_detection.tasks.train import train


def reproduce(client: MlflowClient, run_id: str, local: Path | None) -> Reproduction:
    """Read the tables at the recorded Delta versions, train again, and compare the predictions of the test week.

    Args:
        client: of the tracking store that holds the run.
        run_id: of the candidate that became the version.
        local: the folder of a laptop's tables; None on Databricks.

    Raises:
        ModelError: the run doesn't say what it was made from.
        ConfigurationError: this code doesn't know a setting of the run: check out its commit.
    """
    run = client.get_run(run_id).data
    recorded, settings = run.tags, load_settings(run_id)
    arguments = Arguments(**settings.pop("arguments"))
    tables = Tables(arguments.catalog, arguments.schema, local / "warehouse" if local else None)
    versions = data_versions(recorded)
    made_with = build_settings(settings)
    again = replace(made_with, training=settings_to_repeat(made_with.training, run.params))
    context = Context("reproduce", arguments, again, pin(tables, versions), local)
    stored = load_scorer(model_uri(run_id))
    candidate = train(context, stored.features)
    judged = evaluation_rows(read_test_week(context, stored.features, candidate.fold), candidate.fold)
    return compare_models(stored, candidate.scorer, judged, recorded, context.provenance(versions).tags())


def read_test_week(context: Context, features: Sequence[str], fold: Fold) -> pl.DataFrame:
    """The rows of a fold's test week, and those before it that say which cards were known as compromised."""
    since = datetime.combine(fold.train_start, time(), UTC)
    return read_labelled_features(context.spark, context.tables, features, since, context.arguments.now)
