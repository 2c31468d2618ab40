"""A version of a model that scores, and how the champion is found and a version loaded."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from mlflow import MlflowClient

from fraud_detection.errors import ModelError
from fraud_detection.models.aliases import CHAMPION, find_version
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.tracking import load_scorer

SHOWN: Final = 10
TRIED_ROWS: Final = 2


@dataclass(frozen=True)
class Model:
    """One version of a model, ready to score, and which part it plays: champion, challenger or shadow."""

    name: str
    version: int
    scorer: Scorer
    variant: str = CHAMPION

    def require_features(self, columns: Iterable[str]) -> None:
        """Refuse rows that lack what the model reads.

        Raises:
            ModelError: names the features that are missing.
        """
        present = set(columns)
        missing = [name for name in self.scorer.features if name not in present]
        if missing:
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            raise ModelError(
                f"version {self.version} of {self.name} reads {', '.join(missing[:SHOWN])}{more}, which the table of "
                "features lacks; expected every feature of the model: run feature_build with the definitions that it "
                "was trained with, or promote a version that was trained with these"
            )


def find_champion(client: MlflowClient, name: str) -> int:
    """The version that scores.

    Raises:
        ModelError: the model has no champion.
        GateError: the registry doesn't say.
    """
    version = find_version(client, name, CHAMPION)
    if version is None:
        raise ModelError(
            f"model {name} has no champion; expected a version with that alias: run the training job until a "
            "candidate passes the gate, or promote one with `fraud-model promote`"
        )
    return version


def load_version(name: str, version: int) -> Model:
    """Load a version and try it; what is wrong with its files is MLflow's error.

    Raises:
        ModelError: its scores are no probabilities.
    """
    model = Model(name, version, load_scorer(f"models:/{name}/{version}"))
    probabilities = model.scorer.probabilities(np.zeros((TRIED_ROWS, len(model.scorer.features)), np.float32))
    if not np.all((probabilities >= 0) & (probabilities <= 1)):
        raise ModelError(f"version {version} of {name} answers no probabilities; expected numbers from 0 to 1")
    return model
