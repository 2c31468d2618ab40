"""Logistic regression by scikit-learn, on one node: the baseline."""

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fraud_detection.models.families.family import FRAUD_WEIGHT, Fitted, Part
from fraud_detection.models.scorer import Linear, Scorer
from fraud_detection.models.search import Parameters
from fraud_detection.models.settings import TrainingSettings

START: Parameters = {"C": 1.0, "max_iter": 1_000, FRAUD_WEIGHT: 1}


def fit(part: Part, settings: TrainingSettings, parameters: Parameters) -> Fitted:
    """Fill gaps by medians, standardise, fit; all of it learned from the sample alone."""
    sample = part.draw(settings.negative_share, settings.seed)
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    scaler = StandardScaler()
    matrix = scaler.fit_transform(imputer.fit_transform(sample.matrix.astype(np.float64)))
    weights = sample.weights * np.where(sample.labels, parameters[FRAUD_WEIGHT], 1)
    line = LogisticRegression(C=parameters["C"], max_iter=int(parameters["max_iter"]))
    line.fit(matrix, sample.labels, sample_weight=weights)
    linear = Linear(
        coefficients=tuple(line.coef_[0].tolist()),
        means=tuple(scaler.mean_.tolist()),
        scales=tuple(scaler.scale_.tolist()),
        absent=tuple(imputer.statistics_.tolist()),
        intercept=float(line.intercept_[0]),
    )
    return Fitted(Scorer(part.features, linear=(linear,)), parameters)
