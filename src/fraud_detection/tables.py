"""Table names, creation and merging: the only place that spells a table's name."""

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, Row, SparkSession

from fraud_detection.errors import ConfigurationError, DataError, MachineError
from fraud_detection.schemas import TableSchema

LOG = "_delta_log"
USUAL_SCHEMA = "fraud"
BROKEN_LOG = re.compile(r"DELTA_VERSIONS_NOT_CONTIGUOUS|DELTA_TRUNCATED_TRANSACTION_LOG|FAILED_READ_FILE")
GONE = re.compile(r"DELTA_VERSION_NOT_FOUND|DELTA_\w*FILE_NOT_FOUND\w*|FAILED_READ_FILE\.FILE_NOT_EXIST")
CONFLICT = re.compile(r"DELTA_(?:CONCURRENT\w*|METADATA_CHANGED|PROTOCOL_CHANGED)")
MADE_MEANWHILE = re.compile(rf"{CONFLICT.pattern}|(?:CONSTRAINT|COLUMN|FIELDS?)_ALREADY_EXISTS")
NO_TABLE_HERE = "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION"
NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded|File too large")
FORGETTING = {"delta.deletedFileRetentionDuration": "interval 0 hours", "delta.checkpointInterval": "1"}
TRIES = 3
CREATION_SECONDS = 10.0
"""How long another process may take from the first file of a table that it makes to the first commit."""
POLL_SECONDS = 0.1
LAST_CHECKPOINT = "_last_checkpoint"
OF_A_VERSION = re.compile(r"\.?([0-9]{20})\.")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True)
class Tables:
    """Where the tables are: catalog, schema and, on a laptop, the warehouse folder that holds their files.

    Raises:
        ConfigurationError: the catalog or the schema is no plain identifier.
    """

    catalog: str
    schema: str
    warehouse: Path | None = None

    def __post_init__(self) -> None:
        """Let no parameter smuggle SQL in."""
        for kind, value in (("catalog", self.catalog), ("schema", self.schema)):
            if not IDENTIFIER.fullmatch(value):
                raise ConfigurationError(
                    f"{kind} {value!r} is not an identifier; expected letters, digits and underscores, "
                    "beginning with a letter or an underscore"
                )

    def name(self, table: str) -> str:
        """The full, quoted name of a table."""
        return f"`{self.catalog}`.`{self.schema}`.`{table}`"

    def plain_name(self, table: str) -> str:
        """The full name without quotes, for those who quote it themselves."""
        return f"{self.catalog}.{self.schema}.{table}"

    def folder(self, table: str) -> Path | None:
        """The folder of a local table; None where a catalog manages the files."""
        return self.warehouse.resolve() / self.schema / table if self.warehouse else None

    def create_schema(self, spark: SparkSession) -> None:
        """Create the schema where the catalog lives in memory; on Unity Catalog the bundle does."""
        if self.warehouse:
            spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{self.catalog}`.`{self.schema}`")

    def use(self, spark: SparkSession) -> None:
        """Let SQL that names tables without a schema mean these."""
        self.create_schema(spark)
        spark.sql(f"USE `{self.catalog}`.`{self.schema}`")

    def read(self, spark: SparkSession, table: str) -> DataFrame:
        """The rows of a table."""
        self._register(spark, table)
        return spark.table(self.name(table))

    def exists(self, spark: SparkSession, table: str) -> bool:
        """Whether the table has been made."""
        self._register(spark, table)
        return bool(spark.catalog.tableExists(self.name(table)))

    def ensure(self, spark: SparkSession, table: TableSchema) -> None:
        """Create the table with its layout and constraints; complete one that is older, or whose creation was cut.

        Another process may do the same at this moment: each step that it was first with is looked at again.

        Raises:
            DataError: its folder holds files that no log knows.
        """
        if not self.exists(spark, table.name):
            self._create(spark, table)
        for tries_left in reversed(range(TRIES)):
            try:
                with writing(table.name):
                    self._complete(spark, table)
            except Exception as refused:
                if not tries_left or not MADE_MEANWHILE.search(str(refused)):
                    raise
            else:
                return

    def _create(self, spark: SparkSession, table: TableSchema) -> None:
        folder = self.folder(table.name)
        self.create_schema(spark)
        if folder and _is_made_meanwhile(folder):
            return
        try:
            spark.sql(self._creation(table))
        except Exception as refused:
            if not folder or not (NO_TABLE_HERE in str(refused) or MADE_MEANWHILE.search(str(refused))):
                raise
            if not _is_made_meanwhile(folder):
                raise DataError(
                    f"{table.name}: {folder} holds files, and no log that knows them; expected a table or an empty "
                    "folder: bring the table back by fraud-state restore, or move the files away"
                ) from refused

    def _complete(self, spark: SparkSession, table: TableSchema) -> None:
        there = self.read(spark, table.name).columns
        absent = [name for name in table.columns if name not in there]
        if absent:
            added = ", ".join(f"`{name}` {table.columns[name]}" for name in absent)
            spark.sql(f"ALTER TABLE {self.name(table.name)} ADD COLUMNS ({added})")
        have = {key.lower() for key in self.properties(spark, table.name)} if table.checks else set()
        for check, condition in table.checks.items():
            if f"delta.constraints.{check}".lower() not in have:
                spark.sql(f"ALTER TABLE {self.name(table.name)} ADD CONSTRAINT {check} CHECK ({condition})")

    def merge(self, table: TableSchema, rows: DataFrame) -> None:
        """Insert new rows and replace those whose key is there; `rows` must hold each key once.

        Where the table has a stamp, a row whose content is the same keeps it, and takes over the origin alone.
        """
        rows.select(*table.column_names).createOrReplaceTempView("rows_to_merge")
        with writing(table.name):
            rows.sparkSession.sql(
                f"MERGE INTO {self.name(table.name)} AS t USING rows_to_merge AS s ON {_equal(table.key, '=')} "
                f"{_when_matched(table)} {_when_not_matched(table)}"
            )

    def remove(self, table: str, rows: DataFrame, key: Sequence[str]) -> None:
        """Delete the rows whose keys are in `rows`, which must hold each key once, in one commit."""
        rows.select(*key).createOrReplaceTempView("rows_to_remove")
        with writing(table):
            rows.sparkSession.sql(
                f"MERGE INTO {self.name(table)} AS t USING rows_to_remove AS s ON {_equal(key, '=')} "
                "WHEN MATCHED THEN DELETE"
            )

    def add_missing(self, table: TableSchema, rows: DataFrame) -> None:
        """Append the rows whose key is not there yet; `rows` must hold each key once."""
        present = self.read(rows.sparkSession, table.name).select(*table.key)
        missing = rows.select(*table.column_names).join(present, list(table.key), how="left_anti")
        with writing(table.name):
            missing.select(*table.column_names).write.format("delta").mode("append").saveAsTable(self.name(table.name))

    def replace(self, spark: SparkSession, table: TableSchema, rows: DataFrame) -> None:
        """Exchange all rows in one commit; readers see the old ones until then. Other columns make a new table."""
        if self.exists(spark, table.name) and tuple(self.read(spark, table.name).columns) != table.column_names:
            spark.sql(self._creation(table, "CREATE OR REPLACE TABLE"))
        self.ensure(spark, table)
        self.rewrite(table.name, rows.select(*table.column_names))

    def rewrite(self, table: str, rows: DataFrame) -> None:
        """Exchange all rows of a table for `rows`, made from them with the same columns, in one commit."""
        with writing(table):
            rows.write.insertInto(self.name(table), overwrite=True)

    def replace_where(self, table: TableSchema, rows: DataFrame, column: str, values: Sequence[str]) -> None:
        """Exchange the rows that have one of these values in a column, in one commit; all of `rows` must."""
        listed = ", ".join(f"'{value}'" for value in values)
        chosen = rows.select(*table.column_names).write.format("delta").mode("overwrite")
        with writing(table.name):
            chosen.option("replaceWhere", f"{column} IN ({listed})").saveAsTable(self.name(table.name))

    def version(self, spark: SparkSession, table: str) -> int:
        """The latest Delta version of a table, for the record of what a model was made from."""
        self._register(spark, table)
        return int(spark.sql(f"DESCRIBE HISTORY {self.name(table)} LIMIT 1").collect()[0].version)  # one row

    def maintain(self, spark: SparkSession, table: str, retention_hours: int) -> dict[str, int]:
        """Put small files together, cluster them, and remove files that no version of the last hours needs.

        Returns:
            How many data files were added, removed from the table, and how many it has now.
        """
        self._register(spark, table)
        with writing(table):
            done = spark.sql(f"OPTIMIZE {self.name(table)}").collect()[0].metrics  # one row
        spark.sql(f"VACUUM {self.name(table)} RETAIN {int(retention_hours)} HOURS")
        files = int(self.detail(spark, table).numFiles)
        return {"added": done.numFilesAdded, "removed": done.numFilesRemoved, "files": files}

    def forget(self, spark: SparkSession, table: str, *, keep_log: bool) -> None:
        """Remove all files that only former versions need, at once: whoever reads one of those fails.

        The log names the lowest and highest values of files that are gone. Locally all of it is removed that is older
        than a checkpoint made now; a catalog keeps its log for `delta.logRetentionDuration`.

        Args:
            keep_log: for a table that streams read, which go on by its log.
        """
        self._register(spark, table)
        name = self.name(table)
        had = self.properties(spark, table)
        usual = {key: had[key] for key, value in FORGETTING.items() if had.get(key, value) != value}
        with writing(table):
            spark.sql(f"REORG TABLE {name} APPLY (PURGE)")
            self._set_properties(spark, table, FORGETTING)
        done = self.version(spark, table)
        spark.sql(f"VACUUM {name}")
        spark.sql(f"ALTER TABLE {name} UNSET TBLPROPERTIES IF EXISTS ({', '.join(f"'{key}'" for key in FORGETTING)})")
        if usual:
            self._set_properties(spark, table, usual)
        folder = self.folder(table)
        if folder and not keep_log:
            _forget_log(folder / LOG, done)

    def identity(self, spark: SparkSession, table: str) -> str:
        """The id that Delta gave the table at its creation; a table made anew has another."""
        return str(self.detail(spark, table).id)

    def detail(self, spark: SparkSession, table: str) -> Row:
        """What Delta says of the table: id, number of files, size in bytes and more."""
        return spark.sql(f"DESCRIBE DETAIL {self.name(table)}").collect()[0]  # one row

    def properties(self, spark: SparkSession, table: str) -> dict[str, str]:
        """The properties of the table, its constraints among them."""
        found = spark.sql(f"SHOW TBLPROPERTIES {self.name(table)}").collect()  # few rows
        return {row.key: row.value for row in found}

    def _set_properties(self, spark: SparkSession, table: str, properties: Mapping[str, str]) -> None:
        told = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
        spark.sql(f"ALTER TABLE {self.name(table)} SET TBLPROPERTIES ({told})")

    def _creation(self, table: TableSchema, verb: str = "CREATE TABLE IF NOT EXISTS") -> str:
        columns = ", ".join(f"`{name}` {kind}" for name, kind in table.columns.items())
        cluster = f" CLUSTER BY ({', '.join(table.cluster_by)})" if table.cluster_by else ""
        comment = table.comment.replace("'", "''")
        return (
            f"{verb} {self.name(table.name)} ({columns}) USING DELTA{self._location(table.name)}"
            f"{cluster} COMMENT '{comment}'{_properties(table)}"
        )

    def _location(self, table: str) -> str:
        folder = str(self.folder(table) or "").replace("'", "''")
        return f" LOCATION '{folder}'" if folder else ""

    def _register(self, spark: SparkSession, table: str) -> None:
        """Make a local table known to this session, whose catalog lives in memory.

        Raises:
            DataError: the log of the table has gaps.
        """
        folder = self.folder(table)
        if folder and _has_commits(folder) and not spark.catalog.tableExists(self.name(table)):
            self.create_schema(spark)
            try:
                spark.sql(f"CREATE TABLE IF NOT EXISTS {self.name(table)} USING DELTA{self._location(table)}")
            except Exception as refused:
                broken = BROKEN_LOG.search(str(refused))
                if not broken:
                    raise
                raise DataError(
                    f"{table}: its log cannot be read ({broken[0]}); expected {folder / LOG} as Delta wrote it, "
                    "with no file gone or changed: bring the table back from a backup by fraud-state restore"
                ) from refused


def find_gone(refused: Exception) -> str:
    """How Delta says that the log, or a file, of a former version is gone; empty where the error is another one."""
    found = GONE.search(str(refused))
    return found[0] if found else ""


def choose_schema(warehouse: Path | None) -> str:
    """The only schema that a folder of tables holds, for whoever names none; USUAL_SCHEMA where there is no table.

    Raises:
        ConfigurationError: it holds several.
    """
    found = sorted({log.parent.parent.name for log in warehouse.glob(f"*/*/{LOG}")}) if warehouse else []
    if len(found) > 1:
        raise ConfigurationError(f"{warehouse} holds the schemas {', '.join(found)}; expected one: name it by --schema")
    return found[0] if found else USUAL_SCHEMA


@contextmanager
def writing(table: str) -> Iterator[None]:
    """Name the table of a write that another writer beat, or that found no room.

    It isn't tried again here: what is written was chosen by what the table held before.

    Raises:
        DataError: another writer was first.
        MachineError: a disk is full.
    """
    try:
        yield
    except Exception as refused:
        # They come as Py4J's errors, as PySpark's or as delta's own: their text is one.
        text = str(refused)
        conflict, full = CONFLICT.search(text), NO_ROOM.search(text)
        if conflict:
            raise DataError(
                f"{table}: another writer was first ({conflict[0]}), and nothing was written; expected one writer at a "
                "time: run the task again, as a job's retry does, and it reads what the other one left"
            ) from refused
        if full:
            raise MachineError(
                f"{table}: there was no room to write ({full[0]}), and the table is as it was; expected room for the "
                "table, and for what Spark puts aside on its way: make room, then run the task again"
            ) from refused
        raise


def _when_matched(table: TableSchema) -> str:
    replace_all = f"THEN UPDATE SET {_assigned(table.column_names)}"
    if not table.stamp:
        return f"WHEN MATCHED {replace_all}"
    content = [name for name in table.column_names if name not in (*table.key, *table.origin, table.stamp)]
    changed = f"WHEN MATCHED AND NOT ({_equal(content)}) {replace_all}"
    if not table.origin:
        return changed
    return f"{changed} WHEN MATCHED AND NOT ({_equal(table.origin)}) THEN UPDATE SET {_assigned(table.origin)}"


def _when_not_matched(table: TableSchema) -> str:
    """Columns by name: the table may have more, from settings of before."""
    columns, values = (", ".join(f"{prefix}`{name}`" for name in table.column_names) for prefix in ("", "s."))
    return f"WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})"  # noqa: S608  names of our own schemas


def _equal(columns: Iterable[str], operator: str = "<=>") -> str:
    return " AND ".join(f"t.`{name}` {operator} s.`{name}`" for name in columns)


def _assigned(columns: Iterable[str]) -> str:
    return ", ".join(f"t.`{name}` = s.`{name}`" for name in columns)


def _has_commits(folder: Path) -> bool:
    """Whether there is a table: one whose creation was cut short has an empty log."""
    return any((folder / LOG).glob("*.json"))


def _is_made_meanwhile(folder: Path) -> bool:
    """Whether another process that was making a table has made it, within a while.

    It was making one where the folder is not empty. What a creation that was cut has left does not change for that
    while: its log, with no more than hidden, unfinished files, is removed then.
    """
    end = time.monotonic() + CREATION_SECONDS
    while not _has_commits(folder) and _is_begun(folder) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    if _has_commits(folder):
        return True
    _clear_cut_creation(folder)
    return False


def _is_begun(folder: Path) -> bool:
    """Whether somebody has begun to make a table a moment ago; files of long ago are no beginning."""
    times = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            times.append(path.stat().st_mtime)
    return bool(times) and time.time() - max(times) < CREATION_SECONDS


def _clear_cut_creation(folder: Path) -> None:
    log = folder / LOG
    if not log.is_dir() or any(not path.name.startswith(".") for path in log.iterdir()):
        return
    for path in log.iterdir():
        path.unlink(missing_ok=True)
    with suppress(OSError):  # another process has put something there
        log.rmdir()


def _forget_log(log: Path, done: int) -> None:
    """Remove what Delta itself removes once it is old: commits and checkpoints before the last checkpoint.

    The oldest goes first, so that what a cut call leaves is a log without gaps.

    Args:
        done: the version that was there when all was taken out.

    Raises:
        DataError: Delta has written no checkpoint since.
    """
    note = log / LAST_CHECKPOINT
    last = int(json.loads(note.read_text())["version"]) if note.exists() else -1
    if last < done:
        raise DataError(
            f"{log.parent.name}: Delta has written no checkpoint of version {done} or later; expected one before its "
            "log is shortened: run this again"
        )
    versions = [(int(found[1]), path) for path in log.iterdir() if (found := OF_A_VERSION.match(path.name))]
    for version, path in sorted(versions):
        if version < last:
            path.unlink(missing_ok=True)


def _properties(table: TableSchema) -> str:
    if table.indexed_columns is None:
        return ""
    return f" TBLPROPERTIES ('delta.dataSkippingNumIndexedCols' = '{table.indexed_columns}')"
