"""The model in use: looked up by its alias, loaded and tried beside the old one, then put in its place at once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from mlflow import MlflowClient

from fraud_detection.errors import ModelError
from fraud_detection.features.registry import ALL_FEATURES
from fraud_detection.models.aliases import CHAMPION, find_version
from fraud_detection.scoring.champion import Model, load_version
from fraud_detection.scoring.online.metrics import RELOADS, VERSION
from fraud_detection.scoring.online.problems import Problem

WARM_UP_ROWS: Final = 4

log = logging.getLogger(__name__)


class LiveModel:
    """The champion in use, renewed while requests are answered; a request keeps the one that it began with."""

    def __init__(self, name: str, find: Callable[[], int | None], load: Callable[[int], Model]) -> None:
        """Say how the version behind the alias is found, and how it is loaded."""
        self.name = name
        self._find, self._load = find, load
        self._model: Model | None = None
        self._absent = Problem("no_champion", f"{name} has no version with the alias {CHAMPION}: promote one")
        self._problem = self._absent

    def current(self) -> Model:
        """The champion.

        Raises:
            Problem: no_champion or model_failed.
        """
        if self._model is None:
            raise replace(self._problem)
        return self._model

    async def renew(self) -> None:
        """Look the alias up; a version that cannot be found or loaded leaves the one in use where it is."""
        try:
            changed = await asyncio.to_thread(self._find_changed)
        except Exception as error:
            # Whatever a broken model raises while it is loaded must not end the app that serves the old one.
            log.exception("the champion of %s cannot be renewed", self.name)
            RELOADS.labels("failed").inc()
            if self._model is None:
                detail = f"{type(error).__name__} while the champion of {self.name} was loaded: see the log"
                self._problem = Problem("model_failed", detail)
            return
        if changed is not self._model:
            self._swap(changed)

    async def keep_new(self, seconds: float) -> None:
        """Renew for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self.renew()

    def _find_changed(self) -> Model | None:
        version = self._find()
        if version is None or (self._model and self._model.version == version):
            return self._model if version else None
        return self._load(version)

    def _swap(self, model: Model | None) -> None:
        self._model = model
        VERSION.set(model.version if model else 0)
        RELOADS.labels("changed").inc()
        self._problem = self._absent
        log.info("champion of %s: %s", self.name, model.version if model else "none")


def registered_model(name: str) -> LiveModel:
    """The champion of a model of MLflow's registry."""
    client = MlflowClient()
    return LiveModel(name, lambda: find_version(client, name), lambda version: load_and_try(name, version))


def load_and_try(name: str, version: int) -> Model:
    """Load a version and try it, so that its first request is as quick as its second.

    Raises:
        ModelError: it reads features that this release does not compute, or its scores are no probabilities.
    """
    model = load_version(name, version)
    model.require_features(ALL_FEATURES)
    rows = np.zeros((WARM_UP_ROWS, len(model.scorer.features)), np.float32)
    model.scorer.reasons(rows, 1)
    probabilities = model.scorer.probabilities(rows)
    if not np.all((probabilities >= 0) & (probabilities <= 1)):
        raise ModelError(f"version {version} of {name} answers no probabilities; expected numbers from 0 to 1")
    return model
