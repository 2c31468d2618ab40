"""The families by name."""

from typing import Final

from fraud_detection.models import boosting
from fraud_detection.models.families import logistic_node, xgboost_node
from fraud_detection.models.families.family import Family
from fraud_detection.models.settings import FamilyName

ON_NODE: Final = {
    "xgboost": Family("xgboost", xgboost_node.fit, boosting.STARTING_POINT, takes_any=True),
    "logistic_regression": Family("logistic_regression", logistic_node.fit, logistic_node.START),
}


def find_family(name: FamilyName) -> Family:
    """A family by its name; those of Spark are imported when they are asked for, so that nothing else needs Spark."""
    if name in ON_NODE:
        return ON_NODE[name]
    from fraud_detection.models.families.spark_families import ON_SPARK  # noqa: PLC0415  it imports pyspark

    return ON_SPARK[name]
