"""Task validate: judges the candidate on later days than it learned from, against limits and the champion."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import polars as pl
from mlflow import MlflowClient
from pyspark.sql import functions as F

from fraud_detection.features.frames import to_polars
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.models.aliases import find_version
from fraud_detection.models.gate import decide
from fraud_detection.models.slices import Past
from fraud_detection.models.split import Fold, evaluation_rows
from fraud_detection.models.tracking import StoredModel, load_model, log_verdict, model_uri
from fraud_detection.models.training import ORDER
from fraud_detection.models.verdict import Verdict
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS, TRANSACTION_FEATURES
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.pinned import pin
from fraud_detection.tasks.rows import labelled_features
from fraud_detection.tasks.training_size import find_fold, measure_room
from fraud_detection.tasks.values import set_task_values

RECENT_DAYS = 7 + 2 * 7 + 7
HISTORY_DAYS = 92
SHOWN = ("auc_roc", "average_precision", "card_precision", "calibration_error", "saving_a_day")

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Reach a verdict; only a registry that says so makes "there is no champion"."""
    with task_context("validate", argv) as given:
        versions = given.data_versions(TRANSACTION_FEATURES, SILVER_LABELS.name, SILVER_TRANSACTIONS.name)
        context, arguments = replace(given, tables=pin(given.tables, versions)), given.arguments
        fold = find_last_week(context)
        judged = read_judged(context, MODEL_FEATURES, fold)
        candidate = load_model(model_uri(arguments.candidate))
        past = read_past(context, fold.test_start)
        champion = load_champion(arguments.model_name)
        limits, costs = context.settings.gate, context.settings.costs
        verdict = decide(judged, past, fold, candidate, champion, MODEL_FEATURES, limits, costs)
        log_verdict(arguments.candidate, verdict, judged, versions)
        for reason in verdict.reasons:
            log.info(reason)
        set_task_values(
            {"verdict": verdict.word, "why": summarise(verdict)}
            | {name: verdict.metrics[name] for name in SHOWN if name in verdict.metrics}
        )


def find_last_week(context: Context) -> Fold:
    """The fold whose test week is the last one with labels."""
    now, delay = context.arguments.now, context.settings.data.label_delay_days
    since = now - timedelta(days=RECENT_DAYS + 2 * delay)
    return find_fold(labelled_features(context.spark, context.tables, (), since, now), now, delay)


def read_judged(context: Context, features: Sequence[str], fold: Fold) -> pl.DataFrame:
    """The labelled rows of a test week, without the cards known as compromised, in a defined order.

    Raises:
        MachineError: they don't fit.
    """
    moment = F.col("event_time")
    in_week = (moment >= F.lit(fold.test_start)) & (moment < F.lit(fold.test_end))
    week = context.tables.read(context.spark, TRANSACTION_FEATURES).where(in_week)
    measure_room(context.spark).check(week.count(), len(features), "the test week")
    since = datetime.combine(fold.train_start, time(), UTC)
    labelled = labelled_features(context.spark, context.tables, features, since, context.arguments.now)
    return evaluation_rows(to_polars(labelled.where(in_week | F.col("is_fraud"))), fold).sort(ORDER)


def summarise(verdict: Verdict) -> str:
    """What failed, or that nothing did; every check stands in the run's verdict.json."""
    failed = [str(check) for check in verdict.checks if not check.passed]
    return "; ".join(failed) or f"all {len(verdict.checks)} checks passed"


def load_champion(name: str) -> StoredModel | None:
    """The model behind the alias; None only where the registry says that there is none."""
    version = find_version(MlflowClient(), name)
    return load_model(f"models:/{name}/{version}") if version is not None else None


def read_past(context: Context, before: datetime) -> Past:
    """Since when each card is seen, and how busy each terminal was, in the months before the test week."""
    since = before - timedelta(days=HISTORY_DAYS)
    recent = (F.col("event_time") >= F.lit(since)) & (F.col("event_time") < F.lit(before))
    rows = context.tables.read(context.spark, SILVER_TRANSACTIONS.name).where(recent)
    first_seen = rows.groupBy("customer_id").agg(F.min("event_time").alias("first_seen"))
    visits = rows.groupBy("terminal_id").agg(F.count(F.lit(1)).alias("visits"))
    return Past(to_polars(first_seen), to_polars(visits))


if __name__ == "__main__":
    main()
