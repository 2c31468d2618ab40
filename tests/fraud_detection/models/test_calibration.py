import numpy as np
import pytest

from fraud_detection.errors import ModelError
from fraud_detection.models.calibration import fit_isotonic, fit_platt
from fraud_detection.models.metrics import calibration_error
from fraud_detection.models.scorer import Calibration


def make_margins(seed=0, rows=40_000):
    """Margins that are twice as sure as they should be, and labels drawn from the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-3, 1.5, rows)
    return 2 * truth + 1, rng.random(rows) < 1 / (1 + np.exp(-truth))


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_calibrated_probabilities_agree_with_what_is_observed_on_other_rows(fit):
    calibration = fit(*make_margins(seed=0))
    margins, labels = make_margins(seed=1)
    raw = calibration_error(labels, Calibration().probabilities(margins))
    assert calibration_error(labels, calibration.probabilities(margins)) < min(0.01, raw / 3)


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_calibration_keeps_the_ranking_and_makes_no_ties(fit):
    calibration = fit(*make_margins())
    grid = np.linspace(-12, 8, 500)
    probabilities = calibration.probabilities(grid)
    assert (np.diff(probabilities) > 0).all()
    assert 0 < probabilities.min() < probabilities.max() < 1


def test_platt_is_two_numbers_and_finds_the_line():
    calibration = fit_platt(*make_margins())
    assert calibration.slope == pytest.approx(0.5, abs=0.02)
    assert calibration.log_odds[0] == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_an_inverted_model_cannot_be_calibrated(fit):
    labels = np.arange(1_000) < 100
    with pytest.raises(ModelError, match="the model is inverted"):
        fit(np.linspace(-3, 3, 1_000), labels)
