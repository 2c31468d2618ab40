"""Whether a candidate may become the champion. Fails closed: a doubt is a rejection or a GateError, never a pass."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from fraud_detection.errors import GateError
from fraud_detection.models.costs import CostSettings, count_days, measure_saving, reviewed_gains
from fraud_detection.models.gate_settings import GateSettings
from fraud_detection.models.metrics import Metrics, Scores, evaluate, labels_of
from fraud_detection.models.resampling import Interval, Outcome, measure_intervals
from fraud_detection.models.slices import Past, measure_slices
from fraud_detection.models.soundness import Judged, check_distribution, check_latency, check_scores, check_thing
from fraud_detection.models.split import Fold
from fraud_detection.models.verdict import Check, Verdict


@dataclass(frozen=True)
class Measured:
    """What one model reaches on the judged rows."""

    metrics: Metrics
    saving: Mapping[str, float]
    slices: pl.DataFrame
    outcome: Outcome

    def as_dict(self) -> dict[str, float]:
        """All figures by name."""
        return {**self.metrics.as_dict(), **self.saving}


def decide(
    judged: pl.DataFrame,
    past: Past,
    fold: Fold,
    candidate: Judged,
    champion: Judged | None,
    features: Sequence[str],
    settings: GateSettings,
    costs: CostSettings,
) -> Verdict:
    """Judge a candidate on labelled rows that are later than all it learned from.

    Args:
        judged: the rows of `split.evaluation_rows`.
        past: of cards and terminals, by which slices are made.
        fold: the fold of the judged rows.
        candidate: the model to judge.
        champion: the model that it must not fall behind; None only where the registry says that there is none.
        features: the columns that the pipeline offers, by which the signature is checked.
        settings: the limits.
        costs: what alerts cost and save.

    Raises:
        GateError: the rows, or the champion, don't allow a decision.
    """
    _require_both_classes(judged)
    first = check_thing(candidate, features, fold, settings)
    if not all(check.passed for check in first if check.name.startswith(("signature", "size"))):
        return Verdict(tuple(first))
    scores = candidate.score(judged)
    first += check_scores(scores, judged.height)
    if not all(check.passed for check in first):
        return Verdict(tuple(first))
    first += [check_latency(candidate, judged, settings), check_distribution(candidate, scores, settings)]
    lost = _lost_columns(champion, judged, settings)
    found = _measure(candidate, scores, judged, past, costs)
    rival = _measure_champion(champion, judged, past, costs) if champion and not lost else None
    intervals = _measure_intervals(found, rival, judged, settings)
    checks = [*first, *_check_limits(found, settings), *_check_slices(found.slices, settings)]
    checks += _check_champion(found, rival, intervals, settings) if rival else [_no_champion(lost)]
    return Verdict(
        tuple(checks),
        found.as_dict(),
        rival.as_dict() if rival else {},
        tuple(found.slices.to_dicts()),
        {name: asdict(interval) for name, interval in intervals.items()},
    )


def _require_both_classes(judged: pl.DataFrame) -> None:
    labels = labels_of(judged)
    if not labels.any() or labels.all():
        raise GateError(
            f"the judged rows hold {int(labels.sum())} frauds in {labels.size}; expected both classes: judge other days"
        )


def _measure(model: Judged, scores: Scores, judged: pl.DataFrame, past: Past, costs: CostSettings) -> Measured:
    return Measured(
        evaluate(judged, scores),
        measure_saving(judged, scores, model.threshold, costs),
        measure_slices(judged, past, scores),
        Outcome(scores, reviewed_gains(judged, scores, model.threshold, costs)),
    )


def _lost_columns(champion: Judged | None, judged: pl.DataFrame, settings: GateSettings) -> str:
    """The columns that the champion reads and nobody has any more, if it may be passed over for them."""
    absent = ", ".join(sorted(set(champion.features) - set(judged.columns))) if champion else ""
    if absent and settings.champion_must_score:
        raise GateError(
            f"the champion reads {absent}, which the rows lack; expected the same rows for both: keep the column, or "
            "let the limits alone decide, once, by gate.champion_must_score: false"
        )
    return absent


def _measure_champion(champion: Judged, judged: pl.DataFrame, past: Past, costs: CostSettings) -> Measured:
    scores = champion.score(judged)
    failed = [str(check) for check in check_scores(scores, judged.height) if not check.passed]
    if failed:
        raise GateError(f"the champion cannot be compared: {'; '.join(failed)}")
    return _measure(champion, scores, judged, past, costs)


def _measure_intervals(
    found: Measured, rival: Measured | None, judged: pl.DataFrame, settings: GateSettings
) -> dict[str, Interval]:
    outcomes = {"candidate": found.outcome} | ({"champion": rival.outcome} if rival else {})
    return measure_intervals(judged, count_days(judged), outcomes, settings.replicates, settings.confidence)


def _check_limits(found: Measured, settings: GateSettings) -> Iterator[Check]:
    metrics = found.metrics
    yield _at_least("frauds judged", metrics.frauds, settings.min_frauds)
    for name, least, most in settings.limits():
        value = getattr(metrics, name)
        yield _at_least(name, value, least)
        yield Check(f"{name} below the leak canary", value <= most, f"{value:.4g}", f"at most {most:.4g}")
    error, limit = metrics.calibration_error, settings.max_calibration_error
    yield Check("calibration_error", error <= limit, f"{error:.5f}", f"at most {limit:.5f}")
    yield _at_least("saving_a_day", found.saving["saving_a_day"], settings.min_saving_a_day)


def _check_slices(slices: pl.DataFrame, settings: GateSettings) -> Iterator[Check]:
    judged = _with_a_say(slices, settings)
    yield _at_least("slices with enough frauds", judged.height, 1)
    for part in judged.iter_rows(named=True):
        yield _at_least(f"auc_roc where {part['kind']} is {part['slice']}", part["auc_roc"], settings.min_slice_auc)


def _with_a_say(slices: pl.DataFrame, settings: GateSettings) -> pl.DataFrame:
    return slices.filter(pl.col("auc_roc").is_not_null() & (pl.col("frauds") >= settings.min_slice_frauds))


def _no_champion(lost: str) -> Check:
    found = f"it reads {lost}, which is gone; not compared, by gate.champion_must_score" if lost else "there is none"
    return Check("champion", passed=True, found=found, expected="none, or not to fall behind it")


def _check_champion(
    found: Measured, rival: Measured, intervals: Mapping[str, Interval], settings: GateSettings
) -> Iterator[Check]:
    for name, margin in settings.margins():
        value, other = getattr(found.metrics, name), getattr(rival.metrics, name)
        yield _at_least(f"{name} against the champion", value, other - margin)
    saving, other = found.saving["saving_a_day"], rival.saving["saving_a_day"]
    yield _at_least("saving_a_day against the champion", saving, other - settings.margin_saving_share * abs(other))
    tolerance = settings.tolerance_saving_share * abs(other)
    yield _check_lead("average_precision", intervals, settings.tolerance_average_precision, settings)
    yield _check_lead("saving_a_day", intervals, tolerance, settings)
    yield from _check_worst_slice(found.slices, rival.slices, settings)


def _check_lead(kind: str, intervals: Mapping[str, Interval], tolerance: float, settings: GateSettings) -> Check:
    lead = intervals[f"{kind}_lead"]
    found = f"{lead.value:.4g}, {settings.confidence:.0%} of draws {lead.low:.4g} to {lead.high:.4g}"
    expected = f"not wholly below {-tolerance:.4g}"
    return Check(f"{kind} is not proven worse", lead.high >= -tolerance, found, expected)


def _check_worst_slice(slices: pl.DataFrame, others: pl.DataFrame, settings: GateSettings) -> Iterator[Check]:
    both = _with_a_say(slices, settings).join(others, on=("kind", "slice"), how="inner", suffix="_champion")
    led = both.with_columns(lead=pl.col("auc_roc") - pl.col("auc_roc_champion")).sort("lead", "kind", "slice")
    for part in led.head(1).iter_rows(named=True):
        found = f"{part['lead']:.4g} where {part['kind']} is {part['slice']}"
        least = -settings.margin_slice_auc
        yield Check("worst slice against the champion", part["lead"] >= least, found, f"at least {least:.4g} of AUC")


def _at_least(name: str, value: float, least: float) -> Check:
    return Check(name, value >= least, f"{value:.4g}", f"at least {least:.4g}")
