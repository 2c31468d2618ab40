"""Labelled rows that stay in Spark: the window of a fold, its sample, and the little that comes to this node."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import numpy as np
import polars as pl
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraud_detection.features.frames import to_polars
from fraud_detection.models.boosting import Sample, feature_matrix
from fraud_detection.models.families.family import HeldOut
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import Fold
from fraud_detection.models.where import Room

LABEL, WEIGHT, IS_HELD_OUT, BLOCK = "label", "weight", "is_held_out", "block"
FRAUD, LEGITIMATE = 1.0, 0.0


@dataclass(frozen=True)
class RowsInSpark:
    """The rows of a window.

    Attributes:
        rows: the features in single precision, NaN where absent, `label`, `is_held_out`, and `block`, the number of
            the stretch of days that a cross-validation leaves out together.
        room: what this node can take.
        scratch: a folder that this process and all of Spark see, for what Spark gives back in files only.
    """

    rows: DataFrame
    features: tuple[str, ...]
    held_out: HeldOut
    room: Room
    scratch: Path

    def draw(self, share: float, seed: int) -> Sample:
        """All frauds and a share of the others, drawn in Spark, on this node.

        Raises:
            MachineError: the sample does not fit.
        """
        drawn = self.draw_in_spark(share, seed).select(LABEL, WEIGHT, *self.features)
        self.room.check(drawn.count(), len(self.features), "the sample that is fitted on")
        sample = to_polars(drawn)
        labels, weights = sample[LABEL].to_numpy() == FRAUD, sample[WEIGHT].to_numpy()
        return Sample(feature_matrix(sample, self.features), labels, weights.astype(np.float32))

    def draw_in_spark(self, share: float, seed: int, fraud_weight: float = 1.0) -> DataFrame:
        """The same, staying there with `weight`: classes keep their sums, frauds times a weight."""
        weight = F.when(F.col(LABEL) == FRAUD, F.lit(float(fraud_weight))).otherwise(F.lit(1 / share))
        fitted = self.rows.where(~F.col(IS_HELD_OUT))
        return fitted.sampleBy(LABEL, {FRAUD: 1.0, LEGITIMATE: share}, seed).withColumn(WEIGHT, weight)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder under the scratch one, removed afterwards."""
        place = self.scratch / uuid4().hex
        try:
            yield place
        finally:
            rmtree(place, ignore_errors=True)


def window_in_spark(rows: DataFrame, features: Sequence[str], fold: Fold, settings: TrainingSettings) -> DataFrame:
    """What `split.training_rows` chooses, as `RowsInSpark` has it."""
    start = fold.train_end - timedelta(days=settings.window_days)
    held_out_from = fold.train_end - timedelta(days=settings.held_out_days)
    in_window = (F.col("event_time") >= F.lit(start)) & (F.col("event_time") < F.lit(fold.train_end))
    labelled = F.col("is_fraud").isNotNull() & (F.col("known_at") <= F.lit(fold.test_start))
    fitted_days = settings.window_days - settings.held_out_days
    day = F.date_diff(F.col("event_time"), F.lit(start))
    others = [name for name in rows.columns if name not in features]
    return rows.where(in_window & labelled).select(
        *others,
        *(_single(name) for name in features),
        F.col("is_fraud").cast("double").alias(LABEL),
        (F.col("event_time") >= F.lit(held_out_from)).alias(IS_HELD_OUT),
        F.floor(day * settings.search_folds / fitted_days).cast("int").alias(BLOCK),
    )


def count_classes(window: DataFrame) -> pl.DataFrame:
    """Rows of the window by `is_held_out` and `label`: four lines at most."""
    return to_polars(window.groupBy(IS_HELD_OUT, LABEL).agg(F.count(F.lit(1)).alias("rows")))


def _single(name: str) -> Column:
    return F.coalesce(F.col(name).cast("float"), F.lit(float("nan")).cast("float")).alias(name)
