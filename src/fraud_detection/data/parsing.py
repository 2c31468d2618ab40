"""Raw lines to text fields, by name. Types and rules come after."""

import csv
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

CORRUPT = "_corrupt_record"


def parse_json(bronze: DataFrame, fields: Sequence[str]) -> DataFrame:
    """Add each field as text (null where absent) and `readable`: whether the line is a JSON object."""
    schema = ", ".join(f"`{name}` STRING" for name in (*fields, CORRUPT))
    parsed = bronze.withColumn("parsed", F.from_json("raw", schema, {"columnNameOfCorruptRecord": CORRUPT}))
    readable = F.col("parsed").isNotNull() & F.col(f"parsed.{CORRUPT}").isNull()
    return parsed.select(
        *bronze.columns, readable.alias("readable"), *(F.col(f"parsed.{name}").alias(name) for name in fields)
    )


def parse_csv(bronze: DataFrame, fields: Sequence[str], header: str) -> DataFrame:
    """Add each field of the lines under one header as text, found by its name, and `readable`: one value a name."""
    names = [name.strip() for name in next(csv.reader([header]))]
    schema = ", ".join(f"`{name}` STRING" for name in (*_quoted(names), CORRUPT))
    parsed = bronze.withColumn("parsed", F.from_csv("raw", schema, {"columnNameOfCorruptRecord": CORRUPT}))
    readable = F.col(f"parsed.{CORRUPT}").isNull()
    found = [(F.col("parsed")[name] if name in names else F.lit(None).cast("string")).alias(name) for name in fields]
    return parsed.select(*bronze.columns, readable.alias("readable"), *found)


def _quoted(names: Sequence[str]) -> list[str]:
    """Column names for a schema: backticks doubled, a name that stands twice made distinct."""
    distinct = [name if name not in names[:place] else f"{name} {place}" for place, name in enumerate(names)]
    return [name.replace("`", "``") for name in distinct]
