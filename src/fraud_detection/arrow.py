"""Arrow between this process, Spark and its workers."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

BATCH_BYTES = "spark.sql.execution.arrow.maxBytesPerBatch"
NO_LIMIT = str(2**31 - 1)


def table_to_spark(spark: SparkSession, table: pa.Table) -> DataFrame:
    """Hand over a table: of one with an empty batch Spark 4.1 would read what comes before it, and nothing else."""
    batches = [batch for batch in table.to_batches() if batch.num_rows]
    if not batches:  # of which a Connect client says that it cannot infer its columns
        return spark.createDataFrame([], from_arrow_schema(table.schema))
    return spark.createDataFrame(pa.Table.from_batches(batches))


@contextmanager
def small_rows(spark: SparkSession) -> Iterator[None]:
    """Hand rows to Python by their number alone.

    Spark 4.1 measures a batch again after each row, which costs a fifth of what features cost. Rows that may be large,
    such as whole files, need that limit.
    """
    if not spark.conf.isModifiable(BATCH_BYTES):
        yield
        return
    before = spark.conf.get(BATCH_BYTES)
    spark.conf.set(BATCH_BYTES, NO_LIMIT)
    try:
        yield
    finally:
        spark.conf.set(BATCH_BYTES, str(before))
