from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fraud_detection.errors import ConfigurationError, DataError
from fraud_detection.features import blocks
from fraud_detection.features.contract import KEYS
from fraud_detection.features.registry import ALL_FEATURES
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.single_node import compute_features


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_input_changes_nothing(data, histories):
    history = data.draw(histories)
    shuffled = history.sample(fraction=1, shuffle=True, seed=data.draw(st.integers(0, 1000)))
    assert_frame_equal(compute_features(shuffled), compute_features(history), check_exact=True)


def test_where_blocks_are_cut_changes_nothing(small_world, monkeypatch):
    whole = compute_features(small_world)
    monkeypatch.setattr(blocks.cut_blocks, "__defaults__", (100,))
    assert_frame_equal(compute_features(small_world), whole, check_exact=True)


def test_other_entities_change_nothing(small_world):
    terminals = small_world.filter(pl.col("terminal_id") == small_world["terminal_id"][0])
    cards = small_world.join(terminals, on="customer_id", how="semi")
    alone = compute_features(cards).join(terminals, on="transaction_id", how="semi")
    among_all = compute_features(small_world).join(terminals, on="transaction_id", how="semi")
    assert_frame_equal(alone, among_all, check_exact=True)


def test_an_empty_history_has_features_too(make_history):
    features = compute_features(make_history([]))
    assert features.is_empty()
    assert features.columns == [*KEYS, *ALL_FEATURES]


def test_a_first_transaction_of_unknown_entities_has_neutral_values(make_history):
    row = compute_features(make_history([{"amount_cents": 1234}])).row(0, named=True)
    assert (row["amount_over_usual"], row["amount_deviation"], row["customer_usual_amount"]) == (1.0, 0.0, 0.0)
    assert (row["customer_count_30d"], row["customer_mean_amount_30d"]) == (1, 12.34)
    assert row["terminal_streak_age"] == row["customer_days_since_last"] == 60.0


def test_nanoseconds_and_zones_become_microseconds_utc(make_history):
    history = make_history([{"hours": 5}, {"hours": 30}])
    elsewhere = history.with_columns(
        pl.col("event_time").dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ns"),
        pl.col("known_at").dt.replace_time_zone(None).dt.cast_time_unit("ms"),
    )
    assert_frame_equal(compute_features(elsewhere), compute_features(history), check_exact=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit(-5).alias("amount_cents"), "negative amount_cents, such as -5"),
        (pl.lit(None, pl.Datetime("us", "UTC")).alias("event_time"), "2 in event_time"),
        (pl.lit(None, pl.Int64).alias("customer_id"), "2 in customer_id"),
        (pl.lit("2018-04-01").alias("event_time"), "event_time is of type String"),
        (pl.lit(1).alias("transaction_id"), "repeat a transaction, such as 1"),
    ],
)
def test_what_cannot_be_computed_on_is_refused(make_history, change, message):
    history = make_history([{}, {}]).with_columns(change)
    with pytest.raises(DataError, match=message):
        compute_features(history)


def test_a_missing_column_is_named(make_history):
    with pytest.raises(DataError, match="lacks is_fraud, known_at"):
        compute_features(make_history([{}]).drop("known_at", "is_fraud"))


def test_without_a_label_delay_a_row_would_see_its_own_label():
    with pytest.raises(ConfigurationError, match="label_delay_days is 0"):
        FeatureSettings(label_delay_days=0)


def test_half_a_century_of_cards_with_one_row_each_stays_on_one_clock(make_history):
    history = make_history([{"hours": 24 * 365 * year, "customer_id": year} for year in range(50)])
    assert compute_features(history)["customer_count_60d"].to_list() == [0] * 50
    assert history["event_time"].max() - history["event_time"].min() > timedelta(days=17_000)
