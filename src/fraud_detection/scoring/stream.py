"""Scoring of transactions as they arrive: lines of bronze in, rows of silver, quarantine and predictions out."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from queue import SimpleQueue

import polars as pl
from pyspark.sql import DataFrame

from fraud_detection.data.prepare import Work, judge, keep_quality, part, with_earlier
from fraud_detection.data.quality import refuse_bad_days
from fraud_detection.errors import DataError
from fraud_detection.features.contract import KEYS
from fraud_detection.features.frames import as_keys, to_polars, to_spark
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.stream import compute_batch
from fraud_detection.schemas import PREDICTIONS, QUARANTINE, SILVER_LABELS
from fraud_detection.scoring.batch import KEPT, Scored, as_predictions
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.decisions import DECISION, decide, feature_matrix
from fraud_detection.scoring.recent import RecentHistory
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.turns import part_rows
from fraud_detection.scoring.variants import SHADOW, Contestants, LineUp

ARRIVED = "file_modified_at"
GOES_ON = "bad lines go to quarantine, good ones are scored all the same, and a stream goes on: %s"

log = logging.getLogger(__name__)

Publish = Callable[[pl.DataFrame], None]


def publish_nowhere(features: pl.DataFrame) -> None:
    """Where no online store is kept up."""
    del features


@dataclass(frozen=True)
class Outcome:
    """What became of one batch.

    Attributes:
        version: the champion's.
        scored: by each variant that scored any.
        latency_seconds: from the arrival of each new row (its file's or record's time) to the commit of its score:
            the median, and the longest.
    """

    number: int
    version: int
    scored: Mapping[str, Scored] = field(default_factory=dict)
    latency_seconds: tuple[float, float] = (0.0, 0.0)

    def measures(self) -> dict[str, float]:
        """For the record: what was decided, and what each variant scored; a shadow decides nothing."""
        median, longest = self.latency_seconds
        decided = [scored for variant, scored in self.scored.items() if variant != SHADOW]
        rows, alerts = sum(one.rows for one in decided), sum(one.alerts for one in decided)
        told = {"scored_rows": rows, "alerts": alerts, "model_version": self.version}
        told |= {f"rows_{variant}": scored.rows for variant, scored in self.scored.items()}
        told |= {f"alerts_{variant}": scored.alerts for variant, scored in self.scored.items()}
        return {**told, "latency_seconds_median": median, "latency_seconds_longest": longest}


@dataclass(frozen=True)
class ScoringStream:
    """What one batch after another is processed with.

    Attributes:
        work: how lines become rows of silver.
        history: what features are computed from.
        contestants: looked up at each batch.
        publish: hears of the features of each batch once they are stored, maybe again after a restart.
        outcomes: of the batches done, for whoever records them.
    """

    work: Work
    history: RecentHistory
    contestants: Contestants
    features: FeatureSettings
    settings: ScoringSettings
    publish: Publish = publish_nowhere
    outcomes: SimpleQueue[Outcome] = field(default_factory=SimpleQueue)

    def process(self, lines: DataFrame, number: int) -> None:
        """Score one batch, for `foreachBatch`; the same batch again changes nothing.

        Every table is written by merging, and what later steps need of a transaction is the same whatever of it had
        been written before: so a batch that was killed anywhere is simply done again.

        Raises:
            ModelError: there is no champion, or it reads features that there are not.
        """
        line_up = self.contestants.current()
        arrived = clean(lines, replace(self.work, now=datetime.now(UTC)))
        self.outcomes.put(self.score(arrived, number, line_up))

    def score(self, arrived: pl.DataFrame, number: int, line_up: LineUp) -> Outcome:
        """Compute features, decide, and write: predictions first, for a row that has features is not looked for."""
        missing = self.history.settle().join(arrived, on="transaction_id", how="anti")
        keys = pl.concat([arrived.select(KEYS), missing.select(KEYS)])
        version = line_up.champion.version
        if keys.is_empty():
            return Outcome(number, version)
        labels = self.work.read(SILVER_LABELS.name).select("transaction_id", "is_fraud", "known_at")
        features = compute_batch(keys, self.history.read(), labels, self.features)
        said = self._ask(line_up.able(features.columns), features)
        predictions = [as_predictions(to_spark(self.work.spark, rows), model, "stream") for model, rows in said]
        # All variants in one commit: whatever is killed, a transaction has all of its rows or none.
        self.work.tables.merge(PREDICTIONS, reduce(DataFrame.unionByName, predictions))
        self.history.keep(features)
        self.publish(features)
        scored = {model.variant: Scored(rows.height, int(rows["is_alert"].sum())) for model, rows in said}
        return Outcome(number, version, scored, latency(arrived))

    def _ask(self, line_up: LineUp, features: pl.DataFrame) -> list[tuple[Model, pl.DataFrame]]:
        """What each model says of its rows; where the challenger fails, the champion says it of all."""
        said = []
        for model, rows in part_rows(line_up, features):
            try:
                said.append((model, add_scores(rows, model, self.settings)))
            except Exception as error:  # whatever a model on trial raises, the batch is scored
                if model is line_up.champion:
                    raise
                self.contestants.leave_out(model.version, error)
                return self._ask(LineUp(line_up.champion), features)
        return said


def clean(lines: DataFrame, work: Work) -> pl.DataFrame:
    """Publish a batch of lines by the rules of data_prep, and return its new or other transactions.

    A day with too many bad lines is an error in the log and stops nothing: they go to quarantine.
    """
    checked = judge(lines, work)
    if checked is None:
        return to_polars(as_keys(work.read(work.cleaning.silver.name).limit(0), ARRIVED))
    try:
        refuse_bad_days(keep_quality(with_earlier(checked, work), work), work.settings)
    except DataError as error:
        log.error(GOES_ON, error)  # noqa: TRY400  its message says it all
    superseded, cleaned = part(checked, work)
    arrived = to_polars(as_keys(cleaned.silver, ARRIVED))  # settings.batch_bytes bounds the batch
    work.tables.add_missing(QUARANTINE, cleaned.quarantine)
    work.tables.merge(work.cleaning.silver, cleaned.silver)
    for kept in (superseded, checked):
        kept.unpersist()
    return arrived


def add_scores(features: pl.DataFrame, model: Model, settings: ScoringSettings) -> pl.DataFrame:
    """The keys of rows with features, and what the model says of each."""
    dated = features.with_columns(pl.col("event_time").dt.date().alias("event_date"))
    (rows,) = dated.to_arrow().combine_chunks().to_batches()
    matrix = feature_matrix(rows, model.scorer.features)
    decided = dict(zip(DECISION, decide(matrix, model.scorer, settings), strict=True))
    return dated.select(*KEPT, *(pl.Series(name, values) for name, values in decided.items()))


def latency(arrived: pl.DataFrame) -> tuple[float, float]:
    """Seconds since the rows of a batch arrived: the median, and the longest."""
    waited = (pl.lit(datetime.now(UTC)) - pl.col(ARRIVED)).dt.total_microseconds() / 1e6
    found = arrived.select(waited.median().alias("median"), waited.max().alias("longest")).row(0)
    return (found[0] or 0.0, found[1] or 0.0)
