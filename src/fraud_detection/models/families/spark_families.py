"""The families that Spark fits, by name."""

from typing import Final

from fraud_detection.models.families import spark_ml, xgboost_spark
from fraud_detection.models.families.family import Family

ON_SPARK: Final = {
    "xgboost_spark": Family("xgboost_spark", xgboost_spark.fit, xgboost_spark.START, on_spark=True, takes_any=True),
    **{recipe.family: Family(recipe.family, recipe.fit, recipe.start, on_spark=True) for recipe in spark_ml.RECIPES},
}
