"""Champion against challenger on what they decided: what each saved, and how far the difference may be luck."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import average_precision_score

from fraud_detection.models.aliases import CHAMPION
from fraud_detection.models.costs import CostSettings, review_gains
from fraud_detection.models.metrics import labels_of
from fraud_detection.models.resampling import Interval, draw_cards, number_cards

PER: Final = 1000
REPLICATES: Final = 400
TAILS: Final = (0.025, 0.975)

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class VariantResult:
    """What one variant did with the transactions whose labels have come.

    Attributes:
        saving: per thousand transactions, before the limit of reviews, which variants share.
        lead: of that saving over the champion's; None for the champion.
        average_precision: None where the variant saw one class only.
    """

    variant: str
    customers: int
    transactions: int
    frauds: int
    average_precision: float | None
    saving: Interval
    lead: Interval | None


def compare_variants(decided: pl.DataFrame, costs: CostSettings) -> list[VariantResult]:
    """Compare variants by a bootstrap that draws customers: one draw serves all variants.

    Where variants share customers, as a shadow does with the champion, what they share cancels; where they don't, the
    draws are as good as independent.

    Args:
        decided: variant, customer_id, event_time, amount_cents, is_fraud (never null), score, threshold.
        costs: what a mistake costs.

    Returns:
        The champion first; nothing where it decided nothing.
    """
    names = decided["variant"].unique().sort().to_list()
    if CHAMPION not in names:
        return []
    card = number_cards(decided)
    cards = int(card.max()) + 1
    alerted = decided["score"].to_numpy() >= decided["threshold"].to_numpy()
    gains, variant = review_gains(decided, costs) * alerted, decided["variant"].to_numpy()
    own = {name: variant == name for name in (CHAMPION, *(other for other in names if other != CHAMPION))}
    gained = {name: np.bincount(card[rows], gains[rows], cards) for name, rows in own.items()}
    counted = {name: np.bincount(card[rows], minlength=cards).astype(np.float64) for name, rows in own.items()}
    drawn = np.array([_rates(gained, counted, weights) for weights in draw_cards(cards, REPLICATES)])
    whole = _rates(gained, counted, np.ones(cards))
    return [
        _describe(decided.filter(pl.Series(rows)), name, _interval(whole[place], drawn[:, place]), lead)
        for place, (name, rows) in enumerate(own.items())
        for lead in [_interval(whole[place] - whole[0], drawn[:, place] - drawn[:, 0]) if place else None]
    ]


def _rates(gained: dict[str, Sums], counted: dict[str, Sums], weights: Sums) -> Sums:
    """Saving per thousand transactions of each variant, in one draw."""
    transactions = {name: float(counts @ weights) or 1.0 for name, counts in counted.items()}
    return np.array([PER * float(gains @ weights) / transactions[name] for name, gains in gained.items()])


def _interval(value: float, drawn: Sums) -> Interval:
    low, high = np.quantile(drawn, TAILS).tolist()
    return Interval(float(value), low, high)


def _describe(rows: pl.DataFrame, name: str, saving: Interval, lead: Interval | None) -> VariantResult:
    labels = labels_of(rows)
    frauds = int(labels.sum())
    both = 0 < frauds < labels.size
    precision = float(average_precision_score(labels, rows["score"].to_numpy())) if both else None
    return VariantResult(name, rows["customer_id"].n_unique(), rows.height, frauds, precision, saving, lead)


def as_rows(results: Sequence[VariantResult]) -> list[dict[str, object]]:
    """Rows of the table variant_results, without day and experiment."""
    return [
        {
            "variant": one.variant,
            "customers": one.customers,
            "transactions": one.transactions,
            "frauds": one.frauds,
            "average_precision": one.average_precision,
            **_spread("saving", one.saving),
            **_spread("lead", one.lead),
        }
        for one in results
    ]


def _spread(name: str, interval: Interval | None) -> dict[str, float | None]:
    parts = {"": "value", "_low": "low", "_high": "high"}
    return {f"{name}{suffix}": getattr(interval, part) if interval else None for suffix, part in parts.items()}
