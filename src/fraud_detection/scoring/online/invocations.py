"""MLflow's contract of POST /invocations: features in, predictions out, for clients of MLflow's scoring server."""

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
import pandas as pd

from fraud_detection.models.scorer import REASONS
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.online.problems import Problem

JSON: Final = "application/json"
CSV: Final = "text/csv"
TYPES: Final = {JSON: "json", CSV: "csv"}

READERS: Final[Mapping[str, Callable[[Any], pd.DataFrame]]] = {
    "dataframe_split": lambda given: pd.DataFrame(given["data"], columns=given.get("columns")),
    "dataframe_records": pd.DataFrame,
    "instances": pd.DataFrame,
    "inputs": pd.DataFrame,
}


def predict(body: bytes, media_type: str, champion: Model) -> bytes:
    """The answer that MLflow's scoring server gives for the same model: {"predictions": [{probability, is_alert}]}.

    Raises:
        Problem: not_json, or bad_request where features are missing or no numbers.
    """
    rows, most = _read(body, media_type)
    matrix = _to_matrix(rows, champion.scorer.features)
    probabilities = champion.scorer.probabilities(matrix)
    columns: dict[str, Any] = {
        "probability": probabilities.tolist(),
        "is_alert": (probabilities >= champion.scorer.threshold).tolist(),
    }
    if most:
        columns[REASONS] = champion.scorer.reasons(matrix, most)
    answers = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return json.dumps({"predictions": answers}).encode()


def _read(body: bytes, media_type: str) -> tuple[pd.DataFrame, int]:
    """The rows, and how many reasons are wanted of each."""
    try:
        if media_type == CSV:
            return pd.read_csv(BytesIO(body)), 0
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem("not_json", f"the body is no {TYPES[media_type]}") from error
    forms = [form for form in READERS if isinstance(given, dict) and form in given]
    if len(forms) != 1:
        raise Problem("bad_request", f"expected an object with one of {', '.join(READERS)}")
    try:
        return READERS[forms[0]](given[forms[0]]), int((given.get("params") or {}).get(REASONS, 0))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise Problem("bad_request", f"{forms[0]} holds no table, or params no numbers: {error}") from error


def _to_matrix(rows: pd.DataFrame, features: tuple[str, ...]) -> np.ndarray:
    lacking = [name for name in features if name not in rows.columns]
    if lacking:
        raise Problem("bad_request", f"columns {', '.join(lacking)} are missing; expected all features of the model")
    try:
        return rows[list(features)].to_numpy(dtype=np.float64, na_value=np.nan).astype(np.float32)
    except (OverflowError, TypeError, ValueError) as error:
        raise Problem("bad_request", f"a feature is no number: {error}") from error
