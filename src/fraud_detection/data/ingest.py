"""Landing files to bronze: every line, once, with where and when it arrived."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal

import pyarrow as pa
from pyspark.errors import StreamingQueryException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from fraud_detection.card_numbers import KEYS, CardKeys, read_keys
from fraud_detection.config import DataSettings
from fraud_detection.data.files import Format, Lines, read_hidden, refuse_card_number
from fraud_detection.errors import ConfigurationError, DataError
from fraud_detection.schemas import BRONZE_COLUMNS, BRONZE_LABELS, BRONZE_TRANSACTIONS, LANDING_FILES, TableSchema
from fraud_detection.session import on_databricks
from fraud_detection.tables import Tables

Dataset = Literal["transactions", "labels"]
SHOWN = 10

CARD_MARKS = "fraud.card_keys"
FOR_EVER = "36500d"
FILES = "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"


@dataclass(frozen=True)
class Feed:
    """One kind of file in the landing folder: its subfolder, its bronze table, the usual format."""

    dataset: Dataset
    bronze: TableSchema
    format: Format


TRANSACTIONS_FEED = Feed("transactions", BRONZE_TRANSACTIONS, "json")
LABELS_FEED = Feed("labels", BRONZE_LABELS, "csv")


def ingest_files(
    spark: SparkSession, feed: Feed, landing: str, checkpoints: str, tables: Tables, settings: DataSettings
) -> None:
    """Append the lines of all files that have not been read yet, exactly once, and return when that is done.

    Raises:
        DataError: there is no such folder, or a file that was read was written again since.
    """
    folder = f"{landing}/{feed.dataset}"
    check_folder(folder)
    moment = note_files(spark, feed, folder, tables)
    try:
        append_to_bronze(split_lines(open_files(spark, folder), feed, settings), feed, checkpoints, tables)
    except StreamingQueryException:  # a file that stopped the stream may come again, whole, under its own name
        noted = tables.read(spark, LANDING_FILES.name).where(F.col("first_seen_at") == F.lit(moment))
        tables.remove(LANDING_FILES.name, noted, LANDING_FILES.key)
        raise


def append_to_bronze(lines: DataFrame, feed: Feed, checkpoints: str, tables: Tables, *origin: str) -> None:
    """Let a stream of lines into bronze, up to what is there now.

    Args:
        origin: names what the stream reads, for its progress, where that is not the landing folder.
    """
    bronze = tables.detail(lines.sparkSession, feed.bronze.name)
    keep_card_marks(lines.sparkSession, tables, feed.bronze.name, bronze.properties)
    checkpoint = checkpoint_path(checkpoints, feed.bronze.name, bronze.id, *origin)
    run_to_end(
        lines.writeStream.format("delta")
        .option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .toTable(tables.name(feed.bronze.name))
    )


def open_files(spark: SparkSession, folder: str) -> DataFrame:
    """A stream of whole files: by Auto Loader on Databricks, elsewhere by Spark's own file stream.

    Spark's would ignore files much older than the newest one, and subfolders; here none is too old.
    """
    if on_databricks():
        return spark.readStream.format("cloudFiles").option("cloudFiles.format", "binaryFile").load(folder)
    stream = spark.readStream.schema(FILES).format("binaryFile").option("maxFileAge", FOR_EVER)
    return stream.option("recursiveFileLookup", "true").load(folder)


def split_lines(files: DataFrame, feed: Feed, settings: DataSettings) -> DataFrame:
    """One row a line of files as `open_files` gives them, numbered from 1, with the header of a CSV file beside it."""
    kind = getattr(settings.mapping, feed.dataset).format or feed.format
    name = source_file(feed.dataset)
    named = files.select(name, "modificationTime", F.current_timestamp().alias("ingested_at"), "content")
    return named.mapInArrow(_reader(kind, settings.max_file_bytes, read_keys()), column_types(BRONZE_COLUMNS))


def source_file(dataset: str) -> Column:
    """The name that a file has in the tables: from its dataset's folder on."""
    below = F.element_at(F.split("path", f"/{dataset}/"), -1)
    return F.concat(F.lit(f"{dataset}/"), below).alias("source_file")


