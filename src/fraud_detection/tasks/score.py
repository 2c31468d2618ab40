"""Task score: the champion scores what it has not scored yet, and what its alerts saved is brought up to date."""

import logging
from collections.abc import Sequence
from time import perf_counter

import mlflow
from mlflow import MlflowClient

from fraud_detection.scoring.batch import score_batch
from fraud_detection.scoring.champion import Champion
from fraud_detection.scoring.savings import refresh_savings
from fraud_detection.tasks.context import task_context
from fraud_detection.tasks.values import set_task_values

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Load the champion before anything is read: without one there is nothing to do."""
    with task_context("score", argv) as context:
        model = Champion(MlflowClient(), context.arguments.model_name).current()
        log.info("%s version %d scores, with threshold %.4f", model.name, model.version, model.scorer.threshold)
        started = perf_counter()
        done = score_batch(context.spark, context.tables, model, context.settings.scoring, context.arguments.now)
        seconds = perf_counter() - started
        refresh_savings(context.spark, context.tables, context.settings.costs)
        mlflow.set_tag("model_version", str(model.version))
        mlflow.log_metrics({"rows": done.rows, "alerts": done.alerts, "seconds": seconds})
        set_task_values({"version": model.version, "rows": done.rows, "alerts": done.alerts})


if __name__ == "__main__":
    main()
