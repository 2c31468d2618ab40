"""What is answered to a transaction: who decided, the score, the reasons, and what it could not rest on."""

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

from fraud_detection.errors import ModelError
from fraud_detection.features.online import Incoming
from fraud_detection.features.spans import Numbers
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.online.problems import Problem
from fraud_detection.scoring.variants import LineUp

Flag = Literal["unknown_customer", "unknown_terminal"]

log = logging.getLogger(__name__)


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
    model_version: int = Field(description="the version that decided")
    variant: Literal["champion", "challenger"] = Field(
        description="whose decision it is: a challenger decides for a share of the customers, where one is tried"
    )
    scored_at: datetime


@dataclass(frozen=True)
class Verdict:
    """What a model says of one transaction.

    Attributes:
        reasons: JSON.
        stands_in: the champion decided, because the challenger whose turn it was could not.
    """

    model: Model
    probability: float
    reasons: str
    stands_in: bool = False

    @property
    def is_alert(self) -> bool:
        """Whether it is worth a review."""
        return self.probability >= self.model.scorer.threshold


def judge(model: Model, features: dict[str, Numbers], places: Sequence[int], most_reasons: int) -> list[Verdict]:
    """What a model says of the transactions at some places.

    Raises:
        ModelError: it gives no number.
    """
    scorer = model.scorer
    matrix = np.column_stack([features[name] for name in scorer.features]).astype(np.float32)
    if len(places) < len(matrix):
        matrix = matrix[places]
    if most_reasons:
        probabilities, reasons = scorer.judge(matrix, most_reasons)
    else:
        probabilities, reasons = scorer.probabilities(matrix), ["[]"] * len(matrix)
    if not np.all(np.isfinite(probabilities)):
        raise ModelError(f"version {model.version} of {model.name} gave no number; expected one for each transaction")
    return [Verdict(model, *said) for said in zip(probabilities.tolist(), reasons, strict=True)]


def decide(
    line_up: LineUp, transactions: Sequence[Incoming], features: dict[str, Numbers], most_reasons: int
) -> list[Verdict]:
    """What is answered: of the challenger to its customers, of the champion to all others.

    Where the challenger fails, or rests because it has failed, the champion stands in for it: a trial costs nobody an
    answer.

    Raises:
        Problem: model_failed, of the champion.
    """
    dealt = [place for place, one in enumerate(transactions) if line_up.find_challenger(one.customer_id)]
    found = dict(zip(dealt, _ask_challenger(line_up, features, dealt, most_reasons), strict=False))
    lost = [place for place in dealt if place not in found]
    others = [place for place in range(len(transactions)) if place not in found]
    if others:
        try:
            said = judge(line_up.champion, features, others, most_reasons)
        except ModelError as error:
            raise Problem("model_failed", str(error)) from error
        found |= dict(zip(others, said, strict=True))
    found |= {place: replace(found[place], stands_in=True) for place in lost}
    return [found[place] for place in range(len(transactions))]


def _ask_challenger(
    line_up: LineUp, features: dict[str, Numbers], places: Sequence[int], most_reasons: int
) -> list[Verdict]:
    if not places or not line_up.challenger or line_up.rests:
        return []
    try:
        return judge(line_up.challenger, features, places, most_reasons)
    except Exception:
        # Whatever a model on trial raises, its customers get an answer.
        log.exception("version %d of %s gave no decision", line_up.challenger.version, line_up.challenger.name)
        return []


def find_flags(one: Incoming, cards: Collection[str], terminals: Collection[str]) -> list[Flag]:
    """What a score could not rest on."""
    flags: list[Flag] = []
    if one.customer_id not in cards:
        flags.append("unknown_customer")
    if one.terminal_id not in terminals:
        flags.append("unknown_terminal")
    return flags


def write_answers(
    transactions: Sequence[Incoming], verdicts: Sequence[Verdict], flags: Sequence[Sequence[Flag]]
) -> list[bytes]:
    """Each a `Score` as JSON; put together by hand, because reasons and the end are JSON already."""
    ends = {id(verdict.model): verdict.model for verdict in verdicts}
    written = {key: _write_end(model) for key, model in ends.items()}
    return [
        _write(one, verdict, raised, written[id(verdict.model)])
        for one, verdict, raised in zip(transactions, verdicts, flags, strict=True)
    ]


def _write_end(model: Model) -> str:
    named = {"model_name": model.name, "model_version": model.version, "variant": model.variant}
    return json.dumps(named | {"scored_at": datetime.now(UTC).isoformat()})[1:]


def _write(one: Incoming, verdict: Verdict, flags: Sequence[Flag], end: str) -> bytes:
    return (
        f'{{"transaction_id": {json.dumps(one.transaction_id)}, "probability": {verdict.probability!r}, '
        f'"threshold": {verdict.model.scorer.threshold!r}, "is_alert": {json.dumps(verdict.is_alert)}, '
        f'"reasons": {verdict.reasons}, "flags": {json.dumps(flags)}, {end}'
    ).encode()
