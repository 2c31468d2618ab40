"""Task score_stream: transactions are taken in, cleaned and scored as they arrive."""

from collections.abc import Mapping, Sequence
from functools import partial

import mlflow
from mlflow import MlflowClient

from fraud_detection.data.cleaning import transactions_cleaning
from fraud_detection.data.prepare import Work
from fraud_detection.scoring.recent import RecentHistory
from fraud_detection.scoring.running import Run, ensure_tables
from fraud_detection.scoring.stream import Publish, ScoringStream, publish_nowhere
from fraud_detection.scoring.variants import Contestants
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.values import set_task_values


def main(argv: Sequence[str] | None = None) -> None:
    """Score until all that is there is done, or, with a trigger that is a time, for the hours of the settings."""
    with task_context("score_stream", argv) as context:
        totals = {"batches": 0, "rows": 0, "alerts": 0}

        def measure(figures: Mapping[str, float], number: int) -> None:
            mlflow.log_metrics(dict(figures), step=number)
            if "scored_rows" in figures:
                totals["batches"] += 1
                totals["rows"] += int(figures["scored_rows"])
                totals["alerts"] += int(figures["alerts"])

        arguments = context.arguments
        Run(make_stream(context), arguments.landing, arguments.checkpoints, measure).go(arguments.trigger)
        set_task_values(totals)


def make_stream(context: Context) -> ScoringStream:
    """The stream on the tables and with the settings of the context; without a champion it does not begin."""
    spark, tables, settings = context.spark, context.tables, context.settings
    contestants = Contestants(MlflowClient(), context.arguments.model_name, settings.scoring)
    contestants.current()
    work = Work(spark, transactions_cleaning(settings.data), tables, settings.data)
    ensure_tables(work)
    history, publish = RecentHistory(spark, tables), make_publish(context)
    return ScoringStream(work, history, contestants, settings.features, settings.scoring, publish)


def make_publish(context: Context) -> Publish:
    """What keeps up the store of the online app, where the settings want that."""
    if not context.settings.scoring.publish_online:
        return publish_nowhere
    from fraud_detection.scoring.online.filling import publish  # noqa: PLC0415  needs the extra `serving`

    return partial(publish, settings=context.arguments.settings)


if __name__ == "__main__":
    main()
