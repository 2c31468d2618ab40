"""From a booster's margin to a probability: fitted on days that the booster was not fitted on."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from fraud_detection.errors import ModelError
from fraud_detection.models.scorer import Calibration
from fraud_detection.models.settings import Calibrator

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.bool_]

LEAST_RISE: Final = 1e-3  # of log-odds for one of margin, so that a plateau keeps the ranking


def fit_platt(margins: Floats, labels: Labels) -> Calibration:
    """A line from margin to log-odds (Platt, 1999), two numbers."""
    line = LogisticRegression(C=np.inf).fit(margins.reshape(-1, 1), labels)
    slope = float(line.coef_[0, 0])
    if slope <= 0:
        raise ModelError(
            f"the margins fall with fraud (slope {slope:.3g}); expected them to rise: the model is inverted"
        )
    return Calibration((0.0,), (float(line.intercept_[0]),), slope)


def fit_isotonic(margins: Floats, labels: Labels) -> Calibration:
    """The best rising steps (Zadrozny and Elkan, 2002), joined by lines between their centres to keep the ranking."""
    steps = IsotonicRegression(out_of_bounds="clip").fit_transform(margins, labels)
    if steps.min() == steps.max():
        raise ModelError("no step rises with the margins; expected them to rise with fraud: the model is inverted")
    order = np.argsort(margins, kind="stable")
    edges = np.flatnonzero(np.diff(steps[order])) + 1
    blocks = np.split(order, edges)
    centres = np.array([margins[block].mean() for block in blocks])
    shares = np.array([(labels[block].sum() + 0.5) / (block.size + 1) for block in blocks])
    log_odds = np.maximum.accumulate(np.log(shares / (1 - shares)) - LEAST_RISE * centres) + LEAST_RISE * centres
    return Calibration(tuple(centres.tolist()), tuple(log_odds.tolist()), 1.0)


CALIBRATORS: Final[dict[Calibrator, Callable[[Floats, Labels], Calibration]]] = {
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}
