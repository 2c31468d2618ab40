"""Intervals by a paired bootstrap: how far a figure, or its difference between two models, may be luck.

Whole cards are drawn, not rows and not days: the frauds of one card hang together, so rows would promise too narrow an
interval, and the seven days of a test week are too few to draw from. Frauds that hang together by their terminal are
not drawn together, so the intervals are a lower bound of the uncertainty.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from fraud_detection.errors import GateError
from fraud_detection.models.metrics import Scores, labels_of

Weights = npt.NDArray[np.float64]
SEED: Final = 20_180_808


@dataclass(frozen=True)
class Interval:
    """A figure, and between what it lies with the confidence that was asked for."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """What one model does with the judged rows: its score of each, and what each adds to the saving."""

    scores: Scores
    gains: Scores


def measure_intervals(
    judged: pl.DataFrame, days: int, outcomes: Mapping[str, Outcome], replicates: int, confidence: float
) -> dict[str, Interval]:
    """Intervals of average precision and saving a day of the candidate, and of its lead over the champion.

    Args:
        judged: customer_id, is_fraud.
        days: that the judged rows lie on.
        outcomes: `candidate`, and `champion` where there is one; on the judged rows.
        replicates: how often cards are drawn; every draw is used for both models.
        confidence: share of the draws that an interval holds.

    Raises:
        GateError: no draw holds a fraud.
    """
    curves = {name: _Curve(outcome.scores, judged) for name, outcome in outcomes.items()}

    def measure(weights: Weights) -> dict[str, float]:
        found = {name: curve.average_precision(weights) for name, curve in curves.items()}
        saved = {name: float(outcome.gains @ weights) / days for name, outcome in outcomes.items()}
        leads = {
            f"{kind}_lead": values["candidate"] - values["champion"]
            for kind, values in (("average_precision", found), ("saving_a_day", saved))
            if "champion" in values
        }
        return {"average_precision": found["candidate"], "saving_a_day": saved["candidate"], **leads}

    drawn = pl.DataFrame([measure(weights) for weights in draw_cards(judged, replicates)]).fill_nan(None).drop_nulls()
    if drawn.is_empty():
        raise GateError(f"none of {replicates} draws of cards holds a fraud; expected frauds of several cards")
    whole = measure(np.ones(judged.height))
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    return {name: Interval(value, *_quantiles(drawn[name], tails)) for name, value in whole.items()}


def draw_cards(judged: pl.DataFrame, replicates: int) -> Iterator[Weights]:
    """How often each row is in a draw: as often as its card was drawn, from all cards, with putting back."""
    card = judged["customer_id"].rank("dense").to_numpy() - 1
    cards, rng = int(card.max()) + 1, np.random.default_rng(SEED)
    for _ in range(replicates):
        yield np.bincount(rng.integers(0, cards, cards), minlength=cards)[card].astype(np.float64)


class _Curve:
    """Average precision of the same scores under many weights: sorted once."""

    def __init__(self, scores: Scores, judged: pl.DataFrame) -> None:
        self.order = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        self.ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        self.labels = labels_of(judged)[self.order]

    def average_precision(self, weights: Weights) -> float:
        """NaN where all frauds weigh nothing."""
        ranked = weights[self.order]
        flagged, caught = np.cumsum(ranked)[self.ends], np.cumsum(ranked * self.labels)[self.ends]
        if caught[-1] == 0:
            return float("nan")
        precision = np.divide(caught, flagged, out=np.zeros_like(caught), where=flagged > 0)
        return float(np.diff(caught, prepend=0) @ precision / caught[-1])


def _quantiles(values: pl.Series, tails: tuple[float, float]) -> Any:
    return np.quantile(values.to_numpy(), tails).tolist()
