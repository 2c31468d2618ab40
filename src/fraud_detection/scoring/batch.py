"""Scoring of what the table of features holds: on Spark, by Arrow, with the model loaded once a worker."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel
from pyspark.errors import PythonException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.arrow import small_rows
from fraud_detection.errors import ModelError
from fraud_detection.features.contract import KEYS
from fraud_detection.features.frames import as_keys
from fraud_detection.models.aliases import CHALLENGER, CHAMPION
from fraud_detection.schemas import AMOUNT_TYPE, PREDICTIONS, TRANSACTION_FEATURES
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.packed import make_judge, pack
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.turns import Turn
from fraud_detection.scoring.variants import LEFT_OUT, SHADOW
from fraud_detection.tables import Tables

OTHER_SIDE: Final = {CHAMPION: CHALLENGER, CHALLENGER: CHAMPION}
KEPT: Final = ("transaction_id", "event_time", "event_date", "customer_id", "terminal_id", "amount_cents")
COMPUTED: Final = "%d rows are scored, %d of them alerts; they are merged now"
DECIDED: Final = "probability DOUBLE, is_alert BOOLEAN, reasons STRING"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scored:
    """How many rows a batch scored, and how many of them raise an alert."""

    rows: int
    alerts: int

    def __add__(self, other: "Scored") -> "Scored":
        """Both together."""
        return Scored(self.rows + other.rows, self.alerts + other.alerts)


def score_batch(
    spark: SparkSession,
    tables: Tables,
    model: Model,
    settings: ScoringSettings,
    now: datetime,
    chosen: Column | None = None,
) -> Scored:
    """Score what this version has not scored yet, and merge it into the predictions in one commit.

    Whatever is killed, running it again scores what is not in the table, so the table ends as if nothing had happened.

    Args:
        now: events from it on are not scored.
        chosen: which rows this version scores; all, unless told.

    Raises:
        ModelError: the table lacks a feature of the model, or scoring by it fails; nothing is written then.
    """
    features = tables.read(spark, TRANSACTION_FEATURES)
    model.require_features(features.columns)
    tables.ensure(spark, PREDICTIONS)
    features = features if chosen is None else features.where(chosen)
    rows = find_unscored(features, tables.read(spark, PREDICTIONS.name), model, settings.days, now)
    # Kept, because a MERGE reads its source twice.
    scored = as_predictions(add_scores(rows, model, settings), model, "batch").persist(StorageLevel.MEMORY_AND_DISK)
    try:
        with small_rows(spark):
            done = _compute(scored, model)
            if done.rows:
                tables.merge(PREDICTIONS, scored)
    finally:
        scored.unpersist()
    return done


def _compute(scored: DataFrame, model: Model) -> Scored:
    try:
        done = Scored(*scored.agg(F.count("*"), F.count_if("is_alert")).collect()[0])  # one row
    except (PythonException, Py4JJavaError) as error:  # the second is a worker of Python that died
        raise ModelError(
            f"version {model.version} of {model.name} could not score, and wrote nothing: {error}"
        ) from error
    log.info(COMPUTED, done.rows, done.alerts)
    return done


def score_turns(
    spark: SparkSession, tables: Tables, turns: Sequence[Turn], settings: ScoringSettings, now: datetime
) -> dict[str, Scored]:
    """Score each turn; the rows of a challenger that fails are scored by the champion. By variant.

    Args:
        turns: the champion's first.

    Raises:
        ModelError: as of `score_batch`, of the champion.
    """
    champion, *others = turns
    done = {champion.model.variant: score_batch(spark, tables, champion.model, settings, now, champion.rows)}
    for turn in others:
        try:
            done[turn.model.variant] = score_batch(spark, tables, turn.model, settings, now, turn.rows)
        except ModelError:
            log.exception(LEFT_OUT, turn.model.version, turn.model.name)
            if turn.model.variant != SHADOW:
                done[champion.model.variant] += score_batch(spark, tables, champion.model, settings, now, turn.rows)
    return done


def find_unscored(features: DataFrame, predictions: DataFrame, model: Model, days: int, now: datetime) -> DataFrame:
    """Features of the last days whose transaction, as it is now, has no prediction by this version.

    Nor a decision by the other side of a trial: where the champion stood in for a challenger, its decision stands.
    A correction of the transaction itself is scored again. A label or another transaction that came late is not: the
    decision was made by what was known.
    """
    since = now - timedelta(days=days)
    in_window = (F.col("event_time") >= F.lit(since)) & (F.col("event_time") < F.lit(now))
    of_days = F.col("event_date") >= F.lit(since.date())  # by which files are skipped
    is_done = F.col("model_version") == model.version
    if model.variant in OTHER_SIDE:
        is_done |= F.col("variant") == OTHER_SIDE[model.variant]
    done = predictions.where(is_done & of_days & in_window)
    return features.where(of_days & in_window).join(as_keys(done), list(KEYS), how="left_anti")


def add_scores(rows: DataFrame, model: Model, settings: ScoringSettings) -> DataFrame:
    """The keys of rows with features, and what the model says of each.

    The features travel as one list of floats: written and read much faster than as many columns, and what the model
    computes with anyway. An absent one is NaN.
    """
    absent = F.lit(math.nan).cast("float")
    features = F.array(*(F.coalesce(F.col(name).cast("float"), absent) for name in model.scorer.features))
    # Not mapInArrow: of a scalar function the other columns stay in the JVM, and its Python sees nothing but features.
    judge = F.arrow_udf(make_judge(pack(model.scorer), settings), DECIDED)  # type: ignore[attr-defined]
    return rows.select(*KEPT, judge(features).alias("said")).select(*KEPT, "said.*")


def as_predictions(scored: DataFrame, model: Model, by: str) -> DataFrame:
    """Rows of the table of predictions.

    Args:
        by: batch or stream.
    """
    same = {
        "threshold": F.lit(model.scorer.threshold),
        "model_name": F.lit(model.name),
        "model_version": F.lit(model.version).cast("bigint"),
        "variant": F.lit(model.variant),
        "scored_at": F.lit(datetime.now(UTC)),
        "scored_by": F.lit(by),
    }
    amount = (F.col("amount_cents").cast("DECIMAL(14,0)") / 100).cast(AMOUNT_TYPE)
    return scored.withColumn("amount", amount).withColumns(same).select(*PREDICTIONS.column_names)
