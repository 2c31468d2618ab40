"""The shadow at work: what the challenger would have decided, found out after the answers and beside them."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fraud_detection.features.spans import Numbers
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.online.answers import Verdict, judge
from fraud_detection.scoring.online.metrics import SHADOW_DISTANCE, SHADOW_LOST, SHADOWED
from fraud_detection.scoring.variants import Resting

MOST_WAITING: Final = 256
PAUSE_SECONDS: Final = 0.05
"""Between two rounds, so that what was answered meanwhile is scored together: less work, and never in a hurry."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answered:
    """Transactions that have their answers: their features, and what was said."""

    shadow: Model
    features: dict[str, Numbers]
    verdicts: Sequence[Verdict]


class Shadow:
    """Takes what was answered as long as there is room, and scores it in a thread of its own; counts, keeps nothing."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        """Wait with so many batches at most."""
        self._waiting: asyncio.Queue[Answered] = asyncio.Queue(most_waiting)
        self._resting = Resting()

    def offer(self, answered: Answered) -> None:
        """Take a batch, or, where too many wait already, count it as lost; whoever calls waits for nothing."""
        try:
            self._waiting.put_nowait(answered)
        except asyncio.QueueFull:
            SHADOW_LOST.labels("busy").inc(len(answered.verdicts))

    async def run(self) -> None:
        """Score for ever."""
        while True:
            waiting = [await self._waiting.get()]
            while not self._waiting.empty():
                waiting.append(self._waiting.get_nowait())
            await asyncio.to_thread(_score_all, waiting, self._resting)
            await asyncio.sleep(PAUSE_SECONDS)


def _score_all(waiting: Sequence[Answered], resting: Resting) -> None:
    for version, shadow in {one.shadow.version: one.shadow for one in waiting}.items():
        own = [one for one in waiting if one.shadow.version == version]
        verdicts = [verdict for one in own for verdict in one.verdicts]
        if version in resting:
            SHADOW_LOST.labels("failed").inc(len(verdicts))
            continue
        try:
            _compare(shadow, own, verdicts)
        except Exception:
            # Whatever a broken model raises is no reason to stop looking at the next.
            log.exception("version %d of %s does not score in the shadow", version, shadow.name)
            resting.begin(version)
            SHADOW_LOST.labels("failed").inc(len(verdicts))


def _compare(shadow: Model, own: Sequence[Answered], verdicts: Sequence[Verdict]) -> None:
    names = shadow.scorer.features
    features = {name: np.concatenate([one.features[name] for one in own]) for name in names}
    for said, decided in zip(judge(shadow, features, range(len(verdicts)), 0), verdicts, strict=True):
        SHADOWED.labels(str(said.is_alert).lower(), str(decided.is_alert).lower()).inc()
        SHADOW_DISTANCE.observe(abs(said.probability - decided.probability))
