"""From labelled rows in Spark to a candidate: what `training` does, where the rows don't all come to this node."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.features.frames import to_polars
from fraud_detection.models.costs import CostSettings
from fraud_detection.models.families.family import hold_out
from fraud_detection.models.families.registry import find_family
from fraud_detection.models.families.spark_rows import (
    BLOCK,
    FRAUD,
    IS_HELD_OUT,
    LABEL,
    RowsInSpark,
    count_classes,
    window_in_spark,
)
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import Fold
from fraud_detection.models.training import ORDER, Candidate, calibrate, check_counts, set_threshold
from fraud_detection.models.where import Room


def train_in_spark(
    rows: DataFrame,
    features: Sequence[str],
    fold: Fold,
    settings: TrainingSettings,
    costs: CostSettings,
    room: Room,
    scratch: Path,
) -> Candidate:
    """Fit and calibrate on the window; only the held-out days come here, and for a family of one node its samples.

    Parameters are those of the settings: trials are judged on one node only. Spark ML's families cross-validate.

    Args:
        rows: as `training.train_candidate` takes them, in Spark.
        room: what this node can take.
        scratch: a folder that this process and all of Spark see.

    Raises:
        ModelError: the window or the held-out days lack a class.
        MachineError: what has to come here doesn't fit.
    """
    started = perf_counter()
    family = find_family(settings.family)
    window = window_in_spark(rows, features, fold, settings)
    fitted_on, held_out_rows = _check_window(window)
    room.check(held_out_rows, len(features), "the held-out days")
    held_out = to_polars(window.where(F.col(IS_HELD_OUT)).drop(LABEL, IS_HELD_OUT, BLOCK)).sort(ORDER)
    part = RowsInSpark(window, tuple(features), hold_out(held_out, features), room, scratch)
    fitted = family.fit(part, settings, family.complete(settings.parameters))
    candidate = set_threshold(calibrate(fitted, held_out, fold, settings, fitted_on), costs)
    return replace(candidate, seconds={"fit": perf_counter() - started})


def _check_window(window: DataFrame) -> tuple[tuple[int, int], int]:
    """Rows and frauds to fit on, and rows that are held out."""
    counts = {(line[IS_HELD_OUT], line[LABEL] == FRAUD): line["rows"] for line in count_classes(window).to_dicts()}
    found = {}
    for late, what in ((False, "the training window"), (True, "the held-out days")):
        frauds = counts.get((late, True), 0)
        found[late] = (frauds + counts.get((late, False), 0), frauds)
        check_counts(*found[late], what)
    return found[False], found[True][0]
