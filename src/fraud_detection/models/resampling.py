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
from fraud_detection.models.metrics import Labels, Scores, labels_of

Weights = npt.NDArray[np.float64]
Cards = npt.NDArray[np.int64]
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
    card = number_cards(judged)
    curves = {name: _Curve(outcome.scores, labels_of(judged), card) for name, outcome in outcomes.items()}
    gains = {name: np.bincount(card, outcome.gains) / days for name, outcome in outcomes.items()}

    def measure(drawn: Weights) -> dict[str, float]:
        found = {name: curve.average_precision(drawn) for name, curve in curves.items()}
        saved = {name: float(gain @ drawn) for name, gain in gains.items()}
        return _with_leads({"average_precision": found, "saving_a_day": saved})

    cards = int(card.max()) + 1
    draws = pl.DataFrame([measure(drawn) for drawn in draw_cards(cards, replicates)]).fill_nan(None).drop_nulls()
    if draws.is_empty():
        raise GateError(f"none of {replicates} draws of cards holds a fraud; expected frauds of several cards")
    whole = measure(np.ones(cards))
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    return {name: Interval(value, *_quantiles(draws[name], tails)) for name, value in whole.items()}


def number_cards(judged: pl.DataFrame) -> Cards:
    """The card of each row, as numbers from 0."""
    numbers: Cards = judged["customer_id"].rank("dense").to_numpy().astype(np.int64) - 1
    return numbers


def draw_cards(cards: int, replicates: int) -> Iterator[Weights]:
    """How often each card is in a draw of as many cards as there are, with putting back."""
    rng = np.random.default_rng(SEED)
    for _ in range(replicates):
        yield np.bincount(rng.integers(0, cards, cards), minlength=cards).astype(np.float64)


def _with_leads(figures: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    alone = {kind: found["candidate"] for kind, found in figures.items()}
    leads = {f"{kind}_lead": found["candidate"] - found.get("champion", np.nan) for kind, found in figures.items()}
    return alone | {kind: lead for kind, lead in leads.items() if "champion" in figures["average_precision"]}


class _Curve:
    """Average precision of the same scores under many draws: sorted once, and summed only between frauds."""

    def __init__(self, scores: Scores, labels: Labels, card: Cards) -> None:
        order = np.argsort(-scores, kind="stable")
        ranked, frauds = scores[order], np.flatnonzero(labels[order])
        last_of_its_score = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        ends_at = last_of_its_score[np.searchsorted(last_of_its_score, frauds)]
        ends = np.unique(ends_at)
        self.step, self.starts = np.searchsorted(ends, ends_at), np.append(0, ends[:-1] + 1)
        self.cards, self.fraud_cards = card[order][: ends[-1] + 1 if ends.size else 0], card[order][frauds]

    def average_precision(self, drawn: Weights) -> float:
        """NaN where no fraud was drawn."""
        caught = np.bincount(self.step, drawn[self.fraud_cards], self.starts.size)
        if not caught.any():
            return float("nan")
        flagged = np.cumsum(np.add.reduceat(drawn[self.cards], self.starts))
        precision = np.divide(np.cumsum(caught), flagged, out=np.zeros_like(flagged), where=flagged > 0)
        return float(caught @ precision / caught.sum())


def _quantiles(values: pl.Series, tails: tuple[float, float]) -> Any:
    return np.quantile(values.to_numpy(), tails).tolist()
