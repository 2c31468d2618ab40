"""Counts in the bins of a baseline, where the rows are: only counts leave Spark, whatever the number of rows."""

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.models.baseline import Bins, Counts

COUNTED = "day DATE, name STRING, place INT, number BIGINT"
Batches = Iterable[pa.RecordBatch]


def count_by_day(rows: DataFrame, columns: Mapping[str, Bins]) -> dict[date, dict[str, Counts]]:
    """Count the values of columns by day.

    Args:
        rows: event_date and the columns, as numbers.
        columns: the bins of each.

    Returns:
        By day and column, as `Bins.count` gives them.
    """
    chosen = rows.select("event_date", *(F.col(name).cast("double") for name in columns))
    counted = chosen.mapInArrow(_worker(cloudpickle.dumps(dict(columns))), COUNTED)  # type: ignore[no-untyped-call]
    found: dict[date, dict[str, Counts]] = {}
    for row in counted.groupBy("day", "name", "place").agg(F.sum("number").alias("number")).collect():  # one a bin
        day = found.setdefault(row.day, {name: bins.no_counts() for name, bins in columns.items()})
        day[row["name"]][row.place] = row.number
    return found


def _worker(columns: bytes) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    """Python, because the bins' own function counts: no second definition of a bin."""

    def count(batches: Batches) -> Iterator[pa.RecordBatch]:
        bins: dict[str, Bins] = pickle.loads(columns)  # noqa: S301  made by this very run
        for batch in batches:
            days = batch.column("event_date").to_numpy(zero_copy_only=False)
            for day in np.unique(days):
                yield from _count_day(batch.filter(pa.array(days == day)), day.item(), bins)

    return count


def _count_day(batch: pa.RecordBatch, day: date, bins: Mapping[str, Bins]) -> Iterator[pa.RecordBatch]:
    for name, own in bins.items():
        counts = own.count(batch.column(name).to_numpy(zero_copy_only=False))
        size = counts.size
        yield pa.record_batch(
            {
                "day": pa.repeat(pa.scalar(day, pa.date32()), size),
                "name": pa.repeat(name, size),
                "place": pa.array(np.arange(size), pa.int32()),
                "number": pa.array(counts),
            }
        )
