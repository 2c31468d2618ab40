"""Transactions to answers: histories from the store, features by the one definition, the score of who decides."""

import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from fraud_detection.errors import StoreError
from fraud_detection.features.feature import Entity
from fraud_detection.features.online import EntityHistory, Incoming, compute_features_now
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY, NEVER
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spans import Numbers
from fraud_detection.features.stages import plan_stages
from fraud_detection.scoring.online.answers import Flag, Verdict, decide, find_flags, write_answers
from fraud_detection.scoring.online.champion import LiveLineUp
from fraud_detection.scoring.online.history import STORED, Rows, pack
from fraud_detection.scoring.online.metrics import ALERTS, BATCH, DECIDED, FLAGS, SCORED, STOOD_IN, STORE_ERRORS
from fraud_detection.scoring.online.problems import store_down
from fraud_detection.scoring.online.shadow import Answered, Shadow
from fraud_detection.scoring.online.store import Store

CHECKED_SECONDS: Final = 5.0
EVERYTHING: Final = -(2**62)
LOOK_BACK: Final[dict[Entity, int | None]] = {
    stage.entity: None if stage.is_delayed else stage.look_back_days for stage in plan_stages()
}
"""Days of events that a stage needs; None where late labels may make older ones count: then all that is kept."""


class Pipeline:
    """Scores with a store and a model; looks now and then whether the store is still filled as it must be."""

    def __init__(
        self, store: Store, models: LiveLineUp, features: FeatureSettings, reasons: int, shadow: Shadow
    ) -> None:
        """Say what to score with, how many reasons a score has at most, and who hears of answers afterwards."""
        self.store, self.models, self.features, self.reasons, self.shadow = store, models, features, reasons, shadow
        self._good_until = 0.0

    async def score(self, transactions: Sequence[Incoming]) -> list[bytes]:
        """Score transactions with different ids together, and make them history; each answer is a JSON object.

        Raises:
            Problem: no_champion, model_failed or store_down; nothing became history then.
        """
        line_up = self.models.current()
        try:
            await self._check()
            cards, terminals = await self._read(transactions)
            features = compute_features_now(transactions, cards, terminals, self.features)
            verdicts = decide(line_up, transactions, features, self.reasons)
            flags = [find_flags(one, cards, terminals) for one in transactions]
            answers = write_answers(transactions, verdicts, flags)
            await self.store.add(_to_rows(transactions, features))
        except StoreError as error:
            STORE_ERRORS.inc()
            raise store_down(error) from error
        _count(verdicts, flags)
        if line_up.challenger and not line_up.rests and any(verdict.stands_in for verdict in verdicts):
            self.models.let_rest(line_up.challenger)
        if line_up.shadow:
            self.shadow.offer(Answered(line_up.shadow, features, verdicts))
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


def _since(entity: Entity, earliest: int) -> int:
    days = LOOK_BACK[entity]
    return EVERYTHING if days is None else earliest - days * MICROSECONDS_A_DAY


def _count(verdicts: Sequence[Verdict], flags: Sequence[Sequence[Flag]]) -> None:
    BATCH.observe(len(verdicts))
    SCORED.inc(len(verdicts))
    ALERTS.inc(sum(verdict.is_alert for verdict in verdicts))
    STOOD_IN.inc(sum(verdict.stands_in for verdict in verdicts))
    for verdict in verdicts:
        DECIDED.labels(verdict.model.variant, str(verdict.is_alert).lower()).inc()
    for raised in flags:
        for flag in raised:
            FLAGS.labels(flag).inc()


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
