"""What a model's decisions were worth, once labels have come: measured as the gate measures, and compared with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from fraud_detection.models.costs import CostSettings, measure_saving
from fraud_detection.models.metrics import evaluate
from fraud_detection.models.slices import Past, measure_slices
from fraud_detection.models.split import Fold, evaluation_rows
from fraud_detection.monitoring.alarms import Alarm
from fraud_detection.monitoring.settings import MonitoringSettings

WHOLE = "all"


@dataclass(frozen=True)
class Quality:
    """One slice of the matured week.

    Attributes:
        day: the last day of the week.
        kind: of the slice; `all` for the whole week.
        average_precision: None where the slice holds one class only; so are the others.
        saving_a_day: of the whole week only, as are card_precision, calibration_error and labelled.
        labelled: share of the week's transactions that have a label by now.
    """

    day: date
    kind: str
    slice: str
    rows: int
    frauds: int
    auc_roc: float | None = None
    average_precision: float | None = None
    card_precision: float | None = None
    calibration_error: float | None = None
    saving_a_day: float | None = None
    labelled: float | None = None


def measure_quality(scored: pl.DataFrame, past: Past, fold: Fold, costs: CostSettings) -> list[Quality]:
    """The whole matured week, and its slices.

    Args:
        scored: event_time, customer_id, terminal_id, amount_cents, is_fraud, known_at of the transactions since the
            fold's training week; `score` and `threshold` where they were scored.
        past: of cards and terminals, by which slices are made.
        fold: the last week whose labels are due.
        costs: what a mistake costs.

    Returns:
        Nothing but rows and labels where the week lacks a class.
    """
    week = scored.filter(pl.col("event_time").is_between(fold.test_start, fold.test_end, closed="left"))
    judged = evaluation_rows(scored, fold).filter(pl.col("score").is_not_null())
    day = week["event_time"].max()
    last = day.date() if day is not None else fold.test_start.date()  # type: ignore[union-attr]  # a column of times
    frauds = int(judged["is_fraud"].sum() or 0)
    labelled = 1 - week["is_fraud"].null_count() / week.height if week.height else 0.0
    if not 0 < frauds < judged.height:
        return [Quality(last, WHOLE, WHOLE, judged.height, frauds, labelled=labelled)]
    scores, threshold = judged["score"].to_numpy(), float(judged["threshold"].to_numpy()[-1])
    found = evaluate(judged, scores)
    whole = Quality(
        day=last,
        kind=WHOLE,
        slice=WHOLE,
        rows=found.rows,
        frauds=found.frauds,
        auc_roc=found.auc_roc,
        average_precision=found.average_precision,
        card_precision=found.card_precision,
        calibration_error=found.calibration_error,
        saving_a_day=measure_saving(judged, scores, threshold, costs)["saving_a_day"],
        labelled=labelled,
    )
    slices = measure_slices(judged, past, scores)
    return [whole, *(Quality(last, **line) for line in slices.iter_rows(named=True))]


def find_alarms(
    found: Sequence[Quality], expected: Mapping[str, float], settings: MonitoringSettings
) -> Iterator[Alarm]:
    """Where the matured week falls behind what the gate saw.

    Args:
        found: of one day.
        expected: the metrics of the version's verdict.
        settings: the limits.
    """
    whole = next(quality for quality in found if quality.kind == WHOLE)
    if whole.labelled is not None and whole.labelled < settings.min_labelled:
        yield Alarm("data", f"labels: {whole.labelled:.1%} of the week up to {whole.day} have one; they are late")
        return
    if whole.frauds < settings.min_frauds:
        return
    precision, usual = whole.average_precision, expected.get("average_precision")
    if precision is not None and usual is not None and precision < usual - settings.max_precision_drop:
        yield Alarm("performance", f"average precision {precision:.3f}, {usual:.3f} at the gate")
    error = whole.calibration_error
    if error is not None and error > settings.max_calibration_error:
        yield Alarm("performance", f"calibration error {error:.4f}, at most {settings.max_calibration_error} expected")
    saving, promised = whole.saving_a_day, expected.get("saving_a_day")
    if saving is not None and promised is not None and saving < promised * settings.min_saving_share:
        yield Alarm("performance", f"saving {saving:,.0f} a day, {promised:,.0f} at the gate")
