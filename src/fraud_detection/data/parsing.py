"""Raw lines to text fields, by name. Types and rules come after."""

import csv
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

CORRUPT = "_corrupt_record"
FIRST_OF_CSV = 2  # the header is line 1


def parse_json(bronze: DataFrame, sources: Mapping[str, str]) -> DataFrame:
    """Add each field as text (null where absent), `readable`: whether the line is a JSON object, and `has_unknown`.

    Args:
        sources: field → its name in the lines.
    """
    line = StructType([StructField(name, StringType()) for name in sorted(set(sources.values()))])
    schema = StructType([StructField("line", line), StructField(CORRUPT, StringType())])
    wrapped = F.concat(F.lit('{"line":'), "raw", F.lit("}"))  # else what follows the object would be passed over
    parsed = bronze.withColumn("parsed", F.from_json(wrapped, schema, {"columnNameOfCorruptRecord": CORRUPT}))
    readable = F.col("parsed.line").isNotNull() & F.col(f"parsed.{CORRUPT}").isNull()
    known = F.array(*(F.lit(name) for name in sources.values()))
    others = F.size(F.array_except(F.json_object_keys("raw"), known)) > 0
    has_unknown = F.when(F.col("line_number") == 1, F.coalesce(others, F.lit(False))).otherwise(F.lit(False))
    found = {name: F.col("parsed").getField("line").getField(source) for name, source in sources.items()}
    return _with_fields(parsed, bronze.columns, readable, has_unknown, found)


def parse_csv(bronze: DataFrame, sources: Mapping[str, str], header: str, delimiter: str = ",") -> DataFrame:
    """The same for the lines under one CSV header; a line is readable if it has one value a name.

    Where a field's name stands twice in the header, nobody knows which value is meant, and no line is readable.
    """
    names = read_header(header, delimiter)
    is_clear = bool(names) and all(names.count(source) <= 1 for source in sources.values())
    schema = ", ".join(f"{name} STRING" for name in (*(f"c{place}" for place in range(len(names))), CORRUPT))
    parsed = bronze.withColumn(
        "parsed", F.from_csv("raw", schema, {"columnNameOfCorruptRecord": CORRUPT, "sep": delimiter})
    )
    readable = F.lit(is_clear) & F.col(f"parsed.{CORRUPT}").isNull()
    absent = F.lit(None).cast("string")
    found = {
        name: F.col(f"parsed.c{names.index(source)}") if source in names else absent for name, source in sources.items()
    }
    has_unknown = F.lit(bool(set(names) - set(sources.values()))) & (F.col("line_number") == FIRST_OF_CSV)
    return _with_fields(parsed, bronze.columns, readable, has_unknown, found)


def _with_fields(
    parsed: DataFrame, kept: Sequence[str], readable: Column, has_unknown: Column, found: Mapping[str, Column]
) -> DataFrame:
    fields = (column.alias(name) for name, column in found.items())
    return parsed.select(*kept, readable.alias("readable"), has_unknown.alias("has_unknown"), *fields)


def read_header(header: str, delimiter: str = ",") -> list[str]:
    """The column names of a CSV file; none where its first line cannot be read, and then no other line can."""
    try:
        return [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    except csv.Error:
        return []
