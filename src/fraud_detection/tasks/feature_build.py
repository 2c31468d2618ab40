"""Task feature_build: silver to transaction_features, by the engine that suits the size."""

import os
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import mlflow
import psutil
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.features import single_node, spark
from fraud_detection.features.engine import EngineChoice, choose_engine, count_shards
from fraud_detection.features.table import feature_table
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.rows import read_history, to_polars, to_spark
from fraud_detection.tasks.values import set_task_values


def main(argv: Sequence[str] | None = None) -> None:
    """Compute the features of every transaction and publish them in one commit."""
    with task_context("feature_build", argv) as context:
        started = perf_counter()
        choice = choose(context)
        features = compute(context, choice)
        table = feature_table()
        context.tables.replace(context.spark, table, features.withColumn("event_date", F.to_date("event_time")))
        rows = context.tables.read(context.spark, table.name).count()
        mlflow.log_params({"engine": choice.name, "engine_reason": choice.reason})
        mlflow.log_metrics({"rows": rows, "seconds": perf_counter() - started})
        mlflow.log_params(context.data_versions(SILVER_TRANSACTIONS.name, SILVER_LABELS.name))
        set_task_values({"rows": rows, "engine": choice.name, "engine_reason": choice.reason})


def choose(context: Context) -> EngineChoice:
    """Size the input by its own statistics, and this machine by what it has."""
    name = context.tables.name(SILVER_TRANSACTIONS.name)
    rows = context.tables.read(context.spark, SILVER_TRANSACTIONS.name).count()
    size = int(context.spark.sql(f"DESCRIBE DETAIL {name}").collect()[0].sizeInBytes)  # one row
    memory = psutil.virtual_memory().available
    return choose_engine(rows, size, os.cpu_count() or 1, memory, context.arguments.engine)


def compute(context: Context, choice: EngineChoice) -> DataFrame:
    """The same definitions on either engine."""
    history = read_history(context.spark, context.tables, context.arguments.now)
    settings = context.settings.features
    if choice.name == "spark":
        shards = count_shards(history.count(), os.cpu_count() or 1)
        return spark.compute_features(history, replace(settings, shards=shards))
    return to_spark(context.spark, single_node.compute_features(to_polars(history), settings))


if __name__ == "__main__":
    main()
