"""XGBoost on rows that stay in Spark (`xgboost.spark`): as on one node, on as many tasks as there are workers."""

from typing import Any, Final

import xgboost as xgb
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from xgboost.spark import SparkXGBClassifier

from fraud_detection.models import boosting
from fraud_detection.models.families.family import Fitted
from fraud_detection.models.families.spark_rows import IS_HELD_OUT, LABEL, WEIGHT, RowsInSpark
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.search import Parameters
from fraud_detection.models.settings import TrainingSettings

START = boosting.STARTING_POINT
FEATURES: Final = "features"
"""One array: on single columns XGBoost 3.4 fails where a batch holds nothing but fitted, or held-out, rows."""


def fit(part: RowsInSpark, settings: TrainingSettings, parameters: Parameters) -> Fitted:
    """Fit boosters on samples of their own, each until the held-out days no longer gain."""
    boosters = []
    for seed in range(settings.seed, settings.seed + settings.boosters):
        model = make_estimator(settings, parameters, seed).fit(draw_and_hold_out(part, settings, seed))
        boosters.append(read_booster(model))
    return Fitted(Scorer(part.features, tuple(boosters)), parameters)


def make_estimator(settings: TrainingSettings, parameters: Parameters, seed: int) -> SparkXGBClassifier:
    """What one node is told, in the words of `xgboost.spark`."""
    return SparkXGBClassifier(
        features_col=FEATURES,
        label_col=LABEL,
        weight_col=WEIGHT,
        validation_indicator_col=IS_HELD_OUT,
        num_workers=settings.workers,
        n_estimators=settings.max_rounds,
        early_stopping_rounds=settings.patience,
        random_state=seed,
        verbose=False,
        **_of_spark(parameters),
    )


def read_booster(model: Any) -> xgb.Booster:
    """The best trees of a fitted model, whose matrix has no names."""
    whole = model.get_booster()
    best: xgb.Booster = whole[: whole.best_iteration + 1]
    best.feature_names = None
    return best


def draw_and_hold_out(part: RowsInSpark, settings: TrainingSettings, seed: int) -> DataFrame:
    """A sample to fit on, and the held-out days to stop by."""
    columns: list[Column | str] = [F.array(*part.features).alias(FEATURES), LABEL, WEIGHT, IS_HELD_OUT]
    held_out = part.rows.where(IS_HELD_OUT).withColumn(WEIGHT, F.lit(1.0))
    return part.draw_in_spark(settings.negative_share, seed).select(*columns).unionByName(held_out.select(*columns))


def _of_spark(parameters: Parameters) -> dict[str, Any]:
    whole = boosting.complete_parameters(parameters)
    return {name: value for name, value in whole.items() if name != "objective"}
