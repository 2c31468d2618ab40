"""A table that is brought up to date, whatever arrives in whatever order, equals one that is made anew."""

import random
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fraud_detection.features.contract import HISTORY, KEYS
from fraud_detection.features.incremental import find_changes, find_touches, recompute
from fraud_detection.features.partial import WANTED, compute_wanted
from fraud_detection.features.registry import ALL_FEATURES, GROUPS
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.single_node import compute_features
from fraud_detection.features.stages import plan_stages, stored_features
from fraud_detection.features.touched import visible_at

LABEL = ("transaction_id", "is_fraud", "known_at")
STORED = stored_features(plan_stages())
SETTINGS = FeatureSettings()
DAYS = [0, 1, 2, 7, 8, 14, 29, 30, 31, 37, 59, 60, 61, 67, 68, 89, 90, 91, 97, 119, 120, 149, 150, 151, 158, 180, 210]


@st.composite
def arrivals(draw):
    """Rows, each of them in one or two versions that arrive with the second or the third load, or at once."""
    row = st.fixed_dictionaries(
        {
            "hours": st.sampled_from(DAYS).map(lambda day: 24 * day),
            "customer_id": st.integers(1, 2),
            "terminal_id": st.integers(1, 2),
            "amount_cents": st.sampled_from([100, 1000, 1000, 1100, 5000]),
            "is_fraud": st.sampled_from([False, True, True, None]),
            "late_hours": st.sampled_from([0, 0, 0, -100, -400, 30, 1500, None]),
        }
    )
    count = draw(st.integers(1, 16))
    versions = st.lists(st.tuples(st.integers(0, 2), st.none() | row), min_size=1, max_size=2)
    return [draw(versions) for _ in range(count)]


def state_at(load, arrived, make_history):
    """What stands in silver after a load: the version that arrived last; None takes a row away."""
    rows = []
    for number, versions in enumerate(arrived):
        there = [row for when, row in sorted(versions, key=lambda version: version[0]) if when <= load]
        if there and there[-1] is not None:
            rows.append({**there[-1], "transaction_id": number})
    return make_history(rows)


def update(table, before, after, built, now):
    """The table of `before`, brought up to `after`."""
    silver = [state.select(KEYS) for state in (before, after)]
    labels = [state.select(LABEL).drop_nulls() for state in (before, after)]
    arrived = silver[1].filter(pl.col("event_time") >= built)
    changed = [one.join(other, on=KEYS, how="anti", nulls_equal=True) for one, other in (silver, silver[::-1])]
    changes = find_changes(changed[0], pl.concat([changed[1], arrived]).unique(), built, now)
    changed_labels = pl.concat([one.join(other, on=LABEL, how="anti") for one, other in (labels, labels[::-1])])
    changed_labels = changed_labels.filter(pl.col("known_at") < built)
    of_changed = pl.concat(labels).join(changes.images, on="transaction_id", how="semi")
    ids = pl.concat([changes.former.select("transaction_id"), changes.current.select("transaction_id")])
    relabelled = table.join(changed_labels, on="transaction_id", how="semi").join(ids, on="transaction_id", how="anti")
    all_labels = pl.concat([changed_labels, of_changed]).select("transaction_id", "known_at")
    touches = find_touches(changes, relabelled, all_labels, SETTINGS)

    stored = table.join(ids, on="transaction_id", how="anti").select(*KEYS, *STORED)
    new = changes.current.with_columns(pl.lit(None, pl.Float64).alias(name) for name in STORED)
    history = pl.concat([stored, new]).join(labels[1], on="transaction_id", how="left")
    return apply(table, recompute(touches, InMemory(history), SETTINGS), changes.gone)


class InMemory:
    """A history in a frame: the keys, labels, and what is stored of features that groups need."""

    def __init__(self, history):
        self.history = history

    def compute(self, selection):
        stage, rows = selection.stage, self.history
        for overlay in selection.overlays:
            rows = rows.update(overlay, on="transaction_id")
        rows = rows.join(selection.spans, on=stage.entity, how="inner")
        moment = visible_at(SETTINGS.label_delay_days) if stage.is_delayed else pl.col("event_time")
        wanted = pl.col("event_time").is_between("wanted_from", "wanted_to")
        rows = rows.with_columns(wanted.alias(WANTED)).filter(moment > pl.col("read_from"))
        return compute_wanted(rows.select(*HISTORY, *stage.stored, WANTED), stage, SETTINGS, 1)

    def find_labels(self, transactions):
        labels = self.history.select("transaction_id", "known_at").drop_nulls()
        return labels.join(transactions, on="transaction_id", how="semi")


def apply(table, written, gone):
    kept = table.join(gone, on="transaction_id", how="anti")
    same = kept.join(written, on="transaction_id", how="anti")
    old = kept.join(written.select("transaction_id"), on="transaction_id", how="semi")
    merged = written.join(old, on="transaction_id", how="left", suffix="_old")
    merged = merged.with_columns(pl.coalesce(name, f"{name}_old").alias(name) for name in ALL_FEATURES)
    return pl.concat([same, merged.select(table.columns)]).sort("event_time", "transaction_id")


