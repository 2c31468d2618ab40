"""Arrow tables of this process, handed to Spark."""

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema


def table_to_spark(spark: SparkSession, table: pa.Table) -> DataFrame:
    """Hand over a table: of one with an empty batch Spark 4.1 would read what comes before it, and nothing else."""
    batches = [batch for batch in table.to_batches() if batch.num_rows]
    if not batches:  # of which a Connect client says that it cannot infer its columns
        return spark.createDataFrame([], from_arrow_schema(table.schema))
    return spark.createDataFrame(pa.Table.from_batches(batches))
