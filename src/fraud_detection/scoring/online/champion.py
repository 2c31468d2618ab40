"""The model in use: looked up by its alias, loaded and tried beside the old one, then put in its place at once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from mlflow import MlflowClient

from fraud_detection.errors import ModelError
from fraud_detection.features.registry import ALL_FEATURES
from fraud_detection.models.aliases import CHAMPION, find_version
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.tracking import load_scorer
from fraud_detection.scoring.online.metrics import RELOADS, VERSION
from fraud_detection.scoring.online.problems import Problem

WARM_UP_ROWS: Final = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """A version that is ready to score."""

    name: str
    version: int
    scorer: Scorer


class Model:
    """The champion in use, renewed while requests are answered; a request keeps the one that it began with."""

    def __init__(self, name: str, find: Callable[[], int | None], load: Callable[[int], Champion]) -> None:
        """Say how the version behind the alias is found, and how it is loaded."""
        self.name = name
        self._find, self._load = find, load
        self._champion: Champion | None = None
        self._absent = Problem("no_champion", f"{name} has no version with the alias {CHAMPION}: promote one")
        self._problem = self._absent

    def current(self) -> Champion:
        """The champion.

        Raises:
            Problem: no_champion or model_failed.
        """
        if self._champion is None:
            raise self._problem
        return self._champion

    async def renew(self) -> None:
        """Look the alias up; a version that cannot be found or loaded leaves the one in use where it is."""
        try:
            changed = await asyncio.to_thread(self._find_changed)
        except Exception as error:
            # Whatever a broken model raises while it is loaded must not end the app that serves the old one.
            log.exception("the champion of %s cannot be renewed", self.name)
            RELOADS.labels("failed").inc()
            if self._champion is None:
                detail = f"{type(error).__name__} while the champion of {self.name} was loaded: see the log"
                self._problem = Problem("model_failed", detail)
            return
        if changed is not self._champion:
            self._swap(changed)

    async def keep_new(self, seconds: float) -> None:
        """Renew for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self.renew()

    def _find_changed(self) -> Champion | None:
        version = self._find()
        if version is None or (self._champion and self._champion.version == version):
            return self._champion if version else None
        return self._load(version)

    def _swap(self, champion: Champion | None) -> None:
        self._champion = champion
        VERSION.set(champion.version if champion else 0)
        RELOADS.labels("changed").inc()
        self._problem = self._absent
        log.info("champion of %s: %s", self.name, champion.version if champion else "none")


def registered_model(name: str) -> Model:
    """The champion of a model of MLflow's registry."""
    client = MlflowClient()
    return Model(name, lambda: find_version(client, name), lambda version: load_champion(name, version))


def load_champion(name: str, version: int) -> Champion:
    """Load a version and try it, so that its first request is as quick as its second.

    Raises:
        ModelError: it reads features that this release does not compute, or its scores are no probabilities.
    """
    scorer = load_scorer(f"models:/{name}/{version}")
    lacking = sorted(set(scorer.features) - set(ALL_FEATURES))
    if lacking:
        raise ModelError(
            f"version {version} of {name} reads {', '.join(lacking)}; expected features of this release: deploy the "
            "release that the version was trained with, or train anew"
        )
    rows = np.zeros((WARM_UP_ROWS, len(scorer.features)), np.float32)
    scorer.reasons(rows, 1)
    if not np.all((scorer.probabilities(rows) >= 0) & (scorer.probabilities(rows) <= 1)):
        raise ModelError(f"version {version} of {name} answers no probabilities; expected numbers from 0 to 1")
    return Champion(name, version, scorer)
