"""One transaction online: from what is in hand of its card and terminal, what one node computes of all."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fraud_detection.errors import DataError
from fraud_detection.features.audit import cut_history
from fraud_detection.features.contract import KEYS
from fraud_detection.features.online import compute_online
from fraud_detection.features.registry import ALL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.features.stages import plan_stages, stored_features

STORED = stored_features(plan_stages())
ENTITIES = ("customer_id", "terminal_id")


def store(history, features):
    """What the tables hold: the history with the features that were computed before."""
    return history.join(features.select("transaction_id", *STORED), on="transaction_id", how="left")


def compute_one_online(history, stored, number):
    """The features of a transaction from rows before it; a label that is not known yet is not in hand."""
    row = history.filter(pl.col("transaction_id") == number)
    past = cut_history(stored, row)
    histories = {entity: past.filter(pl.col(entity) == row[entity][0]) for entity in ENTITIES}
    return compute_online(row.select(KEYS), histories)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_online_equals_one_node_on_any_history(data, histories):
    history = data.draw(histories.filter(lambda rows: rows.height > 0))
    computed = compute_features(history)
    stored = store(history, computed)
    online = [compute_one_online(history, stored, number) for number in computed["transaction_id"]]
    assert_frame_equal(pl.concat(online), computed, check_exact=True)


def test_online_wants_one_transaction_and_the_histories_of_its_stages(small_world):
    rows = small_world.select(KEYS)
    with pytest.raises(DataError, match="2 transactions were given; expected one"):
        compute_online(rows.head(2), {})
    with pytest.raises(DataError, match="no history for customer_id"):
        compute_online(rows.head(1), {})
    unstored = small_world.head(5).with_columns(pl.lit(None, pl.Float64).alias(name) for name in STORED)
    with pytest.raises(DataError, match="lack customer_usual_amount, such as"):
        compute_online(rows.tail(1), dict.fromkeys(ENTITIES, unstored))


def test_a_first_transaction_needs_no_history(small_world):
    row = small_world.head(1)
    nothing = store(small_world, compute_features(small_world)).clear()
    online = compute_online(row.select(KEYS), dict.fromkeys(ENTITIES, nothing))
    assert_frame_equal(online, compute_features(row), check_exact=True)
    assert online.columns == [*KEYS, *ALL_FEATURES]
