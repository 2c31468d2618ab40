"""Frauds of a card that are known by now."""

import polars as pl

from fraud_detection.features.feature import Feature, as_columns
from fraud_detection.features.groups.customer_habit import UNUSUAL
from fraud_detection.features.labels import visible, visible_frauds
from fraud_detection.features.point_in_time import REACH_DAYS, build_timeline
from fraud_detection.features.settings import FeatureSettings

FRAUD_DAYS = (7, 30)
FEATURES = (
    *(
        Feature(
            f"customer_fraud_count_{days}d", "int32", "frauds of the card that became visible", days, "visible labels"
        )
        for days in FRAUD_DAYS
    ),
    Feature(
        "customer_days_since_fraud", "float64", "days since the card's last visible fraud", REACH_DAYS, "visible labels"
    ),
    Feature(
        "customer_days_since_unusual_fraud",
        "float64",
        "days since the card's last visible fraud with an unusual amount, which tells of a stolen card",
        REACH_DAYS,
        "visible labels",
    ),
)


def add_customer_frauds(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Count visible frauds of the card over windows, and the time since."""
    timeline = build_timeline(rows, "customer_id", settings.label_delay_days)
    fraud = visible_frauds(rows, timeline)
    unusual = visible(rows["amount_over_usual"] > UNUSUAL, timeline)
    reach = timeline.labels(REACH_DAYS)
    values = [
        *(timeline.labels(days).sum(fraud) for days in FRAUD_DAYS),
        timeline.days_since_labelled(reach.last(fraud)),
        timeline.days_since_labelled(reach.last(fraud & unusual)),
    ]
    return rows.with_columns(as_columns(FEATURES, values))
