from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from fraud_detection.errors import ConfigurationError
from fraud_detection.models.costs import CostSettings, choose_threshold, measure_saving
from fraud_detection.models.scorer import NO_ALERTS

COSTS = CostSettings(review_cost=10, loss_share=0.5, reviews_a_day=100)


def make_rows(*lines):
    """Rows from (day of August, amount, is_fraud)."""
    return pl.DataFrame(
        {
            "event_time": [datetime(2018, 8, day, 12, tzinfo=UTC) for day, _, _ in lines],
            "amount_cents": [amount * 100 for _, amount, _ in lines],
            "is_fraud": [fraud for _, _, fraud in lines],
        }
    )


def test_the_threshold_is_the_score_below_which_reviews_cost_more_than_they_save():
    rows = make_rows((1, 100, True), (1, 100, False), (1, 60, True), (1, 10, False), (1, 15, True))
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert choose_threshold(rows, scores, COSTS) == 0.7
    assert measure_saving(rows, scores, 0.7, COSTS) == {
        "saving_a_day": 50 + 30 - 3 * 10,
        "possible_saving_a_day": 40 + 20,
        "alerts_a_day": 3,
    }


def test_equal_scores_are_alerted_all_or_none():
    rows = make_rows((1, 100, True), (1, 1, False), (1, 1, False))
    assert choose_threshold(rows, np.array([0.9, 0.9, 0.2]), COSTS) == 0.9
    assert measure_saving(rows, np.array([0.9, 0.9, 0.2]), 0.9, COSTS)["saving_a_day"] == 50 - 20


def test_a_fraud_among_too_many_others_of_its_score_is_not_worth_the_alerts():
    rows = make_rows((1, 100, True), *[(1, 1, False)] * 5)
    assert choose_threshold(rows, np.full(6, 0.9), COSTS) == NO_ALERTS


def test_where_no_review_pays_there_are_no_alerts():
    rows = make_rows((1, 15, True), (1, 100, False))
    assert choose_threshold(rows, np.array([0.9, 0.1]), COSTS) == NO_ALERTS
    assert measure_saving(rows, np.array([0.9, 0.1]), NO_ALERTS, COSTS)["saving_a_day"] == 0


def test_what_people_have_no_time_for_that_day_is_neither_saved_nor_paid():
    rows = make_rows((1, 100, True), (1, 100, True), (2, 100, True), (2, 100, False))
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    one_a_day = CostSettings(review_cost=10, loss_share=0.5, reviews_a_day=1)
    found = measure_saving(rows, scores, 0, one_a_day)
    assert (found["saving_a_day"], found["alerts_a_day"]) == (40, 2)


@pytest.mark.parametrize("wrong", [{"review_cost": -1}, {"loss_share": 0}, {"loss_share": 2}, {"reviews_a_day": 0}])
def test_costs_that_make_no_decision_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="expected a cost from 0"):
        CostSettings(**wrong)
