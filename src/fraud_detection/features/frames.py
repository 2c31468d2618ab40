"""Rows between Spark and this process, by Arrow."""

import polars as pl
import polars.selectors as cs
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.arrow import table_to_spark
from fraud_detection.features.contract import KEYS


def as_keys(transactions: DataFrame, *others: str) -> DataFrame:
    """Transactions with the columns and the exact amounts that features are computed from, and others."""
    cents = (F.col("amount") * 100).cast("bigint").alias("amount_cents")
    return transactions.select(*(name for name in KEYS if name != "amount_cents"), cents, *others)


def to_polars(rows: DataFrame) -> pl.DataFrame:
    """Bring rows to this process, times in UTC; the caller says what bounds their number."""
    frame = pl.from_arrow(rows.toArrow())
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  a table makes a frame, a column makes a series
    return frame.with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC"))


def to_spark(spark: SparkSession, rows: pl.DataFrame) -> DataFrame:
    """Hand rows of this process to Spark, with the plain strings that it reads."""
    return table_to_spark(spark, _with_plain_strings(rows.to_arrow()))


def _with_plain_strings(table: pa.Table) -> pa.Table:
    fields = [
        pa.field(field.name, pa.string()) if pa.types.is_large_string(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(fields))
