"""Features of a terminal's past, as far as labels show it."""

import numpy as np
import polars as pl

from fraud_detection.features.feature import Feature
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY, Timeline, build_timeline
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


def add_terminal_features(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Number of delayed transactions and share of visible frauds at the terminal over windows."""
    timeline = build_timeline(rows, "terminal_id", settings.label_delay_days * MICROSECONDS_A_DAY)
    return rows.with_columns(*_risk_windows(rows, timeline))


def _risk_windows(rows: pl.DataFrame, timeline: Timeline) -> list[pl.Series]:
    frauds = rows["is_fraud"].fill_null(value=False).to_numpy()[timeline.label_rows]
    columns = []
    for days in RISK_DAYS:
        width = days * MICROSECONDS_A_DAY
        labels = timeline.labels(width)
        count = timeline.delayed_events(width).count
        columns.append(pl.Series(f"terminal_count_{days}d", count.astype(np.int32)))
        columns.append(pl.Series(f"terminal_fraud_share_{days}d", divide(labels.sum(frauds), labels.count)))
    return columns
