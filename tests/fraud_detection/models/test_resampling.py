import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score

from fraud_detection.errors import GateError
from fraud_detection.models.resampling import Outcome, _Curve, draw_cards, measure_intervals, number_cards


def make_judged(cards=300, rows_a_card=4, seed=0):
    """Rows of cards that are compromised as a whole or not at all, and scores that tell something of it."""
    rng = np.random.default_rng(seed)
    fraud = np.repeat(rng.random(cards) < 0.1, rows_a_card)
    judged = pl.DataFrame({"customer_id": np.repeat(np.arange(cards), rows_a_card), "is_fraud": fraud})
    return judged, np.round(fraud + rng.normal(0, 1, fraud.size), 1)


def test_the_weighted_curve_is_that_of_the_rows_repeated_ties_included():
    judged, scores = make_judged()
    labels, card = judged["is_fraud"].to_numpy(), number_cards(judged)
    for drawn in draw_cards(300, 5):
        repeated = np.repeat(np.arange(card.size), drawn[card].astype(int))
        expected = average_precision_score(labels[repeated], scores[repeated])
        assert _Curve(scores, labels, card).average_precision(drawn) == pytest.approx(expected)


def test_a_draw_holds_as_many_cards_as_there_are_and_some_of_them_twice():
    drawn = next(draw_cards(300, 1))
    assert drawn.sum() == 300
    assert (drawn == 0).any()
    assert (drawn > 1).any()


def test_the_interval_of_the_lead_is_narrower_than_those_of_unpaired_draws():
    judged, scores = make_judged()
    better = scores + 0.2 * judged["is_fraud"].to_numpy()
    gains = np.zeros(judged.height)
    found = measure_intervals(
        judged, 7, {"candidate": Outcome(better, gains), "champion": Outcome(scores, gains)}, 200, 0.95
    )
    alone, lead = found["average_precision"], found["average_precision_lead"]
    assert lead.low < lead.value < lead.high
    assert lead.high - lead.low < (alone.high - alone.low) / 2


def test_a_model_has_no_lead_over_itself():
    judged, scores = make_judged()
    same = Outcome(scores, np.ones(judged.height))
    found = measure_intervals(judged, 7, {"candidate": same, "champion": same}, 50, 0.9)
    assert found["average_precision_lead"].low == found["saving_a_day_lead"].high == 0
    assert found["saving_a_day"].value == pytest.approx(judged.height / 7)


def test_draws_without_fraud_allow_no_decision():
    judged, scores = make_judged()
    with pytest.raises(GateError, match="none of 5 draws"):
        measure_intervals(
            judged.with_columns(is_fraud=pl.lit(value=False)), 7, {"candidate": Outcome(scores, scores)}, 5, 0.9
        )
