"""The models in use: looked up by their alias, loaded and tried beside the old one, then put in its place at once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from mlflow import MlflowClient

from fraud_detection.features.registry import ALL_FEATURES
from fraud_detection.models.aliases import CHALLENGER, CHAMPION, Candidacy, find_version
from fraud_detection.scoring.champion import Model, load_version
from fraud_detection.scoring.online.metrics import CHALLENGER_VERSION, RELOADS, VERSION
from fraud_detection.scoring.online.problems import Problem
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.variants import LineUp, Resting, line_up

WARM_UP_ROWS: Final = 4
ALONE: Final = ScoringSettings()

log = logging.getLogger(__name__)


class LiveModel:
    """The version behind an alias, renewed while requests are answered; a request keeps the one that it began with."""

    def __init__(
        self, name: str, find: Callable[[], int | None], load: Callable[[int], Model], alias: Candidacy = CHAMPION
    ) -> None:
        """Say how the version behind the alias is found, and how it is loaded."""
        self.name, self.alias = name, alias
        self._find, self._load = find, load
        self._model: Model | None = None
        self._absent = Problem("no_champion", f"{name} has no version with the alias {alias}: promote one")
        self._problem = self._absent

    def current(self) -> Model:
        """The model.

        Raises:
            Problem: no_champion or model_failed.
        """
        if self._model is None:
            raise replace(self._problem)
        return self._model

    def peek(self) -> Model | None:
        """The model, if there is one that can be used."""
        return self._model

    async def renew(self) -> None:
        """Look the alias up; a version that cannot be found or loaded leaves the one in use where it is."""
        try:
            changed = await asyncio.to_thread(self._find_changed)
        except Exception as error:
            # Whatever a broken model raises while it is loaded must not end the app that serves the old one.
            log.exception("the %s of %s cannot be renewed", self.alias, self.name)
            RELOADS.labels("failed").inc()
            if self._model is None:
                detail = f"{type(error).__name__} while the {self.alias} of {self.name} was loaded: see the log"
                self._problem = Problem("model_failed", detail)
            return
        if changed is not self._model:
            self._swap(changed)

    def _find_changed(self) -> Model | None:
        version = self._find()
        if version is None or (self._model and self._model.version == version):
            return self._model if version else None
        return self._load(version)

    def _swap(self, model: Model | None) -> None:
        self._model = model
        (VERSION if self.alias == CHAMPION else CHALLENGER_VERSION).set(model.version if model else 0)
        RELOADS.labels("changed").inc()
        self._problem = self._absent
        log.info("%s of %s: %s", self.alias, self.name, model.version if model else "none")


class LiveLineUp:
    """Champion and challenger in use; each renewed by itself: a promotion never waits for the other's files."""

    def __init__(
        self, champion: LiveModel, challenger: LiveModel | None = None, settings: ScoringSettings = ALONE
    ) -> None:
        """Say who takes part, and by which rule."""
        self.champion, self._challenger, self._settings = champion, challenger, settings
        self._resting = Resting()

    def current(self) -> LineUp:
        """Who scores now.

        Raises:
            Problem: no_champion or model_failed.
        """
        challenger = self._challenger.peek() if self._challenger else None
        now = line_up(self.champion.current(), challenger, self._settings)
        return replace(now, rests=True) if challenger and challenger.version in self._resting else now

    def let_rest(self, challenger: Model) -> None:
        """Ask a challenger that failed for nothing for a while: no request pays for it, and no log is flooded."""
        self._resting.begin(challenger.version)

    async def renew(self) -> None:
        """Look both aliases up; the app starts with both, so that no customer changes sides in its first minutes."""
        await asyncio.gather(*(model.renew() for model in self._models()))

    async def keep_new(self, seconds: float) -> None:
        """Renew both for ever."""
        await asyncio.gather(*(_keep_new(model, seconds) for model in self._models()))

    def _models(self) -> list[LiveModel]:
        return [model for model in (self.champion, self._challenger) if model]


async def _keep_new(model: LiveModel, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await model.renew()


def registered_line_up(name: str, settings: ScoringSettings) -> LiveLineUp:
    """The line-up of a model of MLflow's registry."""
    challenger = registered_model(name, CHALLENGER) if settings.challenger != "off" else None
    return LiveLineUp(registered_model(name), challenger, settings)


def registered_model(name: str, alias: Candidacy = CHAMPION) -> LiveModel:
    """The version behind an alias of a model of MLflow's registry."""
    client = MlflowClient()
    return LiveModel(
        name, lambda: find_version(client, name, alias), lambda version: load_and_try(name, version), alias
    )


def load_and_try(name: str, version: int) -> Model:
    """Load a version and try it, so that its first request is as quick as its second.

    Raises:
        ModelError: its scores are no probabilities, or it reads features that this release does not compute.
    """
    model = load_version(name, version)
    model.require_features(ALL_FEATURES)
    rows = np.zeros((WARM_UP_ROWS, len(model.scorer.features)), np.float32)
    model.scorer.probabilities(rows)
    model.scorer.reasons(rows, 1)
    return model
