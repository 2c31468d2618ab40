"""The history that a stream computes features from: the table of features, and what came after it was built."""

from dataclasses import replace

import polars as pl
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.features.contract import KEYS
from fraud_detection.features.frames import as_keys, to_polars, to_spark
from fraud_detection.features.table import feature_table
from fraud_detection.schemas import RECENT_FEATURES, SILVER_TRANSACTIONS, TRANSACTION_FEATURES, TableSchema
from fraud_detection.tables import Tables


def recent_table() -> TableSchema:
    """Features that the stream computed, of transactions that the table of features does not have, or not as they are.

    A table of its own, so that the stream and the job that builds features never write to the same one.
    """
    comment = "Features that the stream computed and feature_build has not published yet"
    return replace(feature_table(), name=RECENT_FEATURES, comment=comment)


class RecentHistory:
    """What is stored of features, the stream's own rows in front."""

    def __init__(self, spark: SparkSession, tables: Tables) -> None:
        """Nothing has been looked at yet."""
        self._spark, self._tables = spark, tables
        self._settled_with: int | None = None

    def read(self) -> DataFrame:
        """One row a transaction; of one that both tables have, the stream's."""
        recent = self._tables.read(self._spark, RECENT_FEATURES)
        ids = F.broadcast(recent.select("transaction_id"))  # those of a day or so
        published = self._published().select(*recent.columns)
        return published.join(ids, "transaction_id", how="left_anti").unionByName(recent)

    def settle(self) -> pl.DataFrame:
        """Where features were built since the last call: let go of what was published, and find what is not.

        Returns:
            The keys of transactions in silver, from the last day of the table on, that have no features; with the
            stream's first batch those that came before it, and later those that a table made anew left out.
        """
        version = self._tables.version(self._spark, TRANSACTION_FEATURES)
        if version == self._settled_with:
            return to_polars(self._silver().limit(0))
        recent = self._tables.read(self._spark, RECENT_FEATURES)
        published = recent.join(self._published(), list(KEYS), how="left_semi")
        self._tables.remove(RECENT_FEATURES, published, recent_table().key)
        missing = to_polars(self._without_features())
        self._settled_with = version
        return missing

    def keep(self, features: pl.DataFrame) -> None:
        """Store what was computed, so that later batches see it."""
        dated = to_spark(self._spark, features).withColumn("event_date", F.to_date("event_time"))
        self._tables.merge(recent_table(), dated)

    def _published(self) -> DataFrame:
        return self._tables.read(self._spark, TRANSACTION_FEATURES)

    def _silver(self) -> DataFrame:
        silver = self._tables.read(self._spark, SILVER_TRANSACTIONS.name)
        return as_keys(silver)

    def _without_features(self) -> DataFrame:
        last_day = self._published().agg(F.max("event_date")).collect()[0][0]  # one row
        silver = self._tables.read(self._spark, SILVER_TRANSACTIONS.name)
        since = silver if last_day is None else silver.where(F.col("event_date") >= F.lit(last_day))
        return as_keys(since).join(self.read().select("transaction_id"), "transaction_id", how="left_anti")
