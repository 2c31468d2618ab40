"""What happens at a terminal now, without any label."""

import polars as pl

from fraud_detection.features.feature import Feature, as_columns
from fraud_detection.features.groups.customer_habit import UNUSUAL
from fraud_detection.features.point_in_time import REACH_DAYS, build_timeline
from fraud_detection.features.ratios import mean_amount
from fraud_detection.features.settings import FeatureSettings

FEATURES = (
    Feature("terminal_recent_count_7d", "int32", "transactions at the terminal, this one included", 7, "events"),
    Feature("terminal_unusual_count_7d", "int32", "amounts before that were unusual for their cards", 7, "events"),
    Feature("terminal_mean_amount_30d", "float64", "mean amount at the terminal, this one included", 30, "events"),
    Feature(
        "terminal_days_since_last", "float64", "days since the terminal's transaction before", REACH_DAYS, "events"
    ),
)


def add_terminal_traffic(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Recent traffic at the terminal, up to this row."""
    timeline = build_timeline(rows, "terminal_id", settings.label_delay_days)
    cents = rows["amount_cents"].to_numpy()
    unusual = (rows["amount_over_usual"] > UNUSUAL).to_numpy()
    month = timeline.events(30)
    values = [
        timeline.events(7).count,
        timeline.earlier_events(7).sum(unusual),
        mean_amount(month.sum(cents), month.count),
        timeline.days_since_event(timeline.earlier_events(REACH_DAYS).newest_position()),
    ]
    return rows.with_columns(as_columns(FEATURES, values))
