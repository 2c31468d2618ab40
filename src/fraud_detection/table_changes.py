"""Changes of tables: what changed between two versions, and changes written with a note of what they were made from."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.schemas import HOUSEKEEPING, TableSchema
from fraud_detection.tables import Tables, writing

FEED = "delta.enableChangeDataFeed"
NOTE = "spark.databricks.delta.commitInfo.userMetadata"
GONE, CARRIED = "is_gone", "is_carried"
VERSION = "_commit_version"
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Note:
    """What the last commit that changed rows says it was made from, empty where it says nothing, and its time."""

    text: str
    written_at: datetime


def follow_changes(spark: SparkSession, tables: Tables, table: str) -> None:
    """Let a table keep its changes from now on."""
    if tables.properties(spark, table).get(FEED) != "true":
        spark.sql(f"ALTER TABLE {tables.name(table)} SET TBLPROPERTIES ('{FEED}' = 'true')")


def read_version(spark: SparkSession, tables: Tables, table: str, version: int) -> DataFrame:
    """The rows of a table at one of its versions, whatever is written meanwhile."""
    return spark.read.option("versionAsOf", version).table(tables.name(table))


def read_changes(spark: SparkSession, tables: Tables, table: str, after: int, upto: int) -> DataFrame:
    """The old and new images of rows that changed after one version, up to another; `is_old` tells them apart."""
    if after >= upto:
        nothing = spark.table(tables.name(table)).limit(0)
        return nothing.withColumns({"is_old": F.lit(False), VERSION: F.lit(after).cast("bigint")})
    feed = spark.read.option("readChangeFeed", "true").option("startingVersion", after + 1)
    changes = feed.option("endingVersion", upto).table(tables.name(table))
    return changes.withColumn("is_old", F.col("_change_type").isin("update_preimage", "delete"))


def find_note(spark: SparkSession, tables: Tables, table: str) -> Note:
    """The note of the last commit that changed rows."""
    history = spark.sql(f"DESCRIBE HISTORY {tables.name(table)}").where(~F.col("operation").isin(*HOUSEKEEPING))
    newest = history.select("userMetadata", F.unix_micros("timestamp")).orderBy(F.col("version").desc()).limit(1)
    found = [Note(row[0] or "", EPOCH + timedelta(microseconds=row[1])) for row in newest.collect()]  # one row
    return found[0] if found else Note("", EPOCH)


@contextmanager
def noting(spark: SparkSession, text: str) -> Iterator[None]:
    """Commits made inside carry a note."""
    spark.conf.set(NOTE, text)
    try:
        yield
    finally:
        spark.conf.unset(NOTE)


def merge_updates(
    tables: Tables, table: TableSchema, rows: DataFrame, days: tuple[date, date], carried: Sequence[str] = ()
) -> None:
    """Write changes in one commit.

    Args:
        tables: where the table is.
        table: its schema; it is clustered by `event_date`.
        rows: each key once. A null leaves a value as it is, and `is_gone` takes the row away.
        days: first and last event_date that the rows have, or had; files of other days are not read.
        carried: columns that are taken as they are, null or not, from rows that `is_carried` marks.
    """
    on = " AND ".join(f"t.`{column}` = s.`{column}`" for column in table.key)
    new = {name: f"coalesce(s.`{name}`, t.`{name}`)" for name in table.column_names}
    new |= {name: f"if(s.{CARRIED}, s.`{name}`, t.`{name}`)" for name in carried}
    values = ", ".join(f"t.`{name}` = {value}" for name, value in new.items())
    columns = ", ".join(f"`{name}`" for name in table.column_names)
    given = ", ".join(f"s.`{name}`" for name in table.column_names)
    rows.select(*table.column_names, GONE, CARRIED).createOrReplaceTempView("updates_to_merge")
    with writing(table.name):
        rows.sparkSession.sql(  # names come from schemas, days are dates
            f"MERGE INTO {tables.name(table.name)} AS t USING updates_to_merge AS s "  # noqa: S608
            f"ON {on} AND t.event_date BETWEEN DATE'{days[0]}' AND DATE'{days[1]}' "
            f"WHEN MATCHED AND s.{GONE} THEN DELETE WHEN MATCHED THEN UPDATE SET {values} "
            f"WHEN NOT MATCHED AND NOT s.{GONE} THEN INSERT ({columns}) VALUES ({given})"
        )
