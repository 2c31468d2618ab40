"""What a family of models is given, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from fraud_detection.errors import ConfigurationError
from fraud_detection.models.boosting import Matrix, Sample, draw_sample, feature_matrix
from fraud_detection.models.metrics import labels_of
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.search import Parameters
from fraud_detection.models.settings import TrainingSettings

FRAUD_WEIGHT = "scale_pos_weight"
"""What a fraud weighs, in every family's parameters."""


@dataclass(frozen=True)
class HeldOut:
    """The days that are not fitted on, and that some families stop by."""

    matrix: Matrix
    labels: npt.NDArray[np.bool_]


class Part(Protocol):
    """The rows that are fitted on, wherever they are."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that are learned from, in order."""

    @property
    def held_out(self) -> HeldOut:
        """The held-out days, which are always here."""

    def draw(self, share: float, seed: int) -> Sample:
        """All frauds and a share of the others on this node, weighted so that the classes keep their sums."""


@dataclass(frozen=True)
class RowsHere:
    """Rows in the memory of this process."""

    rows: pl.DataFrame
    features: tuple[str, ...]
    held_out: HeldOut

    def draw(self, share: float, seed: int) -> Sample:
        """See `Part`."""
        return draw_sample(self.rows, self.features, share, seed)


@dataclass(frozen=True)
class Fitted:
    """What is left of fitting.

    Attributes:
        scorer: not calibrated; its margins are log-odds.
        parameters: those that were fitted with.
        tried: the grid of a family that chose its parameters itself, by `value`.
    """

    scorer: Scorer
    parameters: Parameters = field(default_factory=dict)
    tried: pl.DataFrame | None = None


class Fit(Protocol):
    """Fits a family."""

    def __call__(self, part: Any, settings: TrainingSettings, parameters: Parameters) -> Fitted:
        """Fit on a part: rows here, or for a family of Spark rows there (`spark_rows.RowsInSpark`)."""


@dataclass(frozen=True)
class Family:
    """A family that can be asked for.

    Attributes:
        start: its parameters where nothing is set.
        on_spark: whether it is fitted by Spark, on rows that stay there.
        takes_any: whether it has parameters beyond those of the starting point.
    """

    name: str
    fit: Fit
    start: Parameters
    on_spark: bool = False
    takes_any: bool = False

    def complete(self, given: Parameters) -> Parameters:
        """What is given on top of the starting point.

        Raises:
            ConfigurationError: a name that the family does not know.
        """
        unknown = sorted(set(given) - set(self.start))
        if unknown and not self.takes_any:
            known = ", ".join(sorted(self.start))
            raise ConfigurationError(
                f"training.parameters of {self.name} names {', '.join(unknown)}; known are {known}"
            )
        return {**self.start, **given}


def hold_out(rows: pl.DataFrame, features: Sequence[str]) -> HeldOut:
    """The held-out rows as families read them."""
    return HeldOut(feature_matrix(rows, features), labels_of(rows))
