"""Task validate: judges the candidate on later days than it learned from, against limits and the champion."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl
from mlflow import MlflowClient
from pyspark.sql import functions as F

from fraud_detection.features.frames import to_polars
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.models.aliases import find_version
from fraud_detection.models.gate import decide
from fraud_detection.models.split import evaluation_rows, production_fold
from fraud_detection.models.tracking import StoredModel, load_model, log_verdict, model_uri
from fraud_detection.models.verdict import Verdict
from fraud_detection.schemas import SILVER_TRANSACTIONS
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.rows import read_labelled_features
from fraud_detection.tasks.values import set_task_values

RECENT_DAYS = 7 + 2 * 7 + 7
HISTORY_DAYS = 92
SHOWN = ("auc_roc", "average_precision", "card_precision", "calibration_error", "saving_a_day")

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Reach a verdict; only a registry that says so makes "there is no champion"."""
    with task_context("validate", argv) as context:
        arguments, now = context.arguments, context.arguments.now
        since = now - timedelta(days=RECENT_DAYS + 2 * context.settings.data.label_delay_days)
        rows = read_labelled_features(context.spark, context.tables, MODEL_FEATURES, since, now)
        fold = production_fold(rows, now, context.settings.data.label_delay_days)
        judged = evaluation_rows(rows, fold)
        candidate = load_model(model_uri(arguments.candidate))
        history = read_visits(context, fold.test_start)
        champion = load_champion(arguments.model_name)
        limits, costs = context.settings.gate, context.settings.costs
        verdict = decide(judged, history, fold, candidate, champion, MODEL_FEATURES, limits, costs)
        log_verdict(arguments.candidate, verdict, judged)
        for reason in verdict.reasons:
            log.info(reason)
        set_task_values(
            {"verdict": verdict.word, "why": summarise(verdict)}
            | {name: verdict.metrics[name] for name in SHOWN if name in verdict.metrics}
        )


def summarise(verdict: Verdict) -> str:
    """What failed, or that nothing did; every check stands in the run's verdict.json."""
    failed = [str(check) for check in verdict.checks if not check.passed]
    return "; ".join(failed) or f"all {len(verdict.checks)} checks passed"


def load_champion(name: str) -> StoredModel | None:
    """The model behind the alias; None only where the registry says that there is none."""
    version = find_version(MlflowClient(), name)
    return load_model(f"models:/{name}/{version}") if version is not None else None


def read_visits(context: Context, before: datetime) -> pl.DataFrame:
    """Who bought when and where in the months before the test week; by this, slices are made."""
    since = before - timedelta(days=HISTORY_DAYS)
    recent = (F.col("event_time") >= F.lit(since)) & (F.col("event_time") < F.lit(before))
    rows = context.tables.read(context.spark, SILVER_TRANSACTIONS.name).where(recent)
    return to_polars(rows.select("event_time", "customer_id", "terminal_id"))


if __name__ == "__main__":
    main()
