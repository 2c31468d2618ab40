"""The road from the landing folder to silver, in steps that may be killed and run again at any point."""

from dataclasses import dataclass

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import LABELS, TRANSACTIONS, Cleaning, check_lines, find_superseded, separate
from fraud_detection.data.ingest import checkpoint_path, ingest_files, run_to_end
from fraud_detection.errors import DataError
from fraud_detection.schemas import QUARANTINE
from fraud_detection.tables import Tables


@dataclass(frozen=True)
class Account:
    """Where the lines of one dataset are: each one that was read is in silver or in quarantine."""

    dataset: str
    read: int
    silver: int
    quarantined: int
    by_reason: dict[str, int]


def prepare(
    spark: SparkSession, landing: str, checkpoints: str, tables: Tables, settings: DataSettings
) -> list[Account]:
    """Take in all new files and publish their rows.

    Raises:
        DataError: a line is neither in silver nor in quarantine, or in both.
    """
    tables.create_schema(spark)
    accounts = []
    for cleaning in (TRANSACTIONS, LABELS):
        for table in (cleaning.feed.bronze, cleaning.silver, QUARANTINE):
            tables.ensure(spark, table)
        ingest_files(spark, cleaning.feed, landing, checkpoints, tables, settings)
        clean_lines(spark, cleaning, checkpoints, tables, settings)
        accounts.append(take_account(spark, cleaning, tables))
    return accounts


def clean_lines(
    spark: SparkSession, cleaning: Cleaning, checkpoints: str, tables: Tables, settings: DataSettings
) -> None:
    """Publish the bronze lines that have not been published yet."""
    involved = (cleaning.feed.bronze.name, cleaning.silver.name, QUARANTINE.name)
    identities = [tables.identity(spark, name) for name in involved]

    def publish(batch: DataFrame, _batch_id: int) -> None:
        publish_batch(batch, cleaning, tables, settings)

    run_to_end(
        spark.readStream.table(tables.name(cleaning.feed.bronze.name))
        .writeStream.foreachBatch(publish)
        .option("checkpointLocation", checkpoint_path(checkpoints, cleaning.silver.name, *identities))
        .trigger(availableNow=True)
        .start()
    )


def publish_batch(batch: DataFrame, cleaning: Cleaning, tables: Tables, settings: DataSettings) -> None:
    """Write one batch. Quarantine first: it needs the versions that silver is about to lose."""
    spark = batch.sparkSession
    headers = [row.header for row in batch.select("header").distinct().collect()]  # as many as kinds of files
    if not headers:
        return
    checked = check_lines(batch, cleaning, headers, settings).persist(StorageLevel.MEMORY_AND_DISK)
    silver = tables.read(spark, cleaning.silver.name)
    superseded = find_superseded(checked, silver, cleaning).persist(StorageLevel.MEMORY_AND_DISK)
    cleaned = separate(checked, superseded, tables.read(spark, cleaning.feed.bronze.name), cleaning)
    tables.add_missing(QUARANTINE, cleaned.quarantine)
    tables.merge(cleaning.silver, cleaned.silver)
    superseded.unpersist()
    checked.unpersist()


def take_account(spark: SparkSession, cleaning: Cleaning, tables: Tables) -> Account:
    """Count, and insist that nothing is lost and nothing stands twice."""
    dataset = cleaning.feed.dataset
    read = tables.read(spark, cleaning.feed.bronze.name).count()
    silver = tables.read(spark, cleaning.silver.name).count()
    quarantine = tables.read(spark, QUARANTINE.name).where(F.col("dataset") == dataset)
    quarantined = quarantine.count()
    counted = quarantine.select(F.explode("reasons").alias("reason")).groupBy("reason").count()
    by_reason = {row["reason"]: int(row["count"]) for row in counted.orderBy("reason").collect()}  # one row a rule
    if read != silver + quarantined:
        raise DataError(
            f"{dataset}: {read} lines were read, but {silver} are in silver and {quarantined} in quarantine; "
            f"expected the sum to be equal. Compare {cleaning.feed.bronze.name} with both by source_file, line_number"
        )
    return Account(dataset, read, silver, quarantined, by_reason)
