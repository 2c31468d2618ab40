"""Unusual amounts of a card before this one: the mark of a theft, seen before any label tells."""

import numpy as np

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.groups.customer_habit import UNUSUAL
from fraud_detection.features.point_in_time import REACH_DAYS
from fraud_detection.features.ratios import divide
from fraud_detection.features.rows import EntityRows
from fraud_detection.features.spans import Ints, Numbers

COUNT_DAYS = (1, 7, 14)
SHARE_DAYS = (7, 14)
RATIO_DAYS = 3
PER_MILLE, LARGEST = 1000, 20

MEANING = f"of the card's amounts before this one that were over {UNUSUAL} times the usual"
FEATURES = (
    *(Feature(f"customer_unusual_count_{days}d", "int32", f"number {MEANING}", days, "events") for days in COUNT_DAYS),
    *(Feature(f"customer_unusual_share_{days}d", "float64", f"share {MEANING}", days, "events") for days in SHARE_DAYS),
    Feature("customer_mean_ratio_3d", "float64", f"mean amount_over_usual before, each {LARGEST} at most", 3, "events"),
    Feature("customer_days_since_unusual", "float64", f"days since the last {MEANING}", REACH_DAYS, "events"),
    Feature("customer_days_since_last", "float64", "days since the card's transaction before", REACH_DAYS, "events"),
)


def compute_customer_unusual(rows: EntityRows) -> list[Numbers]:
    """Count unusual amounts over windows, and the time since."""
    timeline, ratio = rows.timeline, rows["amount_over_usual"]
    unusual = ratio > UNUSUAL
    windows = {days: timeline.earlier_events(days) for days in (*COUNT_DAYS, RATIO_DAYS, REACH_DAYS)}
    recent, reach = windows[RATIO_DAYS], windows[REACH_DAYS]
    return [
        *(windows[days].sum(unusual) for days in COUNT_DAYS),
        *(divide(windows[days].sum(unusual), windows[days].count) for days in SHARE_DAYS),
        divide(recent.sum(_per_mille(ratio)), recent.count * PER_MILLE),
        timeline.days_since_event(reach.last(unusual)),
        timeline.days_since_event(reach.newest_position()),
    ]


def _per_mille(ratio: Numbers) -> Ints:
    """Whole numbers, so that sums are exact."""
    return np.rint(np.minimum(ratio, LARGEST) * PER_MILLE).astype(np.int64)


GROUP = FeatureGroup(
    "customer_unusual", "customer_id", FEATURES, compute_customer_unusual, needs=("amount_over_usual",)
)
