"""Planted changes begin on their day, and leave what was before as it was."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.data.planting import Plant
from fraud_detection.errors import ConfigurationError

SIZE = {"customers": 60, "terminals": 200, "days": 40, "seed": 3}
DAY = 20


@pytest.fixture(scope="module")
def plain():
    return split(generate_transactions(World(**SIZE)))


def split(rows):
    start = World().start
    later = (pl.col("event_time").dt.date() - pl.lit(start)).dt.total_days() >= DAY
    return rows.filter(~later), rows.filter(later)


@pytest.mark.parametrize("kind", ["new_fraud", "amount_shift", "broken_amounts", "volume"])
def test_what_was_before_is_as_without(plain, kind):
    before, after = split(generate_transactions(World(**SIZE, plant=Plant(kind, DAY))))
    assert_frame_equal(before, plain[0])
    assert not after.equals(plain[1])
    if kind == "new_fraud":
        planted = after.filter(pl.col("scenario") == 4)
        assert 0 < planted.height < 0.03 * after.height
        assert planted["is_fraud"].all()
        assert planted["amount_cents"].is_between(100, 500).all()
    if kind == "amount_shift":
        assert after["amount_cents"].sum() == pytest.approx(1.6 * plain[1]["amount_cents"].sum(), rel=1e-4)
    if kind == "broken_amounts":
        assert after["amount_cents"].unique().to_list() == [100]
    if kind == "volume":
        assert after.height == pytest.approx(plain[1].height / 2, rel=0.1)


def test_a_day_before_the_world_is_refused():
    with pytest.raises(ConfigurationError, match="day -1; expected 0 or later"):
        Plant("volume", -1)
