"""Task score: the champion scores what it has not scored yet, and what its alerts saved is brought up to date."""

import logging
from collections.abc import Sequence
from time import perf_counter

import mlflow
from mlflow import MlflowClient

from fraud_detection.schemas import TRANSACTION_FEATURES
from fraud_detection.scoring.batch import score_turns
from fraud_detection.scoring.savings import refresh_savings
from fraud_detection.scoring.turns import take_turns
from fraud_detection.scoring.variants import SHADOW, Contestants
from fraud_detection.tasks.context import task_context
from fraud_detection.tasks.values import set_task_values

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Load the models before anything is read: without a champion there is nothing to do."""
    with task_context("score", argv) as context:
        settings, now = context.settings.scoring, context.arguments.now
        line_up = Contestants(MlflowClient(), context.arguments.model_name, settings).current()
        turns = take_turns(line_up.able(context.tables.read(context.spark, TRANSACTION_FEATURES).columns))
        started = perf_counter()
        done = score_turns(context.spark, context.tables, turns, settings, now)
        seconds = perf_counter() - started
        refresh_savings(context.spark, context.tables, context.settings.costs)
        for variant, scored in done.items():
            log.info("%d rows are scored by the %s", scored.rows, variant)
            mlflow.log_metrics({f"rows_{variant}": scored.rows, f"alerts_{variant}": scored.alerts})
        champion = turns[0].model.version
        mlflow.set_tag("model_version", str(champion))
        mlflow.log_metric("seconds", seconds)
        decided = [scored for variant, scored in done.items() if variant != SHADOW]
        rows, alerts = sum(one.rows for one in decided), sum(one.alerts for one in decided)
        set_task_values({"version": champion, "rows": rows, "alerts": alerts})


if __name__ == "__main__":
    main()
