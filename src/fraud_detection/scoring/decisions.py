"""Features in, scores and decisions out: what a batch, a stream and a Spark worker do alike."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud_detection.errors import ModelError
from fraud_detection.models.scorer import Scorer
from fraud_detection.scoring.settings import ScoringSettings

Matrix = npt.NDArray[np.float32]

DECISION: Final = {"probability": pa.float64(), "is_alert": pa.bool_(), "reasons": pa.string()}
"""The columns that scoring adds, and their types."""


def feature_matrix(rows: pa.RecordBatch, features: Sequence[str]) -> Matrix:
    """The features in order, one row each, NaN where a value is absent."""
    matrix = np.empty((rows.num_rows, len(features)), dtype=np.float32)
    for place, name in enumerate(features):
        matrix[:, place] = rows.column(name).to_numpy(zero_copy_only=False)
    return matrix


def decide(matrix: Matrix, scorer: Scorer, settings: ScoringSettings) -> list[pa.Array]:
    """The columns `DECISION` of rows whose features, in the scorer's order, are those of a matrix.

    Raises:
        ModelError: the scorer gives no number for a row, which would pass for a decision not to alert.
    """
    probabilities = scorer.probabilities(matrix)
    if not np.isfinite(probabilities).all():
        lacking = int((~np.isfinite(probabilities)).sum())
        raise ModelError(
            f"the model gives no number for {lacking} of {len(probabilities)} rows; expected a probability for each: "
            "promote another version (`fraud-model rollback`), and let this one's training be looked at"
        )
    alerts = probabilities >= scorer.threshold
    values = (probabilities, alerts, explain(matrix, alerts, scorer, settings))
    return [pa.array(each, kind) for each, kind in zip(values, DECISION.values(), strict=True)]


def explain(
    matrix: Matrix, alerts: npt.NDArray[np.bool_], scorer: Scorer, settings: ScoringSettings
) -> list[str | None]:
    """Reasons of the rows that the settings ask for; None for the others."""
    wanted = {"alerts": alerts, "all": np.ones_like(alerts), "none": np.zeros_like(alerts)}[settings.reasons]
    found: list[str | None] = [None] * len(alerts)
    if wanted.any():
        for place, text in zip(
            np.flatnonzero(wanted), scorer.reasons(matrix[wanted], settings.most_reasons), strict=True
        ):
            found[place] = text
    return found
