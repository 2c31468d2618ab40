"""Task monitor: how far the world has moved from what the champion learned, and whether to train again."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta

import mlflow
import polars as pl
from mlflow import MlflowClient
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.data.quality import QUARANTINED, READ
from fraud_detection.features.frames import as_keys, to_polars
from fraud_detection.models.baseline import SCORE, Baseline
from fraud_detection.models.split import Fold, labelled_by, production_fold
from fraud_detection.models.tracking import load_baseline, load_verdict
from fraud_detection.monitoring import drift, quality
from fraud_detection.monitoring.alarms import Alarm, Decision, decide
from fraud_detection.monitoring.counting import count_by_day
from fraud_detection.monitoring.drift import DailyCounts, Drift
from fraud_detection.monitoring.quality import Quality
from fraud_detection.monitoring.variants import VariantResult, as_rows, compare_variants
from fraud_detection.schemas import (
    DATA_QUALITY,
    DRIFT,
    MODEL_QUALITY,
    MONITORING,
    MONITORING_TABLES,
    PREDICTIONS,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
    TRANSACTION_FEATURES,
    VARIANT_RESULTS,
    TableSchema,
)
from fraud_detection.scoring.champion import find_champion
from fraud_detection.scoring.variants import SHADOW
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.rows import known_labels
from fraud_detection.tasks.validate import RECENT_DAYS, read_past
from fraud_detection.tasks.values import set_task_values

LABEL_AGES = (0.5, 0.9)
SECONDS_A_DAY = 86_400

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """A version of the model and its run, which keeps its baseline and its verdict."""

    name: str
    number: int
    run_id: str


@dataclass(frozen=True)
class Findings:
    """Of one day; `quality` is of the version that scored the week whose labels have come."""

    day: date
    drifts: list[Drift]
    qualities: list[Quality]
    judged: Version
    alarms: list[Alarm]
    variants: list[VariantResult] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> None:
    """Watch the champion; the condition after this task reads its value `retrain`."""
    with task_context("monitor", argv) as context:
        found, decision = watch(context)
        for alarm in found.alarms:
            log.warning("%s", alarm)
        log.info("train again: %s; %s", decision.retrain, decision.why)
        mlflow.log_metrics(figures(found))
        set_task_values(
            {"retrain": str(decision.retrain).lower(), "why": decision.why, "alarms": "; ".join(map(str, found.alarms))}
        )


def watch(context: Context) -> tuple[Findings, Decision]:
    """Measure, decide, publish."""
    name = context.arguments.model_name
    champion = find_version(name, find_champion(MlflowClient(), name))
    for table in (*MONITORING_TABLES, PREDICTIONS):
        context.tables.ensure(context.spark, table)
    found = find(context, champion)
    decision = decide(found.alarms, found.day, last_retrained(context, found.day), context.settings.monitoring)
    publish(context, champion, found, decision)
    return found, decision


def find_version(name: str, number: int) -> Version:
    """A version and its run."""
    return Version(name, number, str(MlflowClient().get_model_version(name, str(number)).run_id))


def find(context: Context, champion: Version) -> Findings:
    """All that is measured, of the day before as_of."""
    settings = context.settings.monitoring
    day = (context.arguments.now - timedelta(days=1)).date()
    baseline = load_baseline(champion.run_id)
    drifts = drift.measure_drift(baseline, count(context, champion, baseline, day), day, settings)
    alarms = [*drift.find_alarms(drifts, baseline, settings), *quarantine_alarms(context, day)]
    rows = read_matured(context)
    if not rows.filter(labelled_by(context.arguments.now)).height:
        return Findings(day, drifts, [], champion, [*alarms, Alarm("data", "labels: none is known yet")])
    fold = production_fold(rows, context.arguments.now, context.settings.data.label_delay_days)
    judged = find_judged(champion, rows, fold)
    scored = score_of(rows, judged)
    qualities = quality.measure_quality(scored, read_past(context, fold.test_start), fold, context.settings.costs)
    expected = load_verdict(judged.run_id).metrics
    alarms += quality.find_alarms(qualities, expected, settings)
    variants = compare_variants(find_decided(rows, fold), context.settings.costs)
    return Findings(day, drifts, qualities, judged, alarms, variants)


def count(context: Context, champion: Version, baseline: Baseline, day: date) -> DailyCounts:
    """Counts of the features of the window, and of the scores that this version gave in it."""
    first = day - timedelta(days=context.settings.monitoring.window_days - 1)
    in_window = F.col("event_date").between(F.lit(first), F.lit(day))
    features = context.tables.read(context.spark, TRANSACTION_FEATURES).where(in_window)
    own = F.col("model_version") == champion.number
    scores = context.tables.read(context.spark, PREDICTIONS.name).where(in_window & own)
    columns = {name: bins for name, bins in baseline.columns.items() if name != SCORE}
    counted = count_by_day(features, columns)
    score = {SCORE: baseline.columns[SCORE]}
    scored = count_by_day(scores.withColumnRenamed("probability", SCORE), score)
    none = {SCORE: score[SCORE].no_counts()}
    return {one: {**counts, **scored.get(one, none)} for one, counts in counted.items()}


def quarantine_alarms(context: Context, day: date) -> list[Alarm]:
    """A day of which too much was refused tells nothing about the world."""
    rows = context.tables.read(context.spark, DATA_QUALITY.name).where(F.col("day") == F.lit(day))
    counted = (
        rows.where(F.col("rule").isin(READ, QUARANTINED)).groupBy("dataset", "rule").agg(F.sum("lines").alias("n"))
    )
    lines = {(row.dataset, row.rule): row.n for row in counted.collect()}  # two a dataset
    limit = context.settings.data.max_quarantined_share
    shares = {dataset: lines.get((dataset, QUARANTINED), 0) / max(lines[dataset, READ], 1) for dataset, _ in lines}
    return [
        Alarm("data", f"{dataset}: {share:.1%} of the lines of {day} are in quarantine")
        for dataset, share in shares.items()
        if share > limit
    ]


def read_matured(context: Context) -> pl.DataFrame:
    """Transactions of the last weeks, one row for each version that scored them, with what is known by now.

    As with `validate`, the period bounds the size.
    """
    now = context.arguments.now
    since = now - timedelta(days=RECENT_DAYS + 2 * context.settings.data.label_delay_days)
    silver = context.tables.read(context.spark, SILVER_TRANSACTIONS.name)
    transactions = as_keys(silver.where((F.col("event_time") >= F.lit(since)) & (F.col("event_time") < F.lit(now))))
    labels = known_labels(context.tables.read(context.spark, SILVER_LABELS.name), now)
    recent = F.col("event_date") >= F.lit(since.date())
    predictions = context.tables.read(context.spark, PREDICTIONS.name).where(recent)
    said = ("transaction_id", "model_version", "variant", "threshold")
    scores = predictions.select(*said, F.col("probability").alias("score"))
    joined = transactions.join(labels, "transaction_id", how="left").join(scores, "transaction_id", how="left")
    return to_polars(joined)


def find_judged(champion: Version, rows: pl.DataFrame, fold: Fold) -> Version:
    """The version that decided for most of the week whose labels have come; the champion where none did."""
    week = rows.filter(pl.col("event_time").is_between(fold.test_start, fold.test_end, closed="left"))
    decided = week.filter(pl.col("variant") != SHADOW)
    counted = decided.drop_nulls("model_version").group_by("model_version").len().sort("len", "model_version")
    if counted.is_empty() or counted["model_version"][-1] == champion.number:
        return champion
    return find_version(champion.name, int(counted["model_version"][-1]))


def score_of(rows: pl.DataFrame, version: Version) -> pl.DataFrame:
    """One row a transaction, with what a version said of it, null where it said nothing."""
    own = pl.col("model_version") == version.number
    said = pl.when(own).then(pl.col("score", "threshold")).name.keep()
    return rows.with_columns(said).sort("score", nulls_last=True).unique("transaction_id", keep="first")


def find_decided(rows: pl.DataFrame, fold: Fold) -> pl.DataFrame:
    """What each variant said of the matured week's labelled transactions; of two champions, the later one's."""
    week = pl.col("event_time").is_between(fold.test_start, fold.test_end, closed="left")
    said = rows.filter(week & pl.col("is_fraud").is_not_null() & pl.col("score").is_not_null())
    return said.sort("model_version").unique(["transaction_id", "variant"], keep="last", maintain_order=True)


def label_ages(context: Context, day: date) -> list[float | None]:
    """Median and nine-in-ten of the days from a transaction to its label, of the labels that came on a day."""
    labels = context.tables.read(context.spark, SILVER_LABELS.name).where(F.to_date("known_at") == F.lit(day))
    silver = context.tables.read(context.spark, SILVER_TRANSACTIONS.name).select("transaction_id", "event_time")
    seconds = F.unix_seconds("known_at") - F.unix_seconds("event_time")
    ages = F.percentile(seconds / SECONDS_A_DAY, list(LABEL_AGES))
    found = labels.join(silver, "transaction_id").agg(ages).collect()[0][0]  # one row
    return list(found) if found else [None, None]


def last_retrained(context: Context, day: date) -> date | None:
    """The last day before this one for which training was started."""
    started = context.tables.read(context.spark, MONITORING.name).where(F.col("retrain") & (F.col("day") < F.lit(day)))
    last: date | None = started.agg(F.max("day")).collect()[0][0]  # one row
    return last


def publish(context: Context, champion: Version, found: Findings, decision: Decision) -> None:
    """Merge by day: running again replaces what was said of it. The decision comes last."""
    champions = {"model_name": champion.name, "model_version": champion.number}
    drifts = [{"feature": one.column, **asdict(one), **champions} for one in found.drifts]
    merge(context, DRIFT, drifts)
    judged = {"model_name": found.judged.name, "model_version": found.judged.number}
    merge(context, MODEL_QUALITY, [{**asdict(one), **judged} for one in found.qualities])
    experiment = {"model_name": champion.name, "experiment": context.settings.scoring.experiment}
    matured = found.qualities[0].day if found.qualities else found.day
    merge(context, VARIANT_RESULTS, [{"day": matured, **experiment, **row} for row in as_rows(found.variants)])
    median, most = label_ages(context, found.day)
    said = {"day": found.day, "alarms": [str(alarm) for alarm in found.alarms], **asdict(decision), **champions}
    merge(context, MONITORING, [{**said, "label_days_median": median, "label_days_most": most}])


def merge(context: Context, table: TableSchema, rows: Sequence[dict[str, object]]) -> None:
    """Write rows, each key once."""
    if rows:
        context.tables.merge(table, make_frame(context, table, rows))


def make_frame(context: Context, table: TableSchema, rows: Sequence[dict[str, object]]) -> DataFrame:
    """Rows with the types of the table."""
    types = context.tables.read(context.spark, table.name).schema
    return context.spark.createDataFrame([tuple(row[field.name] for field in types) for row in rows], types)


def figures(found: Findings) -> dict[str, float]:
    """What MLflow keeps beside the decision."""
    whole = next((one for one in found.qualities if one.kind == quality.WHOLE), None)
    named = asdict(whole) if whole else {}
    worth = {f"matured_{name}": value for name, value in named.items() if isinstance(value, float)}
    return {f"psi_{one.column}": one.psi for one in found.drifts} | worth | {"alarms": float(len(found.alarms))}


if __name__ == "__main__":
    main()
