"""How many of a terminal's transactions turned out to be fraud, as far as labels show it."""

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.ratios import divide
from fraud_detection.features.rows import EntityRows
from fraud_detection.features.spans import Numbers

RISK_DAYS = (1, 7, 30)


def _risk_features(days: int) -> tuple[Feature, ...]:
    count = f"transactions at the terminal in {days} d that ended one label delay ago"
    share = f"share of frauds among the terminal's labels that became visible in the last {days} d; 0 without any"
    return (
        Feature(f"terminal_count_{days}d", "int32", count, days, "delayed events"),
        Feature(f"terminal_fraud_share_{days}d", "float64", share, days, "visible labels"),
    )


FEATURES = tuple(feature for days in RISK_DAYS for feature in _risk_features(days))


def compute_terminal_risk(rows: EntityRows) -> list[Numbers]:
    """Number of delayed transactions and share of visible frauds at the terminal over windows."""
    fraud = rows.visible(rows.is_fraud)
    values: list[Numbers] = []
    for days in RISK_DAYS:
        labels = rows.timeline.labels(days)
        values += [rows.timeline.delayed_events(days).count, divide(labels.sum(fraud), labels.count)]
    return values


GROUP = FeatureGroup("terminal_risk", "terminal_id", FEATURES, compute_terminal_risk)
