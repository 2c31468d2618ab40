"""Every feature of a row follows from the history of its own time; what looks ahead is found."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_detection.errors import LeakageError
from fraud_detection.features.audit import draw_sample, find_differences, find_leaks, refuse_leaks
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.single_node import compute_features


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_no_feature_looks_ahead(data, histories):
    history = data.draw(histories.filter(lambda frame: frame.height > 0))
    leaks = find_leaks(history, compute_features, sample=history.height)
    assert leaks.is_empty(), leaks


def test_no_feature_looks_ahead_in_a_small_world(small_world):
    refuse_leaks(small_world, compute_features, sample=40)


def compute_with_labels_at_once(history):
    """Trusts every label as soon as the delay of a day is over, whenever it became known."""
    at_once = history.with_columns(known_at="event_time")
    return compute_features(at_once, FeatureSettings(label_delay_days=1))


def compute_with_own_label(history):
    own = history.select("transaction_id", "is_fraud")
    shown = pl.col("terminal_streak_length") + pl.col("is_fraud").fill_null(value=False).cast(pl.Int32)
    features = compute_features(history).join(own, on="transaction_id", how="left", maintain_order="left")
    return features.with_columns(shown.alias("terminal_streak_length")).drop("is_fraud")


def compute_with_later_rows(history):
    total = pl.len().over("customer_id").cast(pl.Int32)
    return compute_features(history).with_columns(total.alias("customer_count_60d"))


@pytest.mark.parametrize(
    ("compute", "feature"),
    [
        (compute_with_labels_at_once, "terminal_fraud_share_7d"),
        (compute_with_own_label, "terminal_streak_length"),
        (compute_with_later_rows, "customer_count_60d"),
    ],
)
def test_a_planted_leak_is_caught(small_world, compute, feature):
    with pytest.raises(LeakageError, match=feature):
        refuse_leaks(small_world, compute, sample=60)


def compute_with_delay(days, known_after):
    """Labels that are visible `days` after their transaction, and known `known_after` it."""

    def compute(history):
        settings = FeatureSettings()
        object.__setattr__(settings, "label_delay_days", days)  # the settings refuse 0
        return compute_features(history.with_columns(known_at=pl.col("event_time") + known_after), settings)

    return compute


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(compute_with_delay(3, timedelta(days=3)), id="delay of 3 days"),
        pytest.param(compute_with_delay(0, timedelta(microseconds=1)), id="no delay, own label left out"),
        pytest.param(compute_with_delay(0, timedelta()), id="no delay, own label included"),
        pytest.param(compute_with_delay(7, timedelta(days=7)), id="late labels taken as on time"),
        pytest.param(compute_with_delay(8, timedelta(days=8)), id="a day too careful"),
    ],
)
def test_published_rows_that_knew_labels_at_another_time_are_found(small_world, compute):
    honest = draw_sample(compute_features(small_world), 40)
    assert find_differences(honest, small_world, compute_features).is_empty()
    published = draw_sample(compute(small_world), 40)
    differences = find_differences(published, small_world, compute_features)
    assert differences.height > 0
    assert all(name.startswith("terminal_") for name in differences["feature"])


def test_a_late_label_is_not_seen_before_it_is_known(make_history):
    rows = [{"is_fraud": True, "late_hours": 24 * 20}, *({"hours": 24 * day} for day in (8, 20, 28))]
    features = compute_features(make_history(rows))
    assert features["terminal_days_since_ordinary_fraud"].to_list() == [60, 60, 60, 28]
    assert features["terminal_fraud_share_7d"].to_list() == [0, 0, 0, 0.5]
