"""How an amount compares with what its card usually spends, without any label.

The usual amount is the mean of the card's *ordinary* earlier amounts: an amount is ordinary unless it exceeds
`UNUSUAL` times the plain mean of the days before it. So a thief's amounts don't raise the measure that finds them,
and it needs sums only, where a median would need all the amounts.
"""

import numpy as np
import polars as pl

from fraud_detection.features.feature import Feature, FeatureGroup, as_columns
from fraud_detection.features.point_in_time import Timeline, build_timeline
from fraud_detection.features.ratios import CENTS, divide
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spans import Bools, Floats, Ints, Span

UNUSUAL = 2.5
PLAIN_DAYS = 30
HABIT_DAYS = 60

FEATURES = (
    Feature("customer_count_60d", "int32", "transactions of the card before this one", HABIT_DAYS, "events"),
    Feature(
        "customer_usual_amount", "float64", "mean ordinary amount of the card before; 0 at first", HABIT_DAYS, "events"
    ),
    Feature("amount_over_usual", "float64", "amount as a multiple of the usual one; 1 at first", HABIT_DAYS, "events"),
    Feature(
        "amount_deviation",
        "float64",
        "amount less the usual one, in mean absolute deviations of ordinary amounts; 0 at first",
        HABIT_DAYS,
        "events",
    ),
)


def add_customer_habit(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Compare each amount with the card's usual one."""
    timeline = build_timeline(rows, "customer_id", settings.label_delay_days)
    cents = rows["amount_cents"].to_numpy()
    before = timeline.earlier_events(HABIT_DAYS)
    ordinary = _is_ordinary(timeline, cents)
    usual = divide(before.sum(cents * ordinary), before.sum(ordinary))
    ratio = divide(cents, usual, default=1.0)
    values = [before.count, usual / CENTS, ratio, _deviation(before, cents, usual, ordinary)]
    return rows.with_columns(as_columns(FEATURES, values))


def _is_ordinary(timeline: Timeline, cents: Ints) -> Bools:
    plain = timeline.earlier_events(PLAIN_DAYS)
    limit = UNUSUAL * divide(plain.sum(cents), plain.count, default=np.inf)
    return np.less_equal(cents, limit)


def _deviation(before: Span, cents: Ints, usual: Floats, ordinary: Bools) -> Floats:
    """Deviations are rounded to cents, so that their sums are exact."""
    off = cents - np.rint(usual).astype(np.int64)
    counted = ordinary & (usual > 0)
    mean_deviation = divide(before.sum(np.abs(off) * counted), before.sum(counted))
    return divide(off * (usual > 0), mean_deviation)


GROUP = FeatureGroup("customer_habit", "customer_id", FEATURES, add_customer_habit)
