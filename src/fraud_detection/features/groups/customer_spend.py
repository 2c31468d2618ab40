"""How often and how much a card spends."""

import polars as pl

from fraud_detection.features.feature import Feature, FeatureGroup, as_columns
from fraud_detection.features.point_in_time import build_timeline
from fraud_detection.features.ratios import mean_amount
from fraud_detection.features.settings import FeatureSettings

SPEND_DAYS = (1, 7, 30)


def _spend_features(days: int) -> tuple[Feature, ...]:
    seen = f"in the last {days} d, this one included"
    return (
        Feature(f"customer_count_{days}d", "int32", f"transactions of the card {seen}", days, "events"),
        Feature(f"customer_mean_amount_{days}d", "float64", f"mean amount of the card {seen}", days, "events"),
    )


FEATURES = tuple(feature for days in SPEND_DAYS for feature in _spend_features(days))


def add_customer_spend(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Number and mean amount of the card's transactions over windows."""
    timeline = build_timeline(rows, "customer_id", settings.label_delay_days)
    cents = rows["amount_cents"].to_numpy()
    values = []
    for days in SPEND_DAYS:
        window = timeline.events(days)
        values += [window.count, mean_amount(window.sum(cents), window.count)]
    return rows.with_columns(as_columns(FEATURES, values))


GROUP = FeatureGroup("customer_spend", "customer_id", FEATURES, add_customer_spend)
