"""What alerts are worth: the loss that a review saves, what it costs, and how many of them people can do a day."""

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic.dataclasses import dataclass

from fraud_detection.errors import ConfigurationError
from fraud_detection.models.metrics import Labels, Scores, check_scores, labels_of
from fraud_detection.models.scorer import NO_ALERTS


@dataclass(frozen=True)
class CostSettings:
    """What a mistake costs, in the money of the amounts.

    Attributes:
        review_cost: of looking at one alert, whatever comes of it.
        loss_share: share of a fraud's amount that is lost unless it is reviewed in time.
        reviews_a_day: how many alerts can be looked at; the highest scores of a day go first, the rest is not reviewed.
    """

    review_cost: float = 5.0
    loss_share: float = 0.8
    reviews_a_day: int = 100

    def __post_init__(self) -> None:
        """Refuse costs that make no decision."""
        if self.review_cost < 0 or not 0 < self.loss_share <= 1 or self.reviews_a_day < 1:
            raise ConfigurationError(
                f"costs are {self.review_cost} a review, {self.loss_share} of a fraud, {self.reviews_a_day} a day; "
                "expected a cost from 0, a share above 0, up to 1, and at least one review"
            )


def choose_threshold(rows: pl.DataFrame, scores: Scores, costs: CostSettings) -> float:
    """The score from which on alerts save most on these rows; `NO_ALERTS` where no threshold saves anything.

    Args:
        rows: event_time, amount_cents, is_fraud; validation days only, never those on which the model is judged.
        scores: one a row.
        costs: what a review costs and saves.
    """
    check_scores(labels_of(rows), scores)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    saved = np.cumsum((review_gains(rows, costs) * within_capacity(rows, scores, costs))[order])
    last_of_its_score = np.append(ranked[1:] != ranked[:-1], True)
    best = int(np.argmax(np.where(last_of_its_score, saved, -np.inf)))
    return float(ranked[best]) if saved[best] > 0 else NO_ALERTS


def reviewed_gains(rows: pl.DataFrame, scores: Scores, threshold: float, costs: CostSettings) -> Scores:
    """What each row adds to the saving: its gain where it is alerted and reviewed, else 0."""
    reviewed = (scores >= threshold) & within_capacity(rows, scores, costs)
    return review_gains(rows, costs) * reviewed


def measure_saving(rows: pl.DataFrame, scores: Scores, threshold: float, costs: CostSettings) -> dict[str, float]:
    """Saving a day, alerts a day (before the limit of reviews), and the saving of a perfect ranking at its best."""
    days = count_days(rows)
    labels = labels_of(rows).astype(np.float64)
    possible = np.maximum(reviewed_gains(rows, labels * rows["amount_cents"].to_numpy(), 1, costs), 0)
    return {
        "saving_a_day": float(reviewed_gains(rows, scores, threshold, costs).sum()) / days,
        "possible_saving_a_day": float(possible.sum()) / days,
        "alerts_a_day": float((scores >= threshold).sum()) / days,
    }


def review_gains(rows: pl.DataFrame, costs: CostSettings) -> Scores:
    """What a review of each row brings: the loss that it prevents, less what it costs."""
    prevented = costs.loss_share * rows["amount_cents"].to_numpy() / 100 * labels_of(rows)
    return np.asarray(prevented - costs.review_cost, dtype=np.float64)


def within_capacity(rows: pl.DataFrame, scores: Scores, costs: CostSettings) -> Labels:
    """Whether a row is among the highest scores of its day that people have time for."""
    days = rows.select(pl.col("event_time").dt.date().alias("day")).with_columns(pl.Series("score", scores))
    place = days.select(pl.col("score").rank("ordinal", descending=True).over("day"))["score"]
    within: npt.NDArray[np.bool_] = place.to_numpy() <= costs.reviews_a_day
    return within


def count_days(rows: pl.DataFrame) -> int:
    """How many days the rows lie on."""
    return rows["event_time"].dt.date().n_unique()
