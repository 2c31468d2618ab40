"""The 15 reference features against their definitions, written out naively: every row looks at every other row."""

from datetime import timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fraud_detection.features.registry import REFERENCE_FEATURES
from fraud_detection.features.single_node import compute_features

DELAY = timedelta(days=7)
KEYS = ["transaction_id", "event_time", "customer_id", "terminal_id", "amount_cents"]


def share(part, whole):
    return part / whole if whole else 0.0


def reference_row(row, rows):
    t = row["event_time"]
    features = {
        "amount": row["amount_cents"] / 100,
        "is_weekend": int(t.isoweekday() in {6, 7}),
        "is_night": int(t.hour <= 6),
    }
    order = (t, row["transaction_id"])
    for days in (1, 7, 30):
        after = t - timedelta(days=days)
        card = [r for r in rows if r["customer_id"] == row["customer_id"]]
        spent = [r for r in card if after < r["event_time"] and (r["event_time"], r["transaction_id"]) <= order]
        terminal = [r for r in rows if r["terminal_id"] == row["terminal_id"]]
        delayed = [r for r in terminal if after < r["event_time"] + DELAY <= t]
        known = [r for r in terminal if r["is_fraud"] is not None and r["known_at"] is not None]
        visible = [r for r in known if after < max(r["event_time"] + DELAY, r["known_at"]) <= t]
        features |= {
            f"customer_count_{days}d": len(spent),
            f"customer_mean_amount_{days}d": sum(r["amount_cents"] for r in spent) / (100 * len(spent)),
            f"terminal_count_{days}d": len(delayed),
            f"terminal_fraud_share_{days}d": share(sum(r["is_fraud"] for r in visible), len(visible)),
        }
    return {name: row[name] for name in KEYS} | features


def naive(history):
    rows = history.to_dicts()
    ordered = sorted(rows, key=lambda r: (r["event_time"], r["transaction_id"]))
    return pl.DataFrame([reference_row(row, rows) for row in ordered], infer_schema_length=None)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_reference_features_follow_their_definitions(data, histories):
    history = data.draw(histories.filter(lambda frame: frame.height > 0))
    computed = compute_features(history).select(*KEYS, *REFERENCE_FEATURES)
    expected = naive(history).select(pl.col(name).cast(kind) for name, kind in computed.schema.items())
    assert_frame_equal(computed, expected, check_exact=True)


def test_windows_are_open_at_their_start_and_closed_at_their_end(make_history):
    history = make_history([{"hours": 0}, {"hours": 24}, {"hours": 24 * 7}, {"hours": 24 * 8}, {"hours": 24 * 9}])
    features = compute_features(history)
    assert features["customer_count_1d"].to_list() == [1, 1, 1, 1, 1]
    assert features["customer_count_7d"].to_list() == [1, 2, 2, 2, 3]
    assert features["terminal_count_1d"].to_list() == [0, 0, 1, 1, 0]


def test_rows_of_one_time_see_each_other_in_the_order_of_their_ids(make_history):
    history = make_history([{"transaction_id": 7}, {"transaction_id": 3}, {"transaction_id": 5}])
    features = compute_features(history).sort("transaction_id")
    assert features["customer_count_1d"].to_list() == [1, 2, 3]


def test_a_late_label_counts_from_when_it_is_known(make_history):
    day = 24
    history = make_history(
        [{"is_fraud": True, "late_hours": 3 * day}, {"hours": 7 * day}, {"hours": 10 * day}, {"hours": 11 * day}]
    )
    assert compute_features(history)["terminal_fraud_share_1d"].to_list() == [0.0, 0.0, 1.0, 0.0]


def test_a_label_that_nobody_knows_yet_is_never_visible(make_history):
    history = make_history([{"is_fraud": True, "late_hours": None}, {"hours": 24 * 8}])
    assert compute_features(history)["terminal_fraud_share_30d"].to_list() == [0.0, 0.0]
