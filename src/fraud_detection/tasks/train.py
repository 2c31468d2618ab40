"""Task train: searches, fits and calibrates a candidate, and logs it."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

from pyspark.sql import functions as F

from fraud_detection.features.frames import to_polars
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.table import feature_table
from fraud_detection.models.provenance import describe_runtime, hash_code
from fraud_detection.models.search.journal import name_study
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.spark_training import train_in_spark
from fraud_detection.models.tracking import log_candidate
from fraud_detection.models.training import Candidate, train_candidate
from fraud_detection.models.where import choose_where
from fraud_detection.schemas import SILVER_LABELS
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.pinned import pin
from fraud_detection.tasks.rows import labelled_features
from fraud_detection.tasks.training_size import find_fold, measure_room, measure_size
from fraud_detection.tasks.values import set_task_values

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Train on what was known a test week and a label delay ago, so that later days can judge the candidate."""
    with task_context("train", argv) as context:
        versions = context.data_versions(feature_table().name, SILVER_LABELS.name)
        keep = search_folder(context, versions)
        candidate = train(replace(context, tables=pin(context.tables, versions)), MODEL_FEATURES, keep)
        run_id = log_candidate(candidate, context.provenance(versions))
        if keep.exists():
            shutil.rmtree(keep)
        set_task_values(
            {"run_id": run_id}
            | {"training_rows": candidate.rows, "training_frauds": candidate.frauds}
            | {"threshold": round(candidate.scorer.threshold, 4)}
            | tell_choice(candidate)
            | {f"seconds_{step}": round(seconds, 1) for step, seconds in candidate.seconds.items()}
        )


def train(context: Context, features: Sequence[str], keep: Path | None = None) -> Candidate:
    """A candidate by the settings and from the tables of the context, trained where its rows fit.

    A search that was killed goes on from the folder `keep`.
    """
    settings, now, costs = context.settings.training, context.arguments.now, context.settings.costs
    delay = context.settings.data.label_delay_days
    since = now - timedelta(days=days_needed(settings, delay))
    room = measure_room(context.spark)
    choice = choose_where(measure_size(context, features, since), room, settings)
    log.info("%s, %s: %s", choice.family, choice.road, choice.reason)
    own = replace(settings, family=choice.family, where=choice.road)
    labelled = labelled_features(context.spark, context.tables, features, since, now)
    fold = find_fold(labelled, now, delay)
    if choice.road == "single_node":
        rows = to_polars(labelled.where(F.col("event_time") < F.lit(fold.train_end)))
        candidate = train_candidate(rows, features, fold, own, costs, keep)
    else:
        candidate = train_in_spark(labelled, features, fold, own, costs, room, scratch_folder(context))
    return replace(candidate, choice=choice)


def tell_choice(candidate: Candidate) -> dict[str, str]:
    """What was trained where, and why, for the task's values."""
    if candidate.choice is None:
        return {}
    return {
        "family": candidate.choice.family,
        "where": candidate.choice.road,
        "where_reason": candidate.choice.reason,
    }


def scratch_folder(context: Context) -> Path:
    """Where Spark leaves what it gives back in files only; all of it sees the checkpoints."""
    folder = Path(context.arguments.checkpoints) / "training"
    return folder.resolve() if context.local else folder


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
