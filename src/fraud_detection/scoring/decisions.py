"""Rows with features in, scores and decisions out: what a batch, a stream and a Spark worker do alike."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud_detection.models.scorer import Scorer
from fraud_detection.scoring.settings import ScoringSettings

DECISION: Final = {"probability": pa.float64(), "is_alert": pa.bool_(), "reasons": pa.string()}
"""The columns that scoring adds, and their types."""


def feature_matrix(rows: pa.RecordBatch, features: Sequence[str]) -> npt.NDArray[np.float32]:
    """The features in order, one row each, NaN where a value is absent."""
    matrix = np.empty((rows.num_rows, len(features)), dtype=np.float32)
    for place, name in enumerate(features):
        matrix[:, place] = rows.column(name).to_numpy(zero_copy_only=False)
    return matrix


def decide(rows: pa.RecordBatch, scorer: Scorer, settings: ScoringSettings) -> list[pa.Array]:
    """The columns `DECISION` of rows that hold the model's features."""
    matrix = feature_matrix(rows, scorer.features)
    probabilities = scorer.probabilities(matrix)
    alerts = probabilities >= scorer.threshold
    reasons = explain(matrix, alerts, scorer, settings)
    return [
        pa.array(values, kind) for values, kind in zip((probabilities, alerts, reasons), DECISION.values(), strict=True)
    ]


def explain(
    matrix: npt.NDArray[np.float32], alerts: npt.NDArray[np.bool_], scorer: Scorer, settings: ScoringSettings
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