def build(state, now):
    return compute_features(state.filter(pl.col("event_time") < now))


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_updates_in_any_order_of_arrival_equal_a_table_made_anew(data, make_history):
    arrived = data.draw(arrivals())
    days = sorted(data.draw(st.lists(st.integers(0, 211), min_size=3, max_size=3)))
    start = make_history([{}])["event_time"][0]
    nows = [start + timedelta(days=day) for day in days]
    states = [state_at(load, arrived, make_history) for load in range(3)]
    table = build(states[0], nows[0])
    for load in (1, 2):
        table = update(table, states[load - 1], states[load], nows[load - 1], nows[load])
        assert_frame_equal(table, build(states[load], nows[load]), check_exact=True)


def dense_history(seed, make_history):
    """One card and terminal, twice a day; many amounts near the limit of the ordinary, labels early and late."""
    draw = random.Random(seed)  # noqa: S311  no secret
    return make_history(
        [
            {
                "hours": 12 * number + draw.choice([0, 0, 1]),
                "amount_cents": draw.choice([900, 1000, 1000, 1100, 1000, draw.randint(3100, 3700)]),
                "is_fraud": draw.random() < 0.3,
                "late_hours": draw.choice([0, 0, 0, 0, 24 * 3, 24 * 61, -200]),
            }
            for number in range(480)
        ]
    )


@pytest.mark.parametrize("kind", ["late row", "late label", "other amount", "other label"])
def test_the_look_back_is_long_enough_for_rows_at_its_very_end(make_history, kind):
    end = make_history([{"hours": 24 * 260}])["event_time"][0]
    for seed in range(12):
        after = dense_history(seed, make_history)
        changed = pl.col("transaction_id") == 200 + seed
        before = {
            "late row": after.filter(~changed),
            "late label": after.with_columns(known_at=pl.when(~changed).then("known_at")),
            "other amount": after.with_columns(amount_cents=pl.when(changed).then(9900).otherwise("amount_cents")),
            "other label": after.with_columns(is_fraud=pl.col("is_fraud") ^ changed),
        }[kind]
        table = update(build(before, end), before, after, end, end)
        assert_frame_equal(table, build(after, end), check_exact=True)


DAY = 24
FARTHEST = {  # for each group a first row that the last one still sees, two hours before it would not
    "customer_spend": [{}, {"hours": 30 * DAY - 1}],
    "customer_habit": [{}, {"hours": 30 * DAY - 1, "amount_cents": 2600}, {"hours": 90 * DAY - 2}],
    "customer_deviation": [
        {},
        {"hours": 30 * DAY - 1, "amount_cents": 2600},
        {"hours": 90 * DAY - 3},
        {"hours": 90 * DAY - 2, "amount_cents": 1500},
    ],
    "customer_unusual": [{"amount_cents": 5000}, {"hours": 60 * DAY - 1}],
    "terminal_risk": [{"is_fraud": True, "late_hours": 80 * DAY}, {"hours": (87 + 30) * DAY - 1}],
    "terminal_streak": [{"is_fraud": True, "late_hours": 80 * DAY}, {"hours": (87 + 60) * DAY - 1}],
}
EARLIER = {"hours": -DAY, "customer_id": 1, "terminal_id": 2}


@pytest.mark.parametrize("group", [group for group in GROUPS if group.look_back_days], ids=lambda group: group.name)
def test_the_look_back_reaches_as_far_as_a_group_sees_and_not_a_day_farther(group, make_history):
    rows = [{**row, "transaction_id": number} for number, row in enumerate(FARTHEST[group.name])]
    usual = [{**EARLIER, "transaction_id": 9}] if group.name == "customer_unusual" else []
    after = make_history([*usual, *rows])
    first, last = (after.filter(pl.col("transaction_id") == number) for number in (0, len(rows) - 1))
    since = pl.concat([first["known_at"], first["event_time"]]) if group.is_delayed else first["event_time"]
    assert timedelta(days=group.look_back_days - 1) < last["event_time"][0] - since.max()

    end = last["event_time"][0] + timedelta(days=1)
    found = build(after, end).select(group.columns).tail(1)
    assert not found.equals(build(after.filter(pl.col("transaction_id") != 0), end).select(group.columns).tail(1))
    before = after.filter(pl.col("transaction_id") != len(rows) - 1)
    table = update(build(before, end), before, after, end, end)
    assert_frame_equal(table, build(after, end), check_exact=True)


def test_a_late_row_of_a_card_reaches_another_terminal_when_a_late_label_shows_it(make_history):
    rows = [
        {"amount_cents": 100, "terminal_id": 1},
        {"hours": 20 * DAY, "terminal_id": 2, "is_fraud": True, "late_hours": 93 * DAY},
        {"hours": 150 * DAY, "terminal_id": 2, "customer_id": 2},
    ]
    after = make_history(rows)
    before, end = after.tail(2), after["event_time"].max() + timedelta(days=1)
    table = update(build(before, end), before, after, end, end)
    assert build(before, end)["terminal_streak_length"].to_list() == [0, 1]
    assert table["terminal_streak_length"].to_list() == [0, 0, 0]
    assert_frame_equal(table, build(after, end), check_exact=True)
