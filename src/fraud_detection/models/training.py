"""From labelled rows to a candidate: search, fit, stop early, calibrate."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from fraud_detection.errors import ConfigurationError, ModelError
from fraud_detection.models import boosting
from fraud_detection.models.calibration import CALIBRATORS
from fraud_detection.models.costs import CostSettings, choose_threshold, measure_saving
from fraud_detection.models.families.family import Fitted, RowsHere, hold_out
from fraud_detection.models.families.registry import find_family
from fraud_detection.models.metrics import labels_of
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.search.space import Parameters
from fraud_detection.models.search.study import Study
from fraud_detection.models.search.weeks import Week, search_weeks
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import Fold, evaluation_rows, training_rows, validation_folds
from fraud_detection.models.where import Choice

ORDER = ("event_time", "transaction_id")
SEARCHED = "xgboost"  # the family that trials are judged with


@dataclass(frozen=True)
class Candidate:
    """A fitted and calibrated model, and how it came about.

    Attributes:
        held_out: the rows that stopped and calibrated the model, with its `score`.
        study: None where no search was asked for, or the family has none.
        tried: the grid of a family that is cross-validated.
        choice: where it was trained, and why; None where nothing chose.
        seconds: by step.
        costs: what the threshold was chosen by.
        saving: what alerts of that threshold save on the held-out days.
    """

    scorer: Scorer
    fold: Fold
    settings: TrainingSettings
    parameters: Parameters
    rows: int
    frauds: int
    held_out: pl.DataFrame
    study: Study | None
    seconds: dict[str, float]
    costs: CostSettings = field(default_factory=CostSettings)
    saving: dict[str, float] = field(default_factory=dict)
    tried: pl.DataFrame | None = None
    choice: Choice | None = None


def train_candidate(
    rows: pl.DataFrame,
    features: Sequence[str],
    fold: Fold,
    settings: TrainingSettings,
    costs: CostSettings = CostSettings(),  # noqa: B008  frozen
    keep: Path | None = None,
) -> Candidate:
    """Search on the weeks before, fit and calibrate on the window that ends with the fold's training week, set alerts.

    Args:
        rows: transaction_id, event_time, customer_id, amount_cents, is_fraud, known_at and the features, in any order.
        features: names of the columns to learn from.
        fold: nothing is learned from a label that was not known when its test week began.
        settings: the recipe.
        costs: by which the threshold of alerts is chosen, on the held-out days.
        keep: folder of this search alone, from which it goes on if it is killed.

    Raises:
        ModelError: the window or the held-out days lack a class.
    """
    started = perf_counter()
    study = (
        find_parameters(rows, features, fold, settings, keep)
        if settings.trials and settings.family == SEARCHED
        else None
    )
    searched = perf_counter()
    parameters = study.parameters if study else find_family(settings.family).complete(settings.parameters)
    candidate = set_threshold(fit_candidate(rows, features, fold, settings, parameters), costs)
    seconds = {"search": searched - started, "fit": perf_counter() - searched}
    return replace(candidate, study=study, seconds=seconds)


def fit_candidate(
    rows: pl.DataFrame, features: Sequence[str], fold: Fold, settings: TrainingSettings, parameters: Parameters
) -> Candidate:
    """Fit and calibrate with given parameters; see `train_candidate`."""
    window = training_rows(rows, fold, settings.window_days).sort(ORDER)
    is_late = pl.col("event_time") >= fold.train_end - timedelta(days=settings.held_out_days)
    fitted, held_out = window.filter(~is_late), window.filter(is_late)
    _check_classes(fitted, "the training window")
    _check_classes(held_out, "the held-out days")
    family = find_family(settings.family)
    if family.on_spark:
        raise ConfigurationError(
            f"training.family is {family.name}, which needs rows in Spark; expected train_in_spark"
        )
    part = RowsHere(fitted, tuple(features), hold_out(held_out, features))
    counts = (fitted.height, int(fitted["is_fraud"].sum()))
    return calibrate(family.fit(part, settings, parameters), held_out, fold, settings, counts)


def calibrate(
    fitted: Fitted, held_out: pl.DataFrame, fold: Fold, settings: TrainingSettings, counts: tuple[int, int]
) -> Candidate:
    """What was fitted on `counts` rows and frauds, calibrated on the held-out rows, in the order of `ORDER`."""
    scorer = fitted.scorer
    days = hold_out(held_out, scorer.features)
    calibration = CALIBRATORS[settings.calibrator](scorer.margins(days.matrix), days.labels)
    scorer = replace(scorer, calibration=calibration)
    return Candidate(
        scorer=scorer,
        fold=fold,
        settings=settings,
        parameters=fitted.parameters,
        rows=counts[0],
        frauds=counts[1],
        held_out=held_out.with_columns(pl.Series("score", scorer.probabilities(days.matrix))),
        study=None,
        seconds={},
        tried=fitted.tried,
    )


def set_threshold(candidate: Candidate, costs: CostSettings) -> Candidate:
    """The candidate with the threshold that saves most on its held-out days, which it was not fitted on."""
    held_out = candidate.held_out
    scores = held_out["score"].to_numpy()
    threshold = choose_threshold(held_out, scores, costs)
    saving = measure_saving(held_out, scores, threshold, costs)
    return replace(candidate, scorer=replace(candidate.scorer, threshold=threshold), costs=costs, saving=saving)


def find_parameters(
    rows: pl.DataFrame, features: Sequence[str], fold: Fold, settings: TrainingSettings, keep: Path | None = None
) -> Study:
    """Judge trials by their average precision on whole weeks, whose labels are known before the fold's test week."""
    earlier = validation_folds(fold, settings.search_folds)
    weeks = [_search_week(rows, features, week, settings) for week in earlier]
    return search_weeks(weeks, settings, {**boosting.STARTING_POINT, **settings.parameters}, keep)


def score_rows(scorer: Scorer, rows: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Calibrated probabilities of rows that hold the scorer's features."""
    return scorer.probabilities(boosting.feature_matrix(rows, scorer.features)).astype(np.float64)


def _search_week(rows: pl.DataFrame, features: Sequence[str], fold: Fold, settings: TrainingSettings) -> Week:
    window = training_rows(rows, fold, settings.search_window_days).sort(ORDER)
    week = evaluation_rows(rows, fold).sort(ORDER)
    _check_classes(window, f"the search window before {fold.train_end.date()}")
    _check_classes(week, f"the search week from {fold.test_start.date()}")
    sample = boosting.draw_sample(window, features, settings.search_negative_share, settings.seed)
    return Week(sample, boosting.feature_matrix(week, features), labels_of(week))


def check_counts(rows: int, frauds: int, what: str) -> None:
    """Refuse rows of one class.

    Raises:
        ModelError: they are.
    """
    if not 0 < frauds < rows:
        raise ModelError(f"{what} holds {frauds} frauds in {rows} rows; expected both classes")


def _check_classes(rows: pl.DataFrame, what: str) -> None:
    check_counts(rows.height, int(rows["is_fraud"].sum() or 0), what)
