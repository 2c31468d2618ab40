"""The streak of frauds at a terminal, as far as labels show it.

A tampered terminal shows as frauds in a row whose amounts are ordinary for their cards; frauds with unusual amounts
tell of stolen cards and are left out. A streak is the ordinary frauds since the last legitimate label.
"""

import polars as pl

from fraud_detection.features.feature import Feature, FeatureGroup, as_columns
from fraud_detection.features.groups.customer_habit import UNUSUAL
from fraud_detection.features.labels import visible, visible_frauds
from fraud_detection.features.point_in_time import REACH_DAYS, build_timeline
from fraud_detection.features.ratios import divide
from fraud_detection.features.settings import FeatureSettings

RECENT_DAYS = 28
NEWEST = 3


def _feature(name: str, kind: str, description: str, days: int = REACH_DAYS) -> Feature:
    return Feature(f"terminal_{name}", "int32" if kind == "count" else "float64", description, days, "visible labels")


FEATURES = (
    _feature("streak_length", "count", "ordinary frauds since the terminal's last legitimate label"),
    _feature("streak_age", "days", "days since the first transaction of the streak"),
    _feature("days_since_legitimate", "days", "days since the last transaction with a legitimate label"),
    _feature("days_since_ordinary_fraud", "days", "days since the last ordinary fraud"),
    _feature("legitimate_since_fraud", "count", "legitimate labels since the last ordinary fraud, or in the window"),
    _feature("ordinary_fraud_share_28d", "share", "share of ordinary frauds among labels", RECENT_DAYS),
    _feature("first_fraud_age_28d", "days", "days since the first ordinary fraud of the window", RECENT_DAYS),
    _feature("frauds_in_last_3", "count", f"ordinary frauds among the {NEWEST} newest labels"),
)


def add_terminal_streak(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Length and age of the terminal's visible streak of frauds."""
    timeline = build_timeline(rows, "terminal_id", settings.label_delay_days)
    fraud = visible_frauds(rows, timeline)
    ordinary = fraud & ~visible(rows["amount_over_usual"] > UNUSUAL, timeline)
    reach, recent = timeline.labels(REACH_DAYS), timeline.labels(RECENT_DAYS)
    last_legitimate, last_fraud = reach.last(~fraud), reach.last(ordinary)
    streak = reach.after(last_legitimate)
    values = [
        streak.sum(ordinary),
        timeline.days_since_labelled(streak.first(ordinary)),
        timeline.days_since_labelled(last_legitimate),
        timeline.days_since_labelled(last_fraud),
        reach.after(last_fraud).sum(~fraud),
        divide(recent.sum(ordinary), recent.count),
        timeline.days_since_labelled(recent.first(ordinary)),
        reach.newest(NEWEST).sum(ordinary),
    ]
    return rows.with_columns(as_columns(FEATURES, values))


GROUP = FeatureGroup("terminal_streak", "terminal_id", FEATURES, add_terminal_streak, needs=("amount_over_usual",))
