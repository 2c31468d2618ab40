"""The search for hyperparameters: one objective, three places to run it, resumed where it was killed."""

from fraud_detection.models.search.space import Parameters

__all__ = ["Parameters"]
