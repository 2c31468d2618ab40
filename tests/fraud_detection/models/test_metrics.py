from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from fraud_detection.errors import ModelError
from fraud_detection.models import metrics


def make_rows(*lines):
    """Rows from (day of August, card, is_fraud)."""
    return pl.DataFrame(
        {
            "event_time": [datetime(2018, 8, day, 12, tzinfo=UTC) for day, _, _ in lines],
            "customer_id": [card for _, card, _ in lines],
            "is_fraud": [fraud for _, _, fraud in lines],
        },
        schema_overrides={"is_fraud": pl.Boolean},
    )


def test_card_precision_is_the_mean_over_days_of_the_share_of_compromised_cards_at_the_top():
    rows = make_rows((1, "a", True), (1, "b", False), (2, "c", False), (2, "d", False))
    assert metrics.card_precision(rows, np.array([0.9, 0.8, 0.7, 0.6]), cards_a_day=2) == 0.25


def test_a_card_is_ranked_by_its_highest_score_of_the_day():
    rows = make_rows((1, "a", True), (1, "a", False), (1, "b", False))
    assert metrics.card_precision(rows, np.array([0.1, 0.9, 0.6]), cards_a_day=1) == 1.0


def test_a_detected_card_takes_no_place_on_later_days():
    rows = make_rows((1, "a", True), (2, "a", True), (2, "b", False))
    assert metrics.card_precision(rows, np.array([0.9, 0.9, 0.5]), cards_a_day=1) == 0.5


def test_a_card_that_was_shown_without_fraud_is_shown_again():
    rows = make_rows((1, "a", False), (2, "a", True))
    assert metrics.card_precision(rows, np.array([0.9, 0.9]), cards_a_day=1) == 0.5


def test_a_calibrated_model_has_no_calibration_error():
    labels = np.tile([True, False, False, False], 500)
    assert metrics.calibration_error(labels, np.full(2000, 0.25)) == pytest.approx(0)


def test_calibration_error_is_the_distance_to_the_observed_share():
    labels = np.tile([True, False, False, False], 500)
    assert metrics.calibration_error(labels, np.full(2000, 0.75)) == pytest.approx(0.5)


def test_perfect_scores_give_perfect_metrics():
    rows = make_rows((1, "a", True), (1, "b", False))
    result = metrics.evaluate(rows, np.array([1.0, 0.0]))
    assert (result.auc_roc, result.average_precision, result.brier, result.calibration_error) == (1, 1, 0, 0)
    assert (result.card_precision, result.card_share) == (0.01, 1)
    assert (result.rows, result.frauds) == (2, 1)


@pytest.mark.parametrize(
    ("rows", "scores", "named"),
    [
        (make_rows(), [], "0 frauds in 0 rows"),
        (make_rows((1, "a", True)), [0.5], "both classes"),
        (make_rows((1, "a", False)), [0.5], "both classes"),
        (make_rows((1, "a", True), (1, "b", None)), [0.5, 0.5], "1 of 2 rows have no label"),
        (make_rows((1, "a", True), (1, "b", False)), [0.5, float("nan")], "1 scores are not finite"),
        (make_rows((1, "a", True), (1, "b", False)), [0.5], "one a row"),
    ],
)
def test_what_no_metric_is_defined_for_is_refused_by_name(rows, scores, named):
    with pytest.raises(ModelError, match=named):
        metrics.evaluate(rows, np.array(scores))
