"""How far an amount lies from what its card usually spends, in mean absolute deviations of ordinary amounts.

A group of its own, which reads the usual amount of each row as computed: so its look-back stays that of its window.
"""

import numpy as np

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.groups.customer_habit import HABIT_DAYS, PLAIN_DAYS, is_ordinary
from fraud_detection.features.ratios import CENTS, divide
from fraud_detection.features.rows import EntityRows
from fraud_detection.features.spans import Floats

FEATURES = (
    Feature(
        "amount_deviation",
        "float64",
        "amount less the usual one, in mean absolute deviations of ordinary amounts; 0 at first",
        HABIT_DAYS,
        "events",
    ),
)


def compute_customer_deviation(rows: EntityRows) -> list[Floats]:
    """Measure each amount by the card's deviations, which are rounded to cents, so that their sums are exact."""
    before = rows.timeline.earlier_events(HABIT_DAYS)
    usual = np.rint(rows["customer_usual_amount"] * CENTS).astype(np.int64)
    off = (rows.amount_cents - usual) * (usual > 0)
    counted = is_ordinary(rows) & (usual > 0)
    mean_deviation = divide(before.sum(np.abs(off) * counted), before.sum(counted))
    return [divide(off, mean_deviation)]


GROUP = FeatureGroup(
    "customer_deviation",
    "customer_id",
    FEATURES,
    compute_customer_deviation,
    needs=("customer_usual_amount",),
    inner_days=PLAIN_DAYS,
)
