"""Champion against challenger, by hand-computed savings and planted leads."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from fraud_detection.models.costs import CostSettings
from fraud_detection.monitoring.variants import as_rows, compare_variants

COSTS = CostSettings(review_cost=5.0, loss_share=0.8)
START = datetime(2018, 9, 1, tzinfo=UTC)


def decide(variant, customers, scores, frauds, amount=100.0):
    return pl.DataFrame(
        {
            "variant": variant,
            "customer_id": customers,
            "event_time": [START + timedelta(hours=place) for place in range(len(scores))],
            "amount_cents": [round(amount * 100)] * len(scores),
            "is_fraud": frauds,
            "score": np.array(scores, dtype=np.float64),
            "threshold": 0.5,
        }
    )


def test_savings_are_those_of_the_cost_model():
    """One fraud of 100 caught saves 80 less a review; a false alert costs a review."""
    champion = decide("champion", ["A", "B", "C", "D"], [0.9, 0.1, 0.1, 0.1], [True, True, False, False])
    challenger = decide("challenger", ["E", "F"], [0.9, 0.9], [True, False])
    first, second = compare_variants(pl.concat([challenger, champion]), COSTS)
    assert (first.variant, first.customers, first.transactions, first.frauds) == ("champion", 4, 4, 2)
    assert first.saving.value == pytest.approx(1000 * 75 / 4)
    assert first.lead is None
    assert second.saving.value == pytest.approx(1000 * 70 / 2)
    assert second.lead.value == pytest.approx(1000 * (70 / 2 - 75 / 4))
    assert second.saving.low <= second.saving.value <= second.saving.high
    assert as_rows([first])[0]["lead"] is None
    assert as_rows([second])[0]["lead_low"] == second.lead.low


def draw(seed, customers, caught):
    """Transactions of which a tenth are frauds; a share of those are caught."""
    rng = np.random.default_rng(seed)
    frauds = rng.random(len(customers)) < 0.1
    return frauds, np.where(frauds & (rng.random(len(customers)) < caught), 0.9, 0.1)


def test_a_planted_lead_is_proven_and_none_is_not():
    cards = [f"C{number % 500}" for number in range(3000)]
    frauds, good = draw(1, cards, 0.9)
    _, poor = draw(1, cards, 0.5)
    shadow = pl.concat([decide("champion", cards, poor, frauds), decide("shadow", cards, good, frauds)])
    assert compare_variants(shadow, COSTS)[1].lead.low > 0
    same = pl.concat([decide("champion", cards, good, frauds), decide("shadow", cards, good, frauds)])
    lead = compare_variants(same, COSTS)[1].lead
    assert (lead.low, lead.value, lead.high) == (0, 0, 0)

    others = [f"D{number % 500}" for number in range(3000)]
    other_frauds, other_good = draw(2, others, 0.9)
    split = pl.concat([decide("champion", cards, good, frauds), decide("challenger", others, other_good, other_frauds)])
    lead = compare_variants(split, COSTS)[1].lead
    assert lead.low < 0 < lead.high


def test_without_a_champion_there_is_nothing_to_compare_with_and_one_class_has_no_ranking():
    alone = decide("challenger", ["A", "B"], [0.9, 0.1], [True, False])
    assert compare_variants(alone, COSTS) == []
    assert compare_variants(alone.clear(), COSTS) == []
    honest = decide("champion", ["A", "B"], [0.9, 0.1], [False, False])
    assert compare_variants(honest, COSTS)[0].average_precision is None
