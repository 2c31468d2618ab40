"""Whether a candidate may become the champion. Fails closed: a doubt is a rejection or a GateError, never a pass."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
import polars as pl

from fraud_detection.errors import GateError
from fraud_detection.models.gate_settings import GateSettings
from fraud_detection.models.metrics import Metrics, Scores, evaluate, labels_of
from fraud_detection.models.slices import measure_slices
from fraud_detection.models.split import Fold
from fraud_detection.models.verdict import Check, Verdict


class Judged(Protocol):
    """A model as the gate sees it; `tracking.StoredModel` is one."""

    @property
    def features(self) -> tuple[str, ...]:
        """Columns of its signature."""

    @property
    def trained_until(self) -> datetime:
        """No event from this moment on was learned from."""

    def score(self, rows: pl.DataFrame) -> Scores:
        """Probabilities of fraud."""


def decide(
    judged: pl.DataFrame,
    history: pl.DataFrame,
    fold: Fold,
    candidate: Judged,
    champion: Judged | None,
    features: Sequence[str],
    settings: GateSettings,
) -> Verdict:
    """Judge a candidate on labelled rows that are later than all it learned from.

    Args:
        judged: the rows of `split.evaluation_rows`.
        history: event_time and customer_id of the months before, by which new customers are known.
        fold: the fold of the judged rows.
        candidate: the model to judge.
        champion: the model that it must not fall behind; None only where the registry says that there is none.
        features: the columns that the pipeline offers, by which the signature is checked.
        settings: the limits.

    Raises:
        GateError: the rows, or the champion, don't allow a decision.
    """
    _require_both_classes(judged)
    first = [_check_signature(candidate, features), *_check_age(candidate, fold, settings)]
    if not first[0].passed:
        return Verdict(tuple(first))
    scores = candidate.score(judged)
    first += _check_scores(scores, judged.height)
    if not all(check.passed for check in first):
        return Verdict(tuple(first))
    metrics = evaluate(judged, scores)
    rival = _measure_champion(champion, judged) if champion else None
    slices = measure_slices(judged, history, scores)
    checks = [*first, *_check_limits(metrics, settings), *_check_slices(slices, settings)]
    checks += _check_champion(metrics, rival, settings)
    return Verdict(tuple(checks), metrics.as_dict(), rival.as_dict() if rival else {}, tuple(slices.to_dicts()))


def _require_both_classes(judged: pl.DataFrame) -> None:
    labels = labels_of(judged)
    if not labels.any() or labels.all():
        raise GateError(
            f"the judged rows hold {int(labels.sum())} frauds in {labels.size}; expected both classes: judge other days"
        )


def _check_signature(candidate: Judged, features: Sequence[str]) -> Check:
    strange = sorted(set(candidate.features) - set(features))
    found = f"reads {', '.join(strange)}" if strange else f"reads {len(candidate.features)} known features"
    return Check("signature", not strange and bool(candidate.features), found, "features of this pipeline only")


def _check_age(candidate: Judged, fold: Fold, settings: GateSettings) -> Iterator[Check]:
    until = candidate.trained_until
    oldest = fold.test_start - timedelta(days=settings.max_age_days)
    found = f"trained until {until.isoformat()}"
    yield Check("not stale", until >= oldest, found, f"not before {oldest.isoformat()}")
    latest = fold.train_end
    yield Check("not from the future", until <= latest, found, f"not after {latest.isoformat()}")


def _check_scores(scores: Scores, rows: int) -> list[Check]:
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


def _check_limits(metrics: Metrics, settings: GateSettings) -> Iterator[Check]:
    yield _at_least("frauds judged", metrics.frauds, settings.min_frauds)
    for name, least, most in settings.limits():
        value = getattr(metrics, name)
        yield _at_least(name, value, least)
        yield Check(f"{name} below the leak canary", value <= most, f"{value:.4g}", f"at most {most:.4g}")
    error = metrics.calibration_error
    limit = settings.max_calibration_error
    yield Check("calibration_error", error <= limit, f"{error:.5f}", f"at most {limit:.5f}")


def _check_slices(slices: pl.DataFrame, settings: GateSettings) -> Iterator[Check]:
    measured = pl.col("auc_roc").is_not_null() & (pl.col("frauds") >= settings.min_slice_frauds)
    for part in slices.filter(measured).iter_rows(named=True):
        yield _at_least(f"auc_roc where {part['kind']} is {part['slice']}", part["auc_roc"], settings.min_slice_auc)


def _measure_champion(champion: Judged, judged: pl.DataFrame) -> Metrics:
    absent = sorted(set(champion.features) - set(judged.columns))
    if absent:
        raise GateError(f"the champion reads {', '.join(absent)}, which the rows lack; expected the same rows for both")
    scores = champion.score(judged)
    failed = [str(check) for check in _check_scores(scores, judged.height) if not check.passed]
    if failed:
        raise GateError(f"the champion cannot be compared: {'; '.join(failed)}")
    return evaluate(judged, scores)


def _check_champion(metrics: Metrics, champion: Metrics | None, settings: GateSettings) -> Iterator[Check]:
    if champion is None:
        yield Check("champion", passed=True, found="there is none", expected="none, or not to fall behind it")
        return
    for name, margin in settings.margins():
        yield _at_least(f"{name} against the champion", getattr(metrics, name), getattr(champion, name) - margin)


def _at_least(name: str, value: float, least: float) -> Check:
    return Check(name, value >= least, f"{value:.4g}", f"at least {least:.4g}")
