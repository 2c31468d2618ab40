"""Spark ML's logistic regression, random forest and gradient-boosted trees, each in a Pipeline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Final

import polars as pl
from pyspark.ml import Estimator, Pipeline
from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import Imputer, StandardScaler, VectorAssembler
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import DataFrame

from fraud_detection.models.families import spark_numbers
from fraud_detection.models.families.family import FRAUD_WEIGHT, Fitted
from fraud_detection.models.families.spark_rows import BLOCK, LABEL, WEIGHT, RowsInSpark
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.search import Parameters
from fraud_detection.models.settings import TrainingSettings

MAX_BINS: Final = 1024
"""Spark's default, 32, is too coarse for amounts and counts with long tails: docs/models.md has the figures."""
RAW, SCALED = "raw_vector", "scaled_vector"


@dataclass(frozen=True)
class Recipe:
    """A family of Spark ML.

    Attributes:
        estimator: the class of Spark.
        start: parameters by Spark's names, and what a fraud weighs.
        grid: the values that a cross-validation tries.
        scaled: whether the features are brought to one scale first.
        read: turns the fitted pipeline into numbers.
    """

    family: str
    estimator: Callable[..., Estimator[Any]]
    start: Parameters
    grid: Mapping[str, tuple[float, ...]]
    scaled: bool
    read: Callable[[Any, RowsInSpark], Scorer]

    def fit(self, part: RowsInSpark, settings: TrainingSettings, parameters: Parameters) -> Fitted:
        """Fit on one sample; with trials, cross-validate the grid and keep its best."""
        drawn = part.draw_in_spark(settings.negative_share, settings.seed, parameters[FRAUD_WEIGHT]).persist()
        try:
            if settings.trials:
                return self._choose(drawn, part, settings, parameters)
            model = self.pipeline(part.features, parameters, settings.seed).fit(drawn)
            return Fitted(self.read(model, part), parameters)
        finally:
            drawn.unpersist()

    def pipeline(self, features: tuple[str, ...], parameters: Parameters, seed: int) -> Pipeline:
        """Medians for gaps, one vector, one scale where it matters, the estimator: all fitted on the same rows."""
        filled = [f"filled_{name}" for name in features]
        imputer = Imputer(strategy="median", inputCols=list(features), outputCols=filled)
        vector = VectorAssembler(inputCols=filled, outputCol=RAW)
        scaling = [StandardScaler(inputCol=RAW, outputCol=SCALED, withMean=True)] if self.scaled else []
        columns = {"featuresCol": SCALED if self.scaled else RAW, "labelCol": LABEL, "weightCol": WEIGHT}
        own = {name: value for name, value in parameters.items() if name != FRAUD_WEIGHT}
        seeded = {} if self.scaled else {"seed": seed}
        return Pipeline(stages=[imputer, vector, *scaling, self.estimator(**columns, **own, **seeded)])

    def _choose(
        self, drawn: DataFrame, part: RowsInSpark, settings: TrainingSettings, parameters: Parameters
    ) -> Fitted:
        points = [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]
        points = list(islice(points, settings.trials))
        pipeline = self.pipeline(part.features, parameters, settings.seed)
        done = cross_validator(pipeline, points, settings.search_folds, settings.parallelism).fit(drawn)
        tried = pl.DataFrame([{**point, "value": value} for point, value in zip(points, done.avgMetrics, strict=True)])
        best = points[int(tried["value"].arg_max() or 0)]
        return Fitted(self.read(done.bestModel, part), {**parameters, **best}, tried)


def cross_validator(pipeline: Pipeline, points: list[dict[str, float]], folds: int, parallelism: int) -> CrossValidator:
    """Judges points by the area under precision and recall, on blocks of days that lie together.

    Days drawn at random would put a compromised terminal's frauds of one day on both sides.
    """
    estimator = pipeline.getStages()[-1]
    maps = [{estimator.getParam(name): value for name, value in point.items()} for point in points]
    judge = BinaryClassificationEvaluator(labelCol=LABEL, weightCol=WEIGHT, metricName="areaUnderPR")
    return CrossValidator(
        estimator=pipeline,
        estimatorParamMaps=maps,
        evaluator=judge,
        numFolds=folds,
        foldCol=BLOCK,
        parallelism=parallelism,
    )


RECIPES: Final = (
    Recipe(
        family="spark_logistic_regression",
        estimator=LogisticRegression,
        start={"regParam": 1e-5, "elasticNetParam": 0.0, "maxIter": 100, FRAUD_WEIGHT: 1},
        grid={"regParam": (1e-5, 1e-3, 1e-2)},
        scaled=True,
        read=spark_numbers.read_logistic,
    ),
    Recipe(
        family="spark_random_forest",
        estimator=RandomForestClassifier,
        start={"numTrees": 100, "maxDepth": 10, "minInstancesPerNode": 5, "maxBins": MAX_BINS, FRAUD_WEIGHT: 1},
        grid={"maxDepth": (8, 12)},
        scaled=False,
        read=spark_numbers.read_forest,
    ),
    Recipe(
        family="spark_gbt",
        estimator=GBTClassifier,
        start={
            "maxIter": 50,
            "maxDepth": 5,
            "stepSize": 0.1,
            "minInstancesPerNode": 20,
            "subsamplingRate": 0.8,
            "maxBins": MAX_BINS,
            FRAUD_WEIGHT: 1,
        },
        grid={"maxDepth": (4, 6)},
        scaled=False,
        read=spark_numbers.read_gbt,
    ),
)
