"""What alerts saved, by day and version: predictions, the labels that are known by now, and the cost of a mistake."""

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from fraud_detection.data.gold import find_touched_days
from fraud_detection.models.costs import CostSettings
from fraud_detection.schemas import GOLD_SAVINGS, PREDICTIONS, SILVER_LABELS
from fraud_detection.tables import Tables

BY = ("event_date", "model_name", "model_version", "variant")
MONEY = "DECIMAL(20,2)"


def refresh_savings(spark: SparkSession, tables: Tables, costs: CostSettings) -> None:
    """Bring the table up to predictions, labels and settings, in one commit; only days that changed are made anew."""
    tables.ensure(spark, GOLD_SAVINGS)
    predictions, labels = (tables.read(spark, name) for name in (PREDICTIONS.name, SILVER_LABELS.name))
    savings = tables.read(spark, GOLD_SAVINGS.name)
    stamped = predictions.withColumnRenamed("scored_at", "updated_at")
    days = set(find_touched_days(stamped, labels, savings))
    days |= {row.event_date for row in savings.where(~_of_these(costs)).select("event_date").distinct().collect()}
    if days:
        rows = summarise(predictions.where(F.col("event_date").isin(sorted(days))), labels, costs)
        tables.replace_where(GOLD_SAVINGS, rows, "event_date", [str(day) for day in sorted(days)])


def summarise(predictions: DataFrame, labels: DataFrame, costs: CostSettings) -> DataFrame:
    """Counts and sums; as in `models.costs`, the highest scores of a day are reviewed, as many as people can do."""
    known = labels.select("transaction_id", "is_fraud", F.col("updated_at").alias("labelled_at"))
    rows = predictions.join(known, "transaction_id", how="left")
    ranked = Window.partitionBy(*BY).orderBy(F.desc("probability"), "transaction_id")
    is_fraud = F.coalesce("is_fraud", F.lit(False))
    is_reviewed = F.col("is_alert") & (F.col("place") <= costs.reviews_a_day)
    judged = rows.withColumn("place", F.row_number().over(ranked)).withColumns(
        {"is_fraud_known": is_fraud, "is_reviewed": is_reviewed, "is_caught": is_reviewed & is_fraud}
    )
    summed = judged.groupBy(*BY).agg(
        F.count("*").alias("transactions"),
        F.count("is_fraud").alias("labelled"),
        F.count_if("is_fraud_known").alias("frauds"),
        F.count_if("is_alert").alias("alerts"),
        F.count_if("is_reviewed").alias("reviewed"),
        F.count_if("is_caught").alias("caught"),
        _sum_where("is_fraud_known").alias("fraud_amount"),
        _sum_where("is_caught").alias("caught_amount"),
        F.max(F.greatest("scored_at", "labelled_at")).alias("silver_updated_at"),
    )
    prevented = F.col("caught_amount").cast("DOUBLE") * costs.loss_share
    saving = prevented - F.col("reviewed") * costs.review_cost
    return summed.withColumns({"saving": saving, **_settings(costs)}).select(*GOLD_SAVINGS.column_names)


def _sum_where(condition: str) -> Column:
    return F.sum(F.when(F.col(condition), F.col("amount")).otherwise(0)).cast(MONEY)


def _settings(costs: CostSettings) -> dict[str, Column]:
    return {
        "review_cost": F.lit(float(costs.review_cost)),
        "loss_share": F.lit(float(costs.loss_share)),
        "reviews_a_day": F.lit(costs.reviews_a_day).cast("bigint"),
    }


def _of_these(costs: CostSettings) -> Column:
    same = [F.col(name) == value for name, value in _settings(costs).items()]
    return same[0] & same[1] & same[2]
