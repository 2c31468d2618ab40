"""How an amount compares with what its card usually spends, without any label.

The usual amount is the mean of the card's *ordinary* earlier amounts: an amount is ordinary unless it exceeds
`UNUSUAL` times the plain mean of the days before it. So a thief's amounts don't raise the measure that finds them,
and it needs sums only, where a median would need all the amounts.
"""

import numpy as np

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.ratios import CENTS, divide
from fraud_detection.features.rows import EntityRows
from fraud_detection.features.spans import Bools, Numbers

UNUSUAL = 2.5
PLAIN_DAYS = 30
HABIT_DAYS = 60

FEATURES = (
    Feature("customer_count_60d", "int32", "transactions of the card before this one", HABIT_DAYS, "events"),
    Feature(
        "customer_usual_amount", "float64", "mean ordinary amount of the card before; 0 at first", HABIT_DAYS, "events"
    ),
    Feature("amount_over_usual", "float64", "amount as a multiple of the usual one; 1 at first", HABIT_DAYS, "events"),
)


def compute_customer_habit(rows: EntityRows) -> list[Numbers]:
    """Compare each amount with the card's usual one."""
    cents, before, ordinary = rows.amount_cents, rows.timeline.earlier_events(HABIT_DAYS), is_ordinary(rows)
    usual = divide(before.sum(cents * ordinary), before.sum(ordinary))
    return [before.count, usual / CENTS, divide(cents, usual, default=1.0)]


def is_ordinary(rows: EntityRows) -> Bools:
    """Which amounts do not exceed UNUSUAL times the plain mean of the days before them."""
    plain = rows.timeline.earlier_events(PLAIN_DAYS)
    limit = UNUSUAL * divide(plain.sum(rows.amount_cents), plain.count, default=np.inf)
    return np.less_equal(rows.amount_cents, limit)


GROUP = FeatureGroup("customer_habit", "customer_id", FEATURES, compute_customer_habit, inner_days=PLAIN_DAYS)