def _reader(
    kind: Format, max_bytes: int, keys: CardKeys
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Python, because it reads each file as it is: see `files`."""

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for name, modified, taken, content in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield lines_as_batch(name, modified, taken, read_hidden(name, content, kind, max_bytes, keys))

    return read


def lines_as_batch(name: str, modified: datetime, ingested: datetime, lines: Lines) -> pa.RecordBatch:
    """The lines of a file as bronze holds them."""
    count = len(lines.raw)
    moment = pa.timestamp("us", "UTC")
    same = ((name, pa.string()), (modified, moment), (ingested, moment), (lines.header, pa.string()))
    file, at, taken, header = (pa.repeat(pa.scalar(value, kind), count) for value, kind in same)
    numbers = pa.array(range(lines.first, lines.first + count), pa.int64())
    columns = [file, at, numbers, taken, header, pa.array(lines.raw, pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=list(BRONZE_COLUMNS))


def keep_card_marks(spark: SparkSession, tables: Tables, bronze: str, properties: Mapping[str, str]) -> None:
    """Keep with bronze which keys make its tokens, for other keys would make strangers of all cards.

    Raises:
        ConfigurationError: the keys of now are others.
    """
    keys = read_keys()
    marks = keys.marks
    kept = properties.get(CARD_MARKS, "")
    if marks == kept:
        return
    if kept:
        raise ConfigurationError(
            f"{bronze} has tokens made by {kept.count(',') + 1} keys of card numbers, marked {kept}; found "
            f"{f'keys marked {marks}' if marks else 'no key'} in {KEYS}; expected those keys, in their order"
        )
    set_card_marks(spark, tables, bronze, keys)


def set_card_marks(spark: SparkSession, tables: Tables, bronze: str, keys: CardKeys) -> None:
    """Note by which keys the tokens of bronze are made."""
    spark.sql(f"ALTER TABLE {tables.name(bronze)} SET TBLPROPERTIES ('{CARD_MARKS}' = '{keys.marks}')")


def check_folder(folder: str) -> None:
    """Say by name that a folder is missing; an address with a scheme is left to Spark.

    Raises:
        DataError: names the folder.
    """
    if "://" not in folder and not Path(folder).is_dir():
        raise DataError(f"found no folder {folder}; expected one with files that arrive: create it, or name another")


def note_files(spark: SparkSession, feed: Feed, folder: str, tables: Tables) -> datetime:
    """Keep which files there are, and refuse those that were written again after they had been read.

    A stream knows a file by its path and would never look at it again. An address with a scheme is not looked at.

    Returns:
        When files that are new were first seen, as the table has it.

    Raises:
        DataError: names such files; or the name of a file has a card number.
    """
    now = datetime.now(UTC)
    files = {f"{feed.dataset}/{name}": written for name, written in list_files(folder).items()}
    for name in files:
        refuse_card_number(name)
    if not files:
        return now
    noted = tables.read(spark, LANDING_FILES.name).where(F.col("dataset") == feed.dataset)
    rows = noted.select("source_file", "file_modified_at", "bytes").toArrow().to_pylist()  # of files, as many as above
    known = {row["source_file"]: (row["file_modified_at"], row["bytes"]) for row in rows}
    rewritten = sorted(name for name, written in files.items() if known.get(name, written) != written)
    if rewritten:
        raise DataError(
            f"{', '.join(rewritten[:SHOWN])} changed after being read, so what is new there is not in the tables; "
            "expected files that stay as they are: deliver the new content under a new name, remove the changed file"
        )
    new = [(feed.dataset, name, *written, now) for name, written in files.items() if name not in known]
    if new:
        tables.add_missing(LANDING_FILES, spark.createDataFrame(new, column_types(LANDING_FILES.columns)))
    return now


def list_files(folder: str) -> dict[str, tuple[datetime, int]]:
    """Name below the folder → when it was written, to the millisecond, and its size; hidden files are left out.

    Spark's own listing leaves out empty files, which are those that fill later.
    """
    if "://" in folder:
        return {}
    root = Path(folder)
    paths = [path for path in root.rglob("*") if path.is_file()]
    seen = [(path.relative_to(root), path.stat()) for path in paths]
    return {
        str(name): (datetime.fromtimestamp(stat.st_mtime_ns // 1_000_000 / 1000, UTC), stat.st_size)
        for name, stat in seen
        if not any(part.startswith(("_", ".")) for part in name.parts)
    }


def column_types(columns: Mapping[str, str]) -> str:
    """Columns of a table as the schema of a frame."""
    return ", ".join(f"{name} {definition.split()[0]}" for name, definition in columns.items())


def checkpoint_path(folder: str, *parts: str) -> str:
    """Where a stream keeps its progress. The ids of the tables are part of it, so a table made anew is filled anew."""
    return str(PurePosixPath(folder) / "-".join(parts))


def run_to_end(query: StreamingQuery) -> None:
    """Wait until all that was available is processed; what goes wrong in the stream is raised here, with its cause."""
    try:
        query.awaitTermination()
    except StreamingQueryException as error:
        error.add_note(_first_cause(error))
        raise


def _first_cause(error: BaseException) -> str:
    """Spark's own message says that a task failed, and not why."""
    cause = getattr(error, "_cause", None)
    return _first_cause(cause) if cause is not None else str(error)
