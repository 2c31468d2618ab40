"""Checks of a candidate before its figures count: signature, age, size, latency, what its scores look like."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Final, Protocol

import numpy as np
import polars as pl

from fraud_detection.models.gate_settings import GateSettings
from fraud_detection.models.metrics import Scores
from fraud_detection.models.score_distribution import ScoreDistribution
from fraud_detection.models.split import Fold
from fraud_detection.models.verdict import Check

INPUT_TYPE: Final = "double"
OUTPUT: Final = ("probability", "is_alert")
TIMED_CALLS: Final = 15
MIB: Final = 2**20


class Judged(Protocol):
    """A model as the gate sees it; `tracking.StoredModel` is one."""

    @property
    def features(self) -> tuple[str, ...]:
        """Columns of its signature."""

    @property
    def input_types(self) -> tuple[str, ...]:
        """Their types, as MLflow calls them."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Columns that it says it answers with."""

    @property
    def trained_until(self) -> datetime:
        """No event from this moment on was learned from."""

    @property
    def threshold(self) -> float:
        """The probability from which on it raises an alert."""

    @property
    def distribution(self) -> ScoreDistribution | None:
        """Of its scores on the days that it was calibrated on; None where it kept none."""

    @property
    def size_bytes(self) -> int:
        """Of all its files."""

    def score(self, rows: pl.DataFrame) -> Scores:
        """Probabilities of fraud."""


def check_thing(candidate: Judged, features: Sequence[str], fold: Fold, settings: GateSettings) -> list[Check]:
    """What can be told without scoring."""
    size = candidate.size_bytes / MIB
    return [
        *_check_signature(candidate, features),
        *_check_age(candidate, fold, settings),
        Check("size", size <= settings.max_size_mib, f"{size:.3g} MiB", f"at most {settings.max_size_mib:.4g} MiB"),
    ]


def _check_signature(candidate: Judged, features: Sequence[str]) -> Iterator[Check]:
    strange = sorted(set(candidate.features) - set(features))
    found = f"reads {', '.join(strange)}" if strange else f"reads {len(candidate.features)} known features"
    yield Check("signature", not strange and bool(candidate.features), found, "features of this pipeline only")
    types = sorted(set(candidate.input_types))
    yield Check("signature types", types == [INPUT_TYPE], f"reads {', '.join(types) or 'nothing'}", INPUT_TYPE)
    given = ", ".join(candidate.outputs) or "nothing"
    yield Check("signature answer", candidate.outputs == OUTPUT, f"answers {given}", ", ".join(OUTPUT))


def _check_age(candidate: Judged, fold: Fold, settings: GateSettings) -> Iterator[Check]:
    until = candidate.trained_until
    oldest = fold.test_start - timedelta(days=settings.max_age_days)
    found = f"trained until {until.isoformat()}"
    yield Check("not stale", until >= oldest, found, f"not before {oldest.isoformat()}")
    latest = fold.train_end
    yield Check("not from the future", until <= latest, found, f"not after {latest.isoformat()}")


def check_latency(candidate: Judged, rows: pl.DataFrame, settings: GateSettings) -> Check:
    """Median time of some calls with one row each, as a server makes them."""
    times = []
    for number in range(TIMED_CALLS):
        began = perf_counter()
        candidate.score(rows.slice(number % rows.height, 1))
        times.append(1_000 * (perf_counter() - began))
    found, limit = median(times), settings.max_latency_ms
    return Check("latency", found <= limit, f"{found:.2f} ms for one row", f"at most {limit:.4g} ms")


def check_scores(scores: Scores, rows: int) -> list[Check]:
    """Whether there is a probability for each row, and more than one value among them."""
    finite = bool(np.isfinite(scores).all())
    checks = [
        Check("one score a row", scores.shape == (rows,), f"shape {scores.shape}", f"({rows},)"),
        Check("scores are numbers", finite, f"{int((~np.isfinite(scores)).sum())} are not finite", "none"),
    ]
    if finite and scores.size:
        low, high = float(scores.min()), float(scores.max())
        checks += [
            Check("scores are probabilities", low >= 0 and high <= 1, f"{low:.6g} to {high:.6g}", "0 to 1"),
            Check("scores differ", high > low, f"{low:.6g} to {high:.6g}", "more than one value"),
        ]
    return checks


def check_distribution(candidate: Judged, scores: Scores, settings: GateSettings) -> Check:
    """Whether the scores are spread as on the days that the model was calibrated on."""
    if candidate.distribution is None:
        return Check("score distribution", passed=False, found="none was kept", expected="that of the held-out days")
    shift = candidate.distribution.shift(scores)
    limit = settings.max_score_shift
    return Check("score distribution", shift <= limit, f"shifted by {shift:.3g}", f"at most {limit:.3g}")
