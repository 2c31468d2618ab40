"""Whether all of bronze is published: what changes all tables asks first, for a line that waits would be left out."""

from collections.abc import Sequence

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from fraud_detection.data.cleaning import LINE
from fraud_detection.data.ingest import LABELS_FEED, TRANSACTIONS_FEED
from fraud_detection.errors import DataError
from fraud_detection.schemas import QUARANTINE, SILVER_LABELS, SILVER_TRANSACTIONS
from fraud_detection.tables import Tables

FEEDS = ((TRANSACTIONS_FEED, SILVER_TRANSACTIONS), (LABELS_FEED, SILVER_LABELS))


def refuse_unpublished(spark: SparkSession, tables: Tables, names: Sequence[str], advice: str) -> None:
    """Insist that each line of bronze is in silver or in quarantine.

    Args:
        names: of the tables that are there.
        advice: what to do then.

    Raises:
        DataError: some are in neither.
    """
    for feed, silver in FEEDS:
        if feed.bronze.name not in names:
            continue
        waiting = tables.read(spark, feed.bronze.name).select(*LINE)
        for name in {silver.name, QUARANTINE.name} & {*names}:
            published = tables.read(spark, name)
            own = published.where(F.col("dataset") == feed.dataset) if name == QUARANTINE.name else published
            waiting = waiting.join(own.select(*LINE), list(LINE), how="left_anti")
        count = waiting.count()
        if count:
            raise DataError(
                f"{count} lines of {feed.bronze.name} are neither in {silver.name} nor in {QUARANTINE.name}; expected "
                f"all of them there, for one that comes later would be as it was: {advice}, then run this again"
            )
