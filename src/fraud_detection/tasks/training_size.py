"""How much there is to train on, and how much room for it; asked of Spark before anything is brought here."""

import os
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import psutil
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.errors import ConfigurationError, DataError
from fraud_detection.features.frames import to_polars
from fraud_detection.models.split import Fold, fold_of_last_label
from fraud_detection.models.where import Room, Size
from fraud_detection.schemas import SILVER_LABELS, TRANSACTION_FEATURES
from fraud_detection.tasks.context import Context
from fraud_detection.tasks.rows import known_labels

RESULT_SIZE: Final = "spark.driver.maxResultSize"
SPARKS_DEFAULT: Final = "1g"
WORKERS: Final = "spark.databricks.clusterUsageTags.clusterWorkers"
UNITS: Final = {unit: 1024**power for power, unit in enumerate(("b", "k", "m", "g", "t"))}


def measure_size(context: Context, features: Sequence[str], since: datetime) -> Size:
    """Rows of the period, of the window and of the held-out days, as if every label had come in time."""
    settings, now = context.settings.training, context.arguments.now
    fold = fold_of_last_label(now, now, context.settings.data.label_delay_days)
    held_out_from = fold.train_end - timedelta(days=settings.held_out_days)
    start = fold.train_end - timedelta(days=settings.window_days)
    event_time = F.col("event_time")
    in_window = (event_time >= F.lit(start)) & (event_time < F.lit(held_out_from))
    is_held_out = (event_time >= F.lit(held_out_from)) & (event_time < F.lit(fold.train_end))
    rows = context.tables.read(context.spark, TRANSACTION_FEATURES)
    counted = to_polars(
        rows.where((event_time >= F.lit(since)) & (event_time < F.lit(now))).agg(
            F.count(F.lit(1)).alias("rows"),
            F.count_if(in_window).alias("window"),
            F.count_if(is_held_out).alias("held_out"),
        )
    ).row(0, named=True)
    labels = known_labels(context.tables.read(context.spark, SILVER_LABELS.name), now)
    return Size(**counted, frauds=labels.where("is_fraud").count(), columns=len(features))


def measure_room(spark: SparkSession) -> Room:
    """Free memory and cores of this machine, what Spark lets it collect, and the cores of Spark's workers."""
    cores = os.cpu_count() or 1
    workers = max(int(spark.conf.get(WORKERS, "0") or 0), 1)
    limit = read_bytes(spark.conf.get(RESULT_SIZE, SPARKS_DEFAULT) or SPARKS_DEFAULT)
    return Room(psutil.virtual_memory().available, limit, cores, workers * cores)


def read_bytes(text: str) -> int:
    """A size as Spark writes it: 1g, 512m, 2gb, or a plain number of bytes.

    Raises:
        ConfigurationError: it is none.
    """
    found = re.fullmatch(r"(\d+)([bkmgt]?)b?", text.strip().lower())
    if not found:
        raise ConfigurationError(f"{RESULT_SIZE} is {text!r}; expected a size such as 4g")
    size: int = int(found[1]) * UNITS[found[2] or "b"]
    return size


def find_fold(labelled: DataFrame, now: datetime, delay_days: int) -> Fold:
    """What `split.production_fold` finds, asked of Spark.

    Raises:
        DataError: no label is known.
    """
    last = to_polars(labelled.where(F.col("is_fraud").isNotNull()).agg(F.max("event_time").alias("last")))["last"][0]
    if last is None:
        raise DataError(f"no label is known at {now.isoformat()}; expected labelled rows: load labels or move as_of")
    return fold_of_last_label(last, now, delay_days)
