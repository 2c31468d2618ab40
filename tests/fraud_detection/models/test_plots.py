import numpy as np
import pytest

from fraud_detection.models import plots


def make_scored(rows=3_000, seed=0):
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(0.2, 4, rows)
    return rng.random(rows) < probabilities, probabilities


def test_every_picture_is_drawn_and_has_something_on_it():
    pictures = plots.draw_all(*make_scored(), {"amount": 0.7, "night": 0.3}, "test week")
    assert list(pictures) == ["precision_recall.png", "roc.png", "calibration.png", "importances.png"]
    for figure in pictures.values():
        assert figure.axes[0].lines or figure.axes[0].patches
        figure.canvas.draw()


def test_the_largest_features_are_shown_and_the_largest_on_top():
    axes = plots.draw_importances({f"f{number}": number / 1_000 for number in range(40)}).axes[0]
    assert len(axes.patches) == plots.MOST_BARS
    assert axes.get_yticklabels()[-1].get_text() == "f39"


def test_intervals_hold_the_observed_share_and_the_truth_nearly_always():
    labels, probabilities = make_scored(rows=200_000)
    predicted, observed, low, high = plots._observed_by_level(labels, probabilities)
    assert (low <= observed).all()
    assert (observed <= high).all()
    assert ((low <= predicted) & (predicted <= high)).mean() > 0.8


@pytest.mark.parametrize("value", [0.3, 0.0, 1.0])
def test_a_model_that_always_says_the_same_can_be_drawn(value):
    labels = np.tile([True, False], 50)
    plots.draw_calibration(labels, np.full(100, np.clip(value, 1e-6, 1 - 1e-6)), "constant").canvas.draw()


def test_gain_shares_sum_to_one_and_name_every_feature(candidate):
    shares = plots.gain_shares(candidate.scorer)
    assert tuple(shares) == candidate.scorer.features
    assert sum(shares.values()) == pytest.approx(1)
