"""The simple road: scikit-learn's grid search on prequential folds, in parallel where joblib is told to be."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from joblib import parallel_config  # type: ignore[import-untyped]
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV

from fraud_detection.models.boosting import feature_matrix
from fraud_detection.models.metrics import labels_of
from fraud_detection.models.split import Fold, evaluation_rows, training_rows

Places = npt.NDArray[np.uint32]


def search_grid(
    estimator: BaseEstimator,
    grid: Mapping[str, Sequence[object]],
    rows: pl.DataFrame,
    features: Sequence[str],
    folds: Sequence[tuple[Places, Places]],
    workers: int = 1,
    backend: str = "threading",
) -> GridSearchCV:
    """Judge every point of a grid by average precision on every fold; nothing is pruned and nothing is resumed.

    Args:
        estimator: anything of scikit-learn's manner, such as `xgboost.XGBClassifier`.
        rows: labelled.
        folds: as `split_rows` gives them, by place in the rows.
        workers: fits at a time.
        backend: of joblib; with `joblib_backend.register_spark()` the fits run on Spark's workers, which get the rows
            with each fit.
    """
    asked = GridSearchCV(estimator, dict(grid), scoring="average_precision", cv=list(folds), refit=False)
    with parallel_config(backend=backend, n_jobs=workers):
        return asked.fit(feature_matrix(rows, features), labels_of(rows))


def split_rows(rows: pl.DataFrame, folds: Sequence[Fold], window_days: int) -> list[tuple[Places, Places]]:
    """The places of what each fold trains on and of its test week, which comes a label delay later."""
    placed = rows.with_row_index("place")
    pairs = [(training_rows(placed, fold, window_days), evaluation_rows(placed, fold)) for fold in folds]
    return [(fitted["place"].to_numpy(), judged["place"].to_numpy()) for fitted, judged in pairs]
