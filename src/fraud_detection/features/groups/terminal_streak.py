"""The streak of frauds at a terminal, as far as labels show it.

A tampered terminal shows as frauds in a row whose amounts are ordinary for their cards; frauds with unusual amounts
tell of stolen cards and are left out. A streak is the ordinary frauds since the last legitimate label.
"""

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.groups.customer_habit import UNUSUAL
from fraud_detection.features.point_in_time import REACH_DAYS
from fraud_detection.features.ratios import divide
from fraud_detection.features.rows import EntityRows
from fraud_detection.features.spans import Numbers

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


def compute_terminal_streak(rows: EntityRows) -> list[Numbers]:
    """Length and age of the terminal's visible streak of frauds."""
    timeline, fraud = rows.timeline, rows.visible(rows.is_fraud)
    ordinary = fraud & ~rows.visible(rows["amount_over_usual"] > UNUSUAL)
    reach, recent = timeline.labels(REACH_DAYS), timeline.labels(RECENT_DAYS)
    last_legitimate, last_fraud = reach.last(~fraud), reach.last(ordinary)
    streak = reach.after(last_legitimate)
    return [
        streak.sum(ordinary),
        timeline.days_since_labelled(streak.first(ordinary)),
        timeline.days_since_labelled(last_legitimate),
        timeline.days_since_labelled(last_fraud),
        reach.after(last_fraud).sum(~fraud),
        divide(recent.sum(ordinary), recent.count),
        timeline.days_since_labelled(recent.first(ordinary)),
        reach.newest(NEWEST).sum(ordinary),
    ]


GROUP = FeatureGroup("terminal_streak", "terminal_id", FEATURES, compute_terminal_streak, needs=("amount_over_usual",))
