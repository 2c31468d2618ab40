"""How many of a terminal's transactions turned out to be fraud, as far as labels show it."""

import polars as pl

from fraud_detection.features.feature import Feature, FeatureGroup, as_columns
from fraud_detection.features.labels import visible_frauds
from fraud_detection.features.point_in_time import build_timeline
from fraud_detection.features.ratios import divide
from fraud_detection.features.settings import FeatureSettings

RISK_DAYS = (1, 7, 30)


def _risk_features(days: int) -> tuple[Feature, ...]:
    count = f"transactions at the terminal in {days} d that ended one label delay ago"
    share = f"share of frauds among the terminal's labels that became visible in the last {days} d; 0 without any"
    return (
        Feature(f"terminal_count_{days}d", "int32", count, days, "delayed events"),
        Feature(f"terminal_fraud_share_{days}d", "float64", share, days, "visible labels"),
    )


FEATURES = tuple(feature for days in RISK_DAYS for feature in _risk_features(days))


def add_terminal_risk(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Number of delayed transactions and share of visible frauds at the terminal over windows."""
    timeline = build_timeline(rows, "terminal_id", settings.label_delay_days)
    fraud = visible_frauds(rows, timeline)
    values = []
    for days in RISK_DAYS:
        labels = timeline.labels(days)
        values += [timeline.delayed_events(days).count, divide(labels.sum(fraud), labels.count)]
    return rows.with_columns(as_columns(FEATURES, values))


GROUP = FeatureGroup("terminal_risk", "terminal_id", FEATURES, add_terminal_risk)
