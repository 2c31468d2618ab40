"""Landing files to bronze: every line, once, with where and when it arrived."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from fraud_detection.config import DataSettings
from fraud_detection.schemas import BRONZE_LABELS, BRONZE_TRANSACTIONS, TableSchema
from fraud_detection.tables import Tables

BYTE_ORDER_MARK = "\ufeff"
FOR_EVER = "36500d"


@dataclass(frozen=True)
class Feed:
    """One kind of file in the landing folder: its subfolder, its bronze table, whether line 1 names the columns."""

    dataset: str
    bronze: TableSchema
    has_header: bool


TRANSACTIONS_FEED = Feed("transactions", BRONZE_TRANSACTIONS, has_header=False)
LABELS_FEED = Feed("labels", BRONZE_LABELS, has_header=True)


def ingest_files(
    spark: SparkSession, feed: Feed, landing: str, checkpoints: str, tables: Tables, settings: DataSettings
) -> None:
    """Append the lines of all files that have not been read yet, exactly once, and return when that is done."""
    files = read_new_files(spark, f"{landing}/{feed.dataset}", settings)
    lines = split_lines(files, feed)
    target = tables.name(feed.bronze.name)
    checkpoint = checkpoint_path(checkpoints, feed.bronze.name, tables.identity(spark, feed.bronze.name))
    run_to_end(
        lines.writeStream.format("delta")
        .option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .toTable(target)
    )


def read_new_files(spark: SparkSession, folder: str, settings: DataSettings) -> DataFrame:
    """A stream of whole files. Spark would ignore files much older than the newest one; here none is too old."""
    files = (
        spark.readStream.format("text")
        .option("wholetext", "true")
        .option("maxFileAge", FOR_EVER)
        .load(folder)
        .select("value", "_metadata.file_path", "_metadata.file_modification_time", "_metadata.file_size")
    )
    too_large = F.col("file_size") > F.lit(settings.max_file_bytes)
    message = F.format_string(
        f"file %s has %d bytes; expected at most {settings.max_file_bytes}; split it, or raise data.max_file_bytes",
        "file_path",
        "file_size",
    )
    return files.withColumn("value", F.when(too_large, F.raise_error(message)).otherwise(F.col("value")))


def split_lines(files: DataFrame, feed: Feed) -> DataFrame:
    """One row a line, numbered from 1; a byte-order mark and the ends of lines (LF, CRLF or CR) are no content.

    The header is taken before the lines are spread: afterwards it would be cut out of the file anew for each line.
    """
    text = F.when(F.startswith("value", F.lit(BYTE_ORDER_MARK)), F.substr("value", F.lit(2))).otherwise(F.col("value"))
    with_crlf = F.replace(text, F.lit("\r\n"), F.lit("\n"))
    split = files.withColumn("lines", F.split(F.replace(with_crlf, F.lit("\r"), F.lit("\n")), "\n"))
    split = split.withColumn("header", F.get("lines", F.lit(0)) if feed.has_header else F.lit(None))
    spread = split.select(
        F.element_at(F.split("file_path", f"/{feed.dataset}/"), -1).alias("file"),
        "file_modification_time",
        F.col("header").cast("string").alias("header"),
        (F.size("lines") - 1).alias("last"),
        F.posexplode("lines").alias("position", "line"),
    )
    is_after_the_end = (F.col("line") == "") & (F.col("position") == F.col("last"))
    is_header = F.lit(feed.has_header) & (F.col("position") == 0)
    return spread.where(~is_after_the_end & ~is_header).select(
        F.concat(F.lit(f"{feed.dataset}/"), "file").alias("source_file"),
        F.col("file_modification_time").alias("file_modified_at"),
        (F.col("position") + 1).cast("bigint").alias("line_number"),
        F.current_timestamp().alias("ingested_at"),
        "header",
        F.col("line").alias("raw"),
    )


def checkpoint_path(folder: str, *parts: str) -> str:
    """Where a stream keeps its progress. The ids of the tables are part of it, so a table made anew is filled anew."""
    return str(PurePosixPath(folder) / "-".join(parts))


def run_to_end(query: StreamingQuery) -> None:
    """Wait until all that was available is processed; what goes wrong in the stream is raised here."""
    query.awaitTermination()
