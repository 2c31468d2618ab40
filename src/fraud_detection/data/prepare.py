"""The road from the landing folder to silver, in steps that may be killed and run again at any point."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyspark import StorageLevel
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import (
    LINE,
    SUPERSEDED,
    Cleaned,
    Cleaning,
    check_lines,
    find_superseded,
    labels_cleaning,
    separate,
    transactions_cleaning,
)
from fraud_detection.data.ingest import checkpoint_path, column_types, ingest_files, run_to_end
from fraud_detection.data.kafka import ingest_topic, is_record
from fraud_detection.data.quality import DAY, Count, as_rows, count_broken, day_written, refuse_bad_days
from fraud_detection.data.rules import Severity
from fraud_detection.errors import DataError
from fraud_detection.schemas import DATA_QUALITY, LANDING_FILES, QUARANTINE, SILVER_TRANSACTIONS
from fraud_detection.tables import Tables

PAST_REWRITES = ("skipChangeCommits", "true")
"""A stream of bronze passes over what `rekey` writes again, which it has read before; `take_account` would tell."""


@dataclass(frozen=True)
class Account:
    """Where the lines of one dataset are: each one that was read is in silver or in quarantine."""

    dataset: str
    read: int
    silver: int
    quarantined: int
    by_reason: dict[str, int]
    warned: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """What the steps of one feed share."""

    spark: SparkSession
    cleaning: Cleaning
    tables: Tables
    settings: DataSettings
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def read(self, table: str) -> DataFrame:
        """The rows of a table."""
        return self.tables.read(self.spark, table)


def prepare(
    spark: SparkSession,
    landing: str,
    checkpoints: str,
    tables: Tables,
    settings: DataSettings,
    *,
    replay: bool = False,
) -> list[Account]:
    """Take in all new files and publish their rows; of labels only, where a stream takes in transactions.

    Args:
        replay: judge the lines in quarantine again, by the rules and the mapping of now.

    Raises:
        DataError: there is no folder, a file was written again, a day is too bad, or a line is neither in silver nor in
            quarantine, or in both.
    """
    for table in (LANDING_FILES, QUARANTINE, DATA_QUALITY):
        tables.ensure(spark, table)
    accounts = []
    for cleaning in (*([] if settings.streamed else [transactions_cleaning(settings)]), labels_cleaning(settings)):
        work = Work(spark, cleaning, tables, settings)
        for table in (cleaning.feed.bronze, cleaning.silver):
            tables.ensure(spark, table)
        take_in(work, landing, checkpoints)
        clean_lines(work, checkpoints)
        if replay:
            replay_quarantine(work)
        accounts.append(take_account(work))
    return accounts


def take_in(work: Work, landing: str, checkpoints: str) -> None:
    """Append what is new to bronze, from where the settings say that it arrives."""
    feed = work.cleaning.feed
    if feed.dataset in work.settings.kafka.topics:
        ingest_topic(work.spark, feed, checkpoints, work.tables, work.settings)
    else:
        ingest_files(work.spark, feed, landing, checkpoints, work.tables, work.settings)


def clean_lines(work: Work, checkpoints: str) -> None:
    """Publish the bronze lines that have not been published yet."""
    cleaning, tables = work.cleaning, work.tables
    involved = (cleaning.feed.bronze.name, cleaning.silver.name, QUARANTINE.name)
    identities = [tables.identity(work.spark, name) for name in involved]

    refused: list[DataError] = []

    def publish(batch: DataFrame, _batch_id: int) -> None:
        try:
            publish_batch(batch, work)
        except DataError as error:
            refused.append(error)
            raise

    query = (
        work.spark.readStream.option(*PAST_REWRITES)
        .table(tables.name(cleaning.feed.bronze.name))
        .writeStream.foreachBatch(publish)
        .option("checkpointLocation", checkpoint_path(checkpoints, cleaning.silver.name, *identities))
        .trigger(availableNow=True)
        .start()
    )
    try:
        run_to_end(query)
    except StreamingQueryException as error:
        if not refused:
            raise
        raise refused[0] from error  # the stream wraps our own error in pages of its own


def publish_batch(batch: DataFrame, work: Work) -> None:
    """Write one batch. Quarantine first: it needs the versions that silver is about to lose."""
    checked = judge(batch, work)
    if checked is None:
        return
    refuse_bad_days(keep_quality(with_earlier(checked, work), work), work.settings)
    superseded, cleaned = part(checked, work)
    work.tables.add_missing(QUARANTINE, cleaned.quarantine)
    work.tables.merge(work.cleaning.silver, cleaned.silver)
    superseded.unpersist()
    checked.unpersist()


def judge(lines: DataFrame, work: Work) -> DataFrame | None:
    """Lines of bronze with what is wrong with each, kept in memory; None where there is no line."""
    headers = [row.header for row in lines.select("header").distinct().collect()]  # as many as kinds of files
    if not headers:
        return None
    times = work.read(SILVER_TRANSACTIONS.name) if work.cleaning.needs_event_time else None
    return check_lines(lines, work.cleaning, headers, times).persist(StorageLevel.MEMORY_AND_DISK)


def with_earlier(checked: DataFrame, work: Work) -> DataFrame:
    """The lines of a batch and those before them on the same day of the same partition: a day is counted whole."""
    if work.cleaning.feed.dataset not in work.settings.kafka.topics:
        return checked
    begun = checked.where(is_record()).groupBy("source_file", day_written()).agg(F.min("line_number").alias("first"))
    bronze = work.read(work.cleaning.feed.bronze.name)
    before = bronze.withColumn(DAY, day_written()).join(F.broadcast(begun), ["source_file", DAY], how="inner")
    earlier = before.where("line_number < first").select(*bronze.columns)
    times = work.read(SILVER_TRANSACTIONS.name) if work.cleaning.needs_event_time else None
    return checked.unionByName(check_lines(earlier, work.cleaning, [None], times))


def keep_quality(checked: DataFrame, work: Work) -> list[Count]:
    """Count what is wrong, for people to read."""
    counts = count_broken(checked, work.cleaning.feed.dataset, work.cleaning.rules, work.now)
    rows = work.spark.createDataFrame(as_rows(counts), column_types(DATA_QUALITY.columns))
    work.tables.merge(DATA_QUALITY, rows)
    return counts


def part(checked: DataFrame, work: Work) -> tuple[DataFrame, Cleaned]:
    """The lines that arrived again later, kept in memory, and what is to be written."""
    silver, bronze = (work.read(table.name) for table in (work.cleaning.silver, work.cleaning.feed.bronze))
    superseded = find_superseded(checked, silver, work.cleaning).persist(StorageLevel.MEMORY_AND_DISK)
    return superseded, separate(checked, superseded, bronze, work.cleaning)


def replay_quarantine(work: Work) -> None:
    """Judge refused lines again: those that are good now move to silver, the others keep today's reasons.

    Silver comes first, so a replay that is cut leaves lines in both; running it again takes them out of quarantine.
    """
    is_own = (F.col("dataset") == work.cleaning.feed.dataset) & ~F.array_contains("reasons", SUPERSEDED)
    # A checkpoint, for Spark computes what is persisted anew when a table below it is written.
    refused = work.read(QUARANTINE.name).where(is_own).select("dataset", "file_modified_at", *LINE).localCheckpoint()
    bronze = work.read(work.cleaning.feed.bronze.name)
    checked = judge(bronze.join(F.broadcast(refused), list(LINE), how="left_semi"), work)
    if checked is None:
        return
    superseded, cleaned = part(checked, work)
    work.tables.merge(QUARANTINE, cleaned.quarantine)
    work.tables.merge(work.cleaning.silver, cleaned.silver)
    silver = work.read(work.cleaning.silver.name).select(*LINE)
    work.tables.remove(QUARANTINE.name, refused.join(silver, list(LINE), how="left_semi"), QUARANTINE.key)
    pieces = refused.select("source_file", day_written()).distinct()
    files = bronze.withColumn(DAY, day_written()).join(F.broadcast(pieces), ["source_file", DAY], how="left_semi")
    whole = judge(files.select(*bronze.columns), work)
    if whole is not None:
        keep_quality(whole, work)
        whole.unpersist()
    for kept in (superseded, checked):
        kept.unpersist()


def take_account(work: Work) -> Account:
    """Count, and insist that nothing is lost and nothing stands twice."""
    cleaning = work.cleaning
    dataset = cleaning.feed.dataset
    read = work.read(cleaning.feed.bronze.name).count()
    silver = work.read(cleaning.silver.name).count()
    alike = work.read(QUARANTINE.name).where(F.col("dataset") == dataset).groupBy("reasons").count()
    by_reason: Counter[str] = Counter()
    quarantined = 0
    for row in alike.collect():  # lines break rules in few ways
        quarantined += row["count"]
        by_reason.update(dict.fromkeys(row.reasons, row["count"]))
    if read != silver + quarantined:
        raise DataError(
            f"{dataset}: {read} lines were read, but {silver} are in silver and {quarantined} in quarantine; "
            f"expected the sum to be equal. If a replay was cut short, replay again. Else compare "
            f"{cleaning.feed.bronze.name} with both by source_file, line_number"
        )
    is_warning = (F.col("dataset") == dataset) & (F.col("severity") == Severity.WARNING.value) & (F.col("lines") > 0)
    warned = work.read(DATA_QUALITY.name).where(is_warning).groupBy("rule").agg(F.sum("lines").alias("lines"))
    by_warning = {row.rule: int(row.lines) for row in warned.orderBy("rule").collect()}  # one row a rule
    return Account(dataset, read, silver, quarantined, dict(sorted(by_reason.items())), by_warning)
