"""What a model's scores are worth: ranking of transactions, ranking of cards, calibration."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from fraud_detection.errors import ModelError

Scores = npt.NDArray[np.floating]
Labels = npt.NDArray[np.bool_]

CARDS_A_DAY = 100
CALIBRATION_BINS = 20


@dataclass(frozen=True)
class Metrics:
    """The results of one model on one set of labelled transactions.

    Attributes:
        card_precision: CP@100, which depends on how many cards there are.
        card_share: CP@100 as a share of what perfect scores would reach, which doesn't.
    """

    auc_roc: float
    average_precision: float
    card_precision: float
    card_share: float
    calibration_error: float
    brier: float
    rows: int
    frauds: int

    def as_dict(self) -> dict[str, float]:
        """By name, as they are logged."""
        return asdict(self)


def evaluate(rows: pl.DataFrame, scores: Scores) -> Metrics:
    """All metrics of the scores of labelled rows.

    Args:
        rows: event_time, customer_id, is_fraud (never null).
        scores: one a row, in the order of the rows; probabilities, where calibration is to mean anything.

    Raises:
        ModelError: there are no rows, one class only, unknown labels, or scores that are not finite.
    """
    labels = labels_of(rows)
    check_scores(labels, scores)
    found = card_precision(rows, scores)
    return Metrics(
        auc_roc=float(roc_auc_score(labels, scores)),
        average_precision=float(average_precision_score(labels, scores)),
        card_precision=found,
        card_share=found / card_precision(rows, labels.astype(np.float64)),
        calibration_error=calibration_error(labels, scores),
        brier=float(brier_score_loss(labels, np.clip(scores, 0, 1))),
        rows=labels.size,
        frauds=int(labels.sum()),
    )


def labels_of(rows: pl.DataFrame) -> Labels:
    """The labels as booleans; an unknown one is an error, never a "not fraud"."""
    unknown = rows["is_fraud"].null_count()
    if unknown:
        raise ModelError(f"{unknown} of {rows.height} rows have no label; expected labelled rows: filter them first")
    return rows["is_fraud"].cast(pl.Boolean).to_numpy()


def check_scores(labels: Labels, scores: Scores) -> None:
    """Refuse what no metric is defined for."""
    if labels.size != scores.size:
        raise ModelError(f"{scores.size} scores for {labels.size} rows; expected one a row")
    if not labels.any() or labels.all():
        raise ModelError(f"{int(labels.sum())} frauds in {labels.size} rows; expected both classes")
    if not np.isfinite(scores).all():
        raise ModelError(f"{int((~np.isfinite(scores)).sum())} scores are not finite; expected numbers only")


def card_precision(rows: pl.DataFrame, scores: Scores, cards_a_day: int = CARDS_A_DAY) -> float:
    """CP@k: the share of the k most suspicious cards of a day that are compromised, mean over the days.

    A card's suspicion is the highest score of its transactions of the day; a card that was detected is blocked, so
    it takes no place on later days (Fraud Detection Handbook, 2022, chapter 4.4).
    """
    found: set[object] = set()
    shares = []
    for (_,), cards in _cards_by_day(rows, scores).group_by("day", maintain_order=True):
        waiting = cards.filter(~pl.col("customer_id").is_in(list(found)))
        compromised = waiting.head(cards_a_day).filter("is_fraud")
        found.update(compromised["customer_id"])
        shares.append(compromised.height / cards_a_day)
    return float(np.mean(shares))


def _cards_by_day(rows: pl.DataFrame, scores: Scores) -> pl.DataFrame:
    """One row a card and day, the most suspicious first; equal scores in the order of the card's identifier."""
    return (
        rows.select(pl.col("event_time").dt.date().alias("day"), "customer_id", pl.col("is_fraud").cast(pl.Boolean))
        .with_columns(pl.Series("score", scores))
        .group_by("day", "customer_id")
        .agg(pl.max("score"), pl.max("is_fraud"))
        .sort("day", "score", "customer_id", descending=[False, True, False])
    )


def calibration_error(labels: Labels, probabilities: Scores, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: mean distance of predicted and observed share of frauds over bins of equal size.

    Bins of equal size, since with bins of equal width nearly all rows of so rare a class fall into the first.
    """
    curve = reliability_curve(labels, probabilities, bins)
    gaps = np.abs(curve["predicted"] - curve["observed"])
    return float(np.average(gaps, weights=curve["rows"]))


def reliability_curve(labels: Labels, probabilities: Scores, bins: int = CALIBRATION_BINS) -> dict[str, Scores]:
    """For each bin of equal size, by rising probability: mean `predicted`, `observed` share of frauds, `rows`."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    return {
        "predicted": np.array([probabilities[part].mean() for part in parts]),
        "observed": np.array([labels[part].mean() for part in parts]),
        "rows": np.array([float(part.size) for part in parts]),
    }
