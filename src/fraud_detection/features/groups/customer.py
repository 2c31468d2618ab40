"""Features of a card's own past."""

import numpy as np
import polars as pl

from fraud_detection.features.feature import Feature
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY, Timeline, build_timeline
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


def add_customer_features(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Number and mean amount of the card's transactions over windows."""
    timeline = build_timeline(rows, "customer_id", settings.label_delay_days * MICROSECONDS_A_DAY)
    return rows.with_columns(*_spend_windows(rows, timeline))


def _spend_windows(rows: pl.DataFrame, timeline: Timeline) -> list[pl.Series]:
    cents = rows["amount_cents"].to_numpy()
    columns = []
    for days in SPEND_DAYS:
        window = timeline.events(days * MICROSECONDS_A_DAY)
        columns.append(pl.Series(f"customer_count_{days}d", window.count.astype(np.int32)))
        columns.append(pl.Series(f"customer_mean_amount_{days}d", mean_amount(window.sum(cents), window.count)))
    return columns
