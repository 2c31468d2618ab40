"""How far an amount lies from what its card usually spends, in mean absolute deviations of ordinary amounts.

A group of its own, which reads the usual amount of each row as computed: so its look-back stays that of its window.
"""

import numpy as np
import polars as pl

from fraud_detection.features.feature import Feature, FeatureGroup, as_columns
from fraud_detection.features.groups.customer_habit import HABIT_DAYS, PLAIN_DAYS, is_ordinary
from fraud_detection.features.point_in_time import build_timeline
from fraud_detection.features.ratios import CENTS, divide
from fraud_detection.features.settings import FeatureSettings

FEATURES = (
    Feature(
        "amount_deviation",
        "float64",
        "amount less the usual one, in mean absolute deviations of ordinary amounts; 0 at first",
        HABIT_DAYS,
        "events",
    ),
)


def add_customer_deviation(rows: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """Measure each amount by the card's deviations, which are rounded to cents, so that their sums are exact."""
    timeline = build_timeline(rows, "customer_id", settings.label_delay_days)
    cents, before = rows["amount_cents"].to_numpy(), timeline.earlier_events(HABIT_DAYS)
    usual = np.rint(rows["customer_usual_amount"].to_numpy() * CENTS).astype(np.int64)
    off = (cents - usual) * (usual > 0)
    counted = is_ordinary(timeline, cents) & (usual > 0)
    mean_deviation = divide(before.sum(np.abs(off) * counted), before.sum(counted))
    return rows.with_columns(as_columns(FEATURES, [divide(off, mean_deviation)]))


GROUP = FeatureGroup(
    "customer_deviation",
    "customer_id",
    FEATURES,
    add_customer_deviation,
    needs=("customer_usual_amount",),
    inner_days=PLAIN_DAYS,
)
