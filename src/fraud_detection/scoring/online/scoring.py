"""Transactions to answers: histories from the store, features by the one definition, the champion's score."""

import json
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel

from fraud_detection.errors import StoreError
from fraud_detection.features.feature import Entity
from fraud_detection.features.online import EntityHistory, Incoming, compute_features_now
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY, NEVER
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spans import Numbers
from fraud_detection.features.stages import plan_stages
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.online.champion import LiveModel
from fraud_detection.scoring.online.history import STORED, Rows, pack
from fraud_detection.scoring.online.metrics import ALERTS, BATCH, FLAGS, SCORED, STORE_ERRORS
from fraud_detection.scoring.online.problems import Problem
from fraud_detection.scoring.online.store import Store

Flag = Literal["unknown_customer", "unknown_terminal"]
CHECKED_SECONDS: Final = 5.0
EVERYTHING: Final = -(2**62)
LOOK_BACK: Final[dict[Entity, int | None]] = {
    stage.entity: None if stage.is_delayed else stage.look_back_days for stage in plan_stages()
}
"""Days of events that a stage needs; None where late labels may make older ones count: then all that is kept."""


class Reason(BaseModel):
    """A feature that raises the score: its value (null where absent), and by how much, in log-odds."""

    feature: str
    value: float | None
    log_odds: float


class Score(BaseModel):
    """The answer to one transaction; names are those of the table of predictions."""

    transaction_id: str
    probability: float
    threshold: float
    is_alert: bool
    reasons: list[Reason]
    flags: list[Flag]
    model_name: str
    model_version: int
    variant: str
    scored_at: datetime


class Pipeline:
    """Scores with a store and a model; looks now and then whether the store is still filled as it must be."""

    def __init__(self, store: Store, model: LiveModel, features: FeatureSettings, reasons: int) -> None:
        """Say what to score with, and how many reasons a score has at most."""
        self.store, self.model, self.features, self.reasons = store, model, features, reasons
        self._good_until = 0.0

    async def score(self, transactions: Sequence[Incoming]) -> list[bytes]:
        """Score transactions with different ids together, and make them history; each answer is a JSON object.

        Raises:
            Problem: no_champion, model_failed or store_down; nothing became history then.
        """
        champion = self.model.current()
        try:
            await self._check()
            cards, terminals = await self._read(transactions)
            features = compute_features_now(transactions, cards, terminals, self.features)
            answers = self._answer(transactions, champion, features, (cards, terminals))
            await self.store.add(_to_rows(transactions, features))
        except StoreError as error:
            STORE_ERRORS.inc()
            raise Problem("store_down", str(error)) from error
        BATCH.observe(len(transactions))
        SCORED.inc(len(transactions))
        return answers

    async def _check(self) -> None:
        if time.monotonic() > self._good_until:
            await self.store.check()
            self._good_until = time.monotonic() + CHECKED_SECONDS

    async def _read(
        self, transactions: Sequence[Incoming]
    ) -> tuple[dict[str, EntityHistory], dict[str, EntityHistory]]:
        earliest = min(one.event_time for one in transactions)
        cards = {one.customer_id for one in transactions}
        terminals = {one.terminal_id for one in transactions}
        return (
            await self.store.read("customer_id", cards, _since("customer_id", earliest)),
            await self.store.read("terminal_id", terminals, _since("terminal_id", earliest)),
        )

    def _answer(
        self,
        transactions: Sequence[Incoming],
        champion: Model,
        features: dict[str, Numbers],
        known: tuple[Collection[str], Collection[str]],
    ) -> list[bytes]:
        scorer = champion.scorer
        matrix = np.column_stack([features[name] for name in scorer.features]).astype(np.float32)
        probabilities = scorer.probabilities(matrix)
        if not np.all(np.isfinite(probabilities)):
            raise Problem("model_failed", f"version {champion.version} of {champion.name} gave no number")
        reasons = scorer.reasons(matrix, self.reasons) if self.reasons else ["[]"] * len(transactions)
        flags = [_find_flags(one, *known) for one in transactions]
        _count(probabilities >= scorer.threshold, flags)
        end = _write_end(champion)
        return [
            _write(one, float(probability), scorer.threshold, why, raised, end)
            for one, probability, why, raised in zip(transactions, probabilities, reasons, flags, strict=True)
        ]


def _since(entity: Entity, earliest: int) -> int:
    days = LOOK_BACK[entity]
    return EVERYTHING if days is None else earliest - days * MICROSECONDS_A_DAY


def _find_flags(one: Incoming, cards: Collection[str], terminals: Collection[str]) -> list[Flag]:
    flags: list[Flag] = []
    if one.customer_id not in cards:
        flags.append("unknown_customer")
    if one.terminal_id not in terminals:
        flags.append("unknown_terminal")
    return flags


def _count(alerts: Sequence[bool] | np.ndarray, flags: Sequence[Sequence[Flag]]) -> None:
    ALERTS.inc(int(np.count_nonzero(alerts)))
    for raised in flags:
        for flag in raised:
            FLAGS.labels(flag).inc()


def _write_end(champion: Model) -> str:
    scored = {"scored_at": datetime.now(UTC).isoformat()}
    named = {"model_name": champion.name, "model_version": champion.version, "variant": champion.variant}
    return json.dumps(named | scored)[1:]


def _write(one: Incoming, probability: float, threshold: float, reasons: str, flags: list[Flag], end: str) -> bytes:
    """A `Score` as JSON; put together by hand, because reasons and the end are JSON already."""
    return (
        f'{{"transaction_id": {json.dumps(one.transaction_id)}, "probability": {probability!r}, '
        f'"threshold": {threshold!r}, "is_alert": {json.dumps(probability >= threshold)}, "reasons": {reasons}, '
        f'"flags": {json.dumps(flags)}, {end}'
    ).encode()


def _to_rows(transactions: Sequence[Incoming], features: dict[str, Numbers]) -> Rows:
    times = np.array([one.event_time for one in transactions], dtype=np.int64)
    cents = np.array([one.amount_cents for one in transactions], dtype=np.int64)
    numbers = [times, cents, np.zeros_like(times), np.full_like(times, NEVER)]
    return Rows(
        [one.transaction_id for one in transactions],
        [one.customer_id for one in transactions],
        [one.terminal_id for one in transactions],
        pack(numbers, [features[name] for name in STORED]),
    )
