"""XGBoost on rows that stay in Spark (`xgboost.spark`): as on one node, on as many tasks as there are workers."""

from typing import Any

import xgboost as xgb
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from xgboost.spark import SparkXGBClassifier

from fraud_detection.models import boosting
from fraud_detection.models.families.family import Fitted
from fraud_detection.models.families.spark_rows import IS_HELD_OUT, LABEL, WEIGHT, RowsInSpark
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.search import Parameters
from fraud_detection.models.settings import TrainingSettings

START = boosting.STARTING_POINT


def fit(part: RowsInSpark, settings: TrainingSettings, parameters: Parameters) -> Fitted:
    """Fit boosters on samples of their own, each until the held-out days no longer gain."""
    seeds = range(settings.seed, settings.seed + settings.boosters)
    boosters = tuple(_fit_booster(part, settings, parameters, seed) for seed in seeds)
    return Fitted(Scorer(part.features, boosters), parameters)


def _fit_booster(part: RowsInSpark, settings: TrainingSettings, parameters: Parameters, seed: int) -> xgb.Booster:
    estimator = SparkXGBClassifier(
        features_col=list(part.features),
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
    booster = estimator.fit(_drawn_and_held_out(part, settings.negative_share, seed)).get_booster()
    best: xgb.Booster = booster[: booster.best_iteration + 1]
    best.feature_names = None  # the matrix that is scored has none
    return best


def _drawn_and_held_out(part: RowsInSpark, share: float, seed: int) -> DataFrame:
    columns = [*part.features, LABEL, WEIGHT, IS_HELD_OUT]
    held_out = part.rows.where(IS_HELD_OUT).withColumn(WEIGHT, F.lit(1.0))
    return part.draw_in_spark(share, seed).select(*columns).unionByName(held_out.select(*columns))


def _of_spark(parameters: Parameters) -> dict[str, Any]:
    whole = boosting.complete_parameters(parameters)
    return {name: value for name, value in whole.items() if name != "objective"}
