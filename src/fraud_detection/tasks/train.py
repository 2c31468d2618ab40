"""Task train: searches, fits and calibrates a candidate, and logs it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import polars as pl

from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.table import feature_table
from fraud_detection.models.provenance import describe_runtime, hash_code
from fraud_detection.models.search.journal import name_study
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import production_fold
from fraud_detection.models.tracking import log_candidate
from fraud_detection.models.training import Candidate, train_candidate
from fraud_detection.schemas import SILVER_LABELS
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.pinned import pin
from fraud_detection.tasks.rows import read_labelled_features
from fraud_detection.tasks.values import set_task_values


def main(argv: Sequence[str] | None = None) -> None:
    """Train on what was known a test week and a label delay ago, so that later days can judge the candidate."""
    with task_context("train", argv) as context:
        versions = context.data_versions(feature_table().name, SILVER_LABELS.name)
        keep = search_folder(context, versions)
        _, candidate = train(replace(context, tables=pin(context.tables, versions)), MODEL_FEATURES, keep)
        run_id = log_candidate(candidate, context.provenance(versions))
        if keep.exists():
            shutil.rmtree(keep)
        set_task_values(
            {"run_id": run_id}
            | {"training_rows": candidate.rows, "training_frauds": candidate.frauds}
            | {"threshold": round(candidate.scorer.threshold, 4)}
            | {f"seconds_{step}": round(seconds, 1) for step, seconds in candidate.seconds.items()}
        )


def train(context: Context, features: Sequence[str], keep: Path | None = None) -> tuple[pl.DataFrame, Candidate]:
    """A candidate by the settings and from the tables of the context, and the rows that were read for it.

    A search that was killed goes on from the folder `keep`.
    """
    settings, now = context.settings.training, context.arguments.now
    delay = context.settings.data.label_delay_days
    since = now - timedelta(days=days_needed(settings, delay))
    rows = read_labelled_features(context.spark, context.tables, features, since, now)
    fold = production_fold(rows, now, delay)
    return rows, train_candidate(rows, features, fold, settings, context.settings.costs, keep)


def search_folder(context: Context, versions: Mapping[str, int]) -> Path:
    """Where the search keeps what it found until its candidate is logged: a retry finds it, another input doesn't."""
    arguments, settings = context.arguments, context.settings
    asked = (arguments.catalog, arguments.schema, arguments.as_of, settings.data.label_delay_days, MODEL_FEATURES)
    name = name_study(*asked, dict(versions), asdict(settings.training), hash_code(), describe_runtime())
    return Path(arguments.checkpoints) / "search" / name


def days_needed(settings: TrainingSettings, delay_days: int) -> int:
    """How far back training looks: the longest of its windows before the test week, and a week to spare."""
    before_test = 7 + 2 * delay_days + 7
    search = settings.search_window_days + 7 * settings.search_folds + delay_days
    return before_test + max(settings.window_days, search) + 7


if __name__ == "__main__":
    main()
