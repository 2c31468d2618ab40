"""Transactions online: from what is in hand of their cards and terminals, what one node computes of all."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fraud_detection.errors import DataError
from fraud_detection.features.audit import cut_history
from fraud_detection.features.contract import KEYS
from fraud_detection.features.online import compute_features_now, to_history, to_incoming
from fraud_detection.features.registry import ALL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.features.stages import plan_stages, stored_features

STORED = stored_features(plan_stages())
ENTITIES = ("customer_id", "terminal_id")


def store(history, features):
    """What the tables hold: the history with the features that were computed before."""
    return history.join(features.select("transaction_id", *STORED), on="transaction_id", how="left")


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_online_equals_one_node_on_any_history(data, histories, compute_online):
    history = data.draw(histories.filter(lambda rows: rows.height > 0))
    computed = compute_features(history)
    stored = store(history, computed)
    for row in computed.iter_slices(1):
        past = cut_history(stored, row)
        online = compute_online(row.select(KEYS), dict.fromkeys(ENTITIES, past))
        assert_frame_equal(online, row, check_exact=True)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_transactions_that_come_together_late_and_again_see_each_other(data, histories, compute_online):
    """Some rows of a finished history come in once more, in any order: whatever lies after them does no harm."""
    history = data.draw(histories.filter(lambda rows: rows.height > 0))
    computed = compute_features(history)
    chosen = data.draw(st.lists(st.sampled_from(computed["transaction_id"].to_list()), min_size=1, unique=True))
    rows = computed.filter(pl.col("transaction_id").is_in(chosen)).sample(fraction=1, shuffle=True, seed=1)
    unlabelled = pl.col("transaction_id").is_in(chosen)
    stored = store(history, computed).with_columns(
        pl.when(~unlabelled).then("known_at").alias("known_at"), pl.when(~unlabelled).then(pl.col(STORED)).name.keep()
    )
    # A row that comes in has no label yet, which only later rows could see.
    expected = compute_features(history.with_columns(pl.when(~unlabelled).then("known_at").alias("known_at")))
    online = compute_online(rows.select(KEYS), dict.fromkeys(ENTITIES, stored)).sort("event_time", "transaction_id")
    assert_frame_equal(online, expected.filter(unlabelled), check_exact=True)


def test_a_history_without_what_was_computed_for_it_is_refused(small_world, compute_online):
    unstored = small_world.with_columns(pl.lit(None, pl.Float64).alias(name) for name in STORED)
    with pytest.raises(DataError, match="by customer_id lack customer_usual_amount; expected what was computed"):
        compute_online(small_world.tail(1), dict.fromkeys(ENTITIES, unstored))


def test_a_history_out_of_order_is_refused(make_history):
    history = make_history([{"hours": 1}, {"hours": 2}])
    stage = plan_stages()[0]
    held = to_history(store(history, compute_features(history)), stage)
    turned = type(held)(
        held.transaction_id[::-1],
        *(getattr(held, name)[::-1] for name in ("event_time", "amount_cents", "is_fraud", "known_at")),
        {name: values[::-1] for name, values in held.features.items()},
    )
    new = to_incoming(make_history([{"hours": 3, "transaction_id": 9}]))
    with pytest.raises(DataError, match="out of order; expected entity, event_time"):
        compute_features_now(new, {1: turned}, {})


def test_first_transactions_need_no_history(small_world):
    rows = small_world.head(1)
    online = compute_features_now(to_incoming(rows), {}, {})
    expected = compute_features(rows)
    assert set(online) == set(ALL_FEATURES)
    assert [name for name in ALL_FEATURES if not np.array_equal(online[name], expected[name].to_numpy())] == []
