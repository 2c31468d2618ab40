"""Aggregates of silver by day, for people and BI; only days that changed are computed anew."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.schemas import GOLD_DAYS, GOLD_TERMINAL_DAYS, SILVER_LABELS, SILVER_TRANSACTIONS
from fraud_detection.tables import Tables

BANDS = (10, 50, 100, 220)
"""Upper ends of the bands of amounts, left out themselves; the last is where the simulator's first fraud begins."""
OWN_COLUMN = {GOLD_DAYS.name: "amount_band", GOLD_TERMINAL_DAYS.name: "terminal_id"}


def refresh_gold(spark: SparkSession, tables: Tables) -> None:
    """Bring the aggregates up to silver, each table in one commit; where nothing changed, none is written."""
    for table in (GOLD_DAYS, GOLD_TERMINAL_DAYS):
        tables.ensure(spark, table)
        silver, labels = (tables.read(spark, name) for name in (SILVER_TRANSACTIONS.name, SILVER_LABELS.name))
        days = find_touched_days(silver, labels, tables.read(spark, table.name))
        if days:
            is_touched = F.col("event_date").isin(days)
            rows = summarise(silver.where(is_touched), labels, OWN_COLUMN[table.name])
            tables.replace_where(table, rows, "event_date", [str(day) for day in days])


def find_touched_days(silver: DataFrame, labels: DataFrame, gold: DataFrame) -> Sequence[date]:
    """The days whose transactions or labels are not those that gold was made from.

    A row that is new or other is newer than gold. A row that moved to another day leaves a day with too few.
    """
    latest = gold.agg(F.max("silver_updated_at")).collect()[0][0]  # one row
    is_newer = F.lit(True) if latest is None else F.coalesce(F.col("updated_at") > F.lit(latest), F.lit(False))
    newly_labelled = labels.where(is_newer).select("transaction_id")
    changed = [
        silver.where(is_newer).select("event_date"),
        silver.join(newly_labelled, "transaction_id", how="left_semi").select("event_date"),
        _days_with_other_counts(silver, gold),
    ]
    touched = changed[0].unionByName(changed[1]).unionByName(changed[2]).distinct()
    return sorted(row.event_date for row in touched.collect())  # one row a day


def _days_with_other_counts(silver: DataFrame, gold: DataFrame) -> DataFrame:
    there = silver.groupBy("event_date").agg(F.count("*").alias("there"))
    known = gold.groupBy("event_date").agg(F.sum("transactions").alias("known"))
    return there.join(known, "event_date", how="full").where("NOT (there <=> known)").select("event_date")


def summarise(transactions: DataFrame, labels: DataFrame, by: str) -> DataFrame:
    """Counts and sums by day and one other column, over transactions and what is known of them."""
    known = labels.select("transaction_id", "is_fraud", F.col("updated_at").alias("labelled_at"))
    rows = transactions.join(known, "transaction_id", how="left").withColumn("amount_band", amount_band())
    is_fraud = F.coalesce("is_fraud", F.lit(False))
    total = "DECIMAL(20,2)"
    return rows.groupBy("event_date", by).agg(
        F.count("*").alias("transactions"),
        F.count("is_fraud").alias("labelled"),
        F.count_if(is_fraud).alias("frauds"),
        F.sum("amount").cast(total).alias("amount"),
        F.sum(F.when(is_fraud, F.col("amount")).otherwise(0)).cast(total).alias("fraud_amount"),
        F.max(F.greatest("updated_at", "labelled_at")).alias("silver_updated_at"),
    )


def amount_band() -> Column:
    """The band of an amount as text that sorts as the bands do."""
    lower = (0, *BANDS)
    band = F.lit(f"{BANDS[-1]:05} and more")
    for low, high in reversed(list(zip(lower, BANDS, strict=False))):
        band = F.when(F.col("amount") < high, F.lit(f"{low:05} to {high:05}")).otherwise(band)
    return band
