"""Raw lines to text fields, by name. Types and rules come after."""

import csv
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

CORRUPT = "_corrupt_record"


def parse_json(bronze: DataFrame, fields: Sequence[str]) -> DataFrame:
    """Add each field as text (null where absent) and `readable`: whether the line is a JSON object."""
    columns = ", ".join(f"`{name}`: STRING" for name in fields)
    wrapped = F.concat(F.lit('{"line":'), "raw", F.lit("}"))  # else what follows the object would be passed over
    options = {"columnNameOfCorruptRecord": CORRUPT}
    parsed = bronze.withColumn("parsed", F.from_json(wrapped, f"line STRUCT<{columns}>, {CORRUPT} STRING", options))
    readable = F.col("parsed.line").isNotNull() & F.col(f"parsed.{CORRUPT}").isNull()
    return parsed.select(
        *bronze.columns, readable.alias("readable"), *(F.col(f"parsed.line.{name}").alias(name) for name in fields)
    )


def parse_csv(bronze: DataFrame, fields: Sequence[str], header: str) -> DataFrame:
    """Add each field of the lines under one header as text, found by its name, and `readable`: one value a name."""
    names = read_header(header)
    schema = ", ".join(f"{name} STRING" for name in (*(f"c{place}" for place in range(len(names))), CORRUPT))
    parsed = bronze.withColumn("parsed", F.from_csv("raw", schema, {"columnNameOfCorruptRecord": CORRUPT}))
    readable = F.lit(bool(names)) & F.col(f"parsed.{CORRUPT}").isNull()
    found = {name: F.col(f"parsed.c{names.index(name)}") for name in fields if name in names}
    absent = F.lit(None).cast("string")
    return parsed.select(
        *bronze.columns, readable.alias("readable"), *(found.get(name, absent).alias(name) for name in fields)
    )


def read_header(header: str) -> list[str]:
    """The column names of a CSV file; none where its first line cannot be read, and then no other line can."""
    try:
        return [name.strip() for name in next(csv.reader([header]))]
    except csv.Error:
        return []
