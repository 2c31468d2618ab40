"""The ledger as a table of a Spark catalog, written by SQL that classic Spark and Spark Connect both take."""

import re
import time
from collections.abc import Sequence
from dataclasses import astuple

from pyspark.sql import SparkSession

from runcosts.errors import LedgerError, SettingsError
from runcosts.ledger import MATCH, RunCost, ddl, one_row_each

PART_OF_A_NAME = re.compile(r"[\w-]+")
MOST_PARTS = 3
MOST_TRIES = 6
FIRST_PAUSE_SECONDS = 1.0
CONFLICT = "DELTA_CONCURRENT"


def quoted_name(table: str) -> str:
    """A table's full name, quoted for SQL.

    Raises:
        SettingsError: it isn't one to three plain names joined by dots.
    """
    parts = table.split(".")
    if len(parts) > MOST_PARTS or not all(PART_OF_A_NAME.fullmatch(part) for part in parts):
        raise SettingsError(f"found the table name {table!r}; expected catalog.schema.table in plain letters")
    return ".".join(f"`{part}`" for part in parts)


def write_rows(spark: SparkSession, table: str, rows: Sequence[RunCost]) -> None:
    """Merge rows by key into the table, which is made if it isn't there.

    Raises:
        SettingsError: the name isn't one of a table.
        LedgerError: other writers won every try.
    """
    name = quoted_name(table)
    spark.sql(f"CREATE TABLE IF NOT EXISTS {name} ({ddl()}) USING DELTA")
    source = spark.createDataFrame([astuple(row) for row in one_row_each(rows)], schema=ddl())
    for tries in range(MOST_TRIES):
        try:
            spark.sql(
                f"MERGE WITH SCHEMA EVOLUTION INTO {name} AS target USING {{source}} AS source ON {MATCH} "
                "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
                source=source,
            )
        except Exception as refused:
            # Delta's conflicts come as Py4J's errors, as PySpark's or as delta's own: their text is one.
            if CONFLICT not in str(refused):
                raise
            time.sleep(FIRST_PAUSE_SECONDS * 2**tries)
        else:
            return
    raise LedgerError(f"{table}: other writers won all {MOST_TRIES} tries; {len(rows)} rows are not written")
