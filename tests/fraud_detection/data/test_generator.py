"""The generator follows its rules, whose answers are in the columns is_fraud and scenario."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud_detection.data import generator
from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.errors import ConfigurationError

SMALL = World(customers=300, terminals=400, days=60, seed=3)


@pytest.fixture(scope="module")
def small():
    return generate_transactions(SMALL)


@pytest.fixture(scope="module")
def reference():
    """The reference problem at its full size, about a second's work."""
    return generate_transactions(World())


def day_of(rows):
    return (rows["event_time"].dt.date() - SMALL.start).dt.total_days()


def test_the_same_seed_makes_the_same_rows(small):
    assert_frame_equal(generate_transactions(SMALL), small)


def test_another_seed_makes_other_rows(small):
    assert not generate_transactions(World(300, 400, 60, seed=4)).equals(small)


def test_the_columns_and_types_are_stated(small):
    assert dict(small.schema) == {
        "transaction_id": pl.String,
        "event_time": pl.Datetime("us", "UTC"),
        "customer_id": pl.String,
        "terminal_id": pl.String,
        "amount_cents": pl.Int64,
        "is_fraud": pl.Boolean,
        "scenario": pl.Int8,
    }
    assert small.null_count().sum_horizontal().item() == 0


def test_ids_are_unique_and_in_order_of_time(small):
    assert small["transaction_id"].to_list() == [f"T{number:08d}" for number in range(small.height)]
    assert small["event_time"].is_sorted()


def test_all_times_lie_within_the_simulated_days(small):
    first, last = small["event_time"].min(), small["event_time"].max()
    start = datetime.combine(SMALL.start, datetime.min.time(), UTC)
    assert start < first < start + timedelta(hours=12)
    assert last < start + timedelta(days=SMALL.days)
    assert day_of(small).n_unique() == SMALL.days


def test_times_of_day_scatter_around_noon_and_are_cut_at_midnight(reference):
    seconds = reference.select(
        second=pl.col("event_time").dt.hour().cast(pl.Int64) * 3600
        + pl.col("event_time").dt.minute().cast(pl.Int64) * 60
        + pl.col("event_time").dt.second()
    )["second"]
    assert seconds.min() > 0
    assert seconds.mean() == pytest.approx(43_200, abs=100)
    assert seconds.std() == pytest.approx(18_193, rel=0.01)  # of a normal with 20,000, cut at 2.16 of it on each side


def test_a_large_amount_is_fraud_and_so_is_nothing_else_of_its_scenario(small):
    large = small.filter(pl.col("amount_cents") > 22_000)
    assert large.height > 0
    assert large["is_fraud"].all()
    assert small.filter(pl.col("scenario") == 1)["amount_cents"].min() > 22_000


def test_fraud_is_what_has_a_scenario(small):
    assert_frame_equal(small.select(is_fraud=pl.col("scenario") > 0), small.select("is_fraud"))
    assert set(small["scenario"].unique()) == {0, 1, 2, 3}


def test_on_a_day_all_of_a_terminals_transactions_are_compromised_or_none(small):
    spared_or_hit = small.filter(pl.col("scenario") != 3).with_columns(
        day=pl.col("event_time").dt.date(), hit=pl.col("scenario") == 2
    )
    assert spared_or_hit["hit"].any()
    assert spared_or_hit.group_by("terminal_id", "day").agg(pl.col("hit").n_unique())["hit"].max() == 1


def test_a_terminal_is_compromised_for_28_days_from_the_one_on_which_it_is_drawn():
    entity, day = np.repeat(np.arange(20), 60), np.tile(np.arange(60), 20)
    world = World(customers=1, terminals=20, days=60)
    a_day, lasting = generator.TERMINALS_A_DAY, generator.TERMINAL_FRAUD_DAYS
    hit = generator._hit(entity, day, 20, a_day, lasting, world, np.random.default_rng(1)).reshape(20, 60)
    draws = np.random.default_rng(1)
    expected = np.zeros((20, 60), dtype=bool)
    for drawn_on in range(60):
        expected[draws.choice(20, size=2, replace=False), drawn_on : drawn_on + 28] = True
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(hit, expected)


