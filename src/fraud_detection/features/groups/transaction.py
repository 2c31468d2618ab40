"""Features that a transaction carries by itself."""

import polars as pl

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.ratios import major_units
from fraud_detection.features.settings import FeatureSettings

NIGHT_ENDS = 6
SATURDAY = 6

FEATURES = (
    Feature("amount", "float64", "amount in major units of the currency"),
    Feature("is_weekend", "int32", "1 on Saturday and Sunday, UTC"),
    Feature("is_night", "int32", f"1 where the hour is {NIGHT_ENDS} or less, UTC"),
)


def add_transaction_features(rows: pl.DataFrame, _settings: FeatureSettings) -> pl.DataFrame:
    """Amount, weekend and night."""
    time = pl.col("event_time").dt
    return rows.with_columns(
        major_units(rows["amount_cents"]).alias("amount"),
        (time.weekday() >= SATURDAY).cast(pl.Int32).alias("is_weekend"),
        (time.hour() <= NIGHT_ENDS).cast(pl.Int32).alias("is_night"),
    )


GROUP = FeatureGroup("transaction", "transaction_id", FEATURES, add_transaction_features)
