"""Features that a transaction carries by itself."""

import numpy as np

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY
from fraud_detection.features.ratios import major_units
from fraud_detection.features.rows import EntityRows
from fraud_detection.features.spans import Numbers

NIGHT_ENDS = 6
SATURDAY = 6
MICROSECONDS_AN_HOUR = MICROSECONDS_A_DAY // 24
THURSDAY = 4  # 1970-01-01 was one

FEATURES = (
    Feature("amount", "float64", "amount in major units of the currency"),
    Feature("is_weekend", "int32", "1 on Saturday and Sunday, UTC"),
    Feature("is_night", "int32", f"1 where the hour is {NIGHT_ENDS} or less, UTC"),
)


def compute_transaction_features(rows: EntityRows) -> list[Numbers]:
    """Amount, weekend and night."""
    day, of_day = np.divmod(rows.event_time, MICROSECONDS_A_DAY)
    weekday = (day + THURSDAY - 1) % 7 + 1
    return [major_units(rows.amount_cents), weekday >= SATURDAY, of_day // MICROSECONDS_AN_HOUR <= NIGHT_ENDS]


GROUP = FeatureGroup("transaction", "transaction_id", FEATURES, compute_transaction_features)