def test_a_third_of_a_stolen_cards_rows_of_14_days_cost_five_times_as_much(monkeypatch):
    world = World(customers=40, terminals=2000, days=60, seed=2)
    stolen = generate_transactions(world)
    monkeypatch.setattr(generator, "CUSTOMER_FACTOR", 1.0)
    honest = generate_transactions(world)
    both = stolen.join(honest, on="transaction_id", how="inner", suffix="_honest", validate="1:1")
    marked = both.filter(pl.col("scenario") == 3)
    assert marked.height > 0
    factors = (marked["amount_cents"] / marked["amount_cents_honest"]).round(3)
    assert set(factors.unique()) <= {5.0**thefts for thefts in range(1, 8)}  # stolen again while it is stolen
    assert factors.median() == 5
    assert (
        both.filter(pl.col("scenario") != 3)
        .select((pl.col("amount_cents") == pl.col("amount_cents_honest")).all())
        .item()
    )


def test_thefts_take_a_third_of_what_is_exposed():
    world = World(customers=3, terminals=1, days=30)
    customer, day = np.repeat(np.arange(3), 90), np.tile(np.arange(90) // 3, 3)  # each card three times a day
    thefts = generator._stolen_card_rows(customer, day, world, np.random.default_rng(1))
    assert len(thefts) == 30 * 3  # all three cards, every day
    exposed_days = [min(14, 30 - number // 3) for number in range(len(thefts))]
    assert [theft.size for theft in thefts] == exposed_days
    for number, theft in enumerate(thefts):
        assert len(set(customer[theft])) <= 1
        assert all(number // 3 <= when < number // 3 + 14 for when in day[theft])
        assert len(set(theft)) == theft.size


def test_cards_are_used_at_terminals_within_reach_only():
    world = World(customers=50, terminals=300, days=1, seed=8)
    rng = np.random.default_rng(8)
    found, first, count = generator._terminals_in_reach(world, rng)
    again = np.random.default_rng(8)
    customers, terminals = again.uniform(0, 100, (50, 2)), again.uniform(0, 100, (300, 2))
    near = np.hypot(*(customers[:, None] - terminals[None]).transpose(2, 0, 1)) < 5
    assert [found[start : start + size].tolist() for start, size in zip(first, count, strict=True)] == [
        np.flatnonzero(row).tolist() for row in near
    ]
    assert 0 in count  # a card out of reach exists, and has no rows


def test_a_world_in_which_nothing_is_in_reach_is_empty_and_keeps_its_columns(small):
    empty = generate_transactions(World(customers=1, terminals=1, days=3, seed=2))
    assert empty.is_empty()
    assert empty.schema == small.schema


def test_the_reference_problem_has_its_published_size_and_share_of_frauds(reference):
    assert reference.height == pytest.approx(1_754_000, rel=0.03)
    assert reference["is_fraud"].mean() == pytest.approx(0.0084, rel=0.06)
    assert reference["customer_id"].n_unique() == pytest.approx(4_990, abs=15)
    assert reference["terminal_id"].n_unique() == pytest.approx(10_000, abs=30)


def test_the_scenarios_share_the_frauds_as_published(reference):
    counts = dict(reference.group_by("scenario").len().iter_rows())
    assert counts[1] == pytest.approx(978, rel=0.25)
    assert counts[2] == pytest.approx(9_099, rel=0.1)
    assert counts[3] == pytest.approx(4_604, rel=0.1)


def test_amounts_are_those_of_the_rules(reference):
    honest = reference.filter(pl.col("scenario") == 0)["amount_cents"] / 100
    assert honest.min() >= 0
    assert honest.mean() == pytest.approx(53, rel=0.03)


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"terminals": -1}, {"days": 0}])
def test_sizes_that_make_no_world_are_refused(wrong):
    name = next(iter(wrong))
    with pytest.raises(ConfigurationError, match=f"{name} is .*; expected a whole number from 1"):
        World(**wrong)


def test_the_first_day_is_a_parameter():
    rows = generate_transactions(World(customers=300, terminals=400, days=2, start=date(2024, 2, 29), seed=3))
    assert rows["event_time"].dt.date().unique().sort().to_list() == [date(2024, 2, 29), date(2024, 3, 1)]
