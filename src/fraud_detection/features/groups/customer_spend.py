"""How often and how much a card spends."""

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.ratios import mean_amount
from fraud_detection.features.rows import EntityRows
from fraud_detection.features.spans import Numbers

SPEND_DAYS = (1, 7, 30)


def _spend_features(days: int) -> tuple[Feature, ...]:
    seen = f"in the last {days} d, this one included"
    return (
        Feature(f"customer_count_{days}d", "int32", f"transactions of the card {seen}", days, "events"),
        Feature(f"customer_mean_amount_{days}d", "float64", f"mean amount of the card {seen}", days, "events"),
    )


FEATURES = tuple(feature for days in SPEND_DAYS for feature in _spend_features(days))


def compute_customer_spend(rows: EntityRows) -> list[Numbers]:
    """Number and mean amount of the card's transactions over windows."""
    values: list[Numbers] = []
    for days in SPEND_DAYS:
        window = rows.timeline.events(days)
        values += [window.count, mean_amount(window.sum(rows.amount_cents), window.count)]
    return values


GROUP = FeatureGroup("customer_spend", "customer_id", FEATURES, compute_customer_spend)
