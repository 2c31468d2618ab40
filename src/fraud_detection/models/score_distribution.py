"""How scores are spread, in a few numbers that are kept with the model, and how far other scores are from it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fraud_detection.models.metrics import Scores

BINS: Final = 10
LEAST_SHARE: Final = 1e-4  # an empty bin would make the index infinite


@dataclass(frozen=True)
class ScoreDistribution:
    """Edges between bins of scores, rising, and the share of the scores in each bin: one more than edges."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def shift(self, scores: Scores) -> float:
        """Population stability index: 0 for the same spread; above .25 is commonly read as another population."""
        return population_stability(np.asarray(self.shares), _shares(scores, self.edges))


def population_stability(expected: Scores, found: Scores) -> float:
    """Sum of (found - expected) ln(found / expected) over bins' shares (Siddiqi, 2006); 0 for the same spread."""
    expected, found = np.maximum(expected, LEAST_SHARE), np.maximum(found, LEAST_SHARE)
    return float(np.sum((found - expected) * np.log(found / expected)))


def describe_scores(scores: Scores) -> ScoreDistribution:
    """Deciles, and the shares between them, which ties make unequal."""
    edges = np.unique(np.quantile(scores, np.arange(1, BINS) / BINS))
    return ScoreDistribution(tuple(edges.tolist()), tuple(_shares(scores, tuple(edges)).tolist()))


def _shares(scores: Scores, edges: tuple[float, ...]) -> Scores:
    counts = np.bincount(np.searchsorted(edges, scores), minlength=len(edges) + 1)
    return np.asarray(counts / scores.size)
