"""A stream's life: where it starts, what makes it go on, when it ends, and how far behind it is."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from fraud_detection.data.ingest import checkpoint_path, run_to_end
from fraud_detection.data.prepare import PAST_REWRITES, Work, take_in
from fraud_detection.errors import ConfigurationError, FraudDetectionError
from fraud_detection.schemas import DATA_QUALITY, LANDING_FILES, PREDICTIONS, QUARANTINE, SILVER_LABELS
from fraud_detection.scoring.recent import recent_table
from fraud_detection.scoring.stream import ScoringStream

AVAILABLE_NOW: Final = "availableNow"
EVERY: Final = re.compile(r"(\d+) (second|minute)s?")
SECONDS: Final = {"second": 1, "minute": 60}
STREAM_FROM: Final = "fraud_detection.stream_from"
HOUR: Final = 3600

log = logging.getLogger(__name__)

Measure = Callable[[Mapping[str, float], int], None]


def seconds_of(trigger: str) -> int:
    """How often a stream looks for new lines; 0 for one that takes what is there and ends.

    Raises:
        ConfigurationError: it is neither availableNow nor a time such as 30 seconds.
    """
    if trigger == AVAILABLE_NOW:
        return 0
    found = EVERY.fullmatch(trigger)
    if not found or not int(found[1]):
        raise ConfigurationError(f"--trigger is {trigger!r}; expected {AVAILABLE_NOW}, or a time such as 30 seconds")
    return int(found[1]) * SECONDS[found[2]]


def ensure_tables(work: Work) -> None:
    """Make what the stream reads and writes, besides the table of features, which feature_build makes."""
    feed = (LANDING_FILES, QUARANTINE, DATA_QUALITY, work.cleaning.feed.bronze, work.cleaning.silver)
    for table in (*feed, SILVER_LABELS, PREDICTIONS, recent_table()):
        work.tables.ensure(work.spark, table)


@dataclass
class Run:
    """One run of the stream.

    Attributes:
        landing: folder of the files that arrive.
        checkpoints: folder where streams keep their progress.
        measure: takes figures and the number of their batch.
    """

    stream: ScoringStream
    landing: str
    checkpoints: str
    measure: Measure
    _refused: list[FraudDetectionError] = field(default_factory=list)
    _told: int = -1

    def go(self, trigger: str) -> None:
        """Take in and score what arrives, until all is done, or the hours of the settings are over.

        Files and records come into bronze as with data_prep, by the same streams; so what the one took in the other
        does not take in again. A second stream scores what is new in bronze.

        Raises:
            ConfigurationError: the trigger is none, or goes on while data_prep takes in transactions too.
            FraudDetectionError: what a batch was refused for.
        """
        every = seconds_of(trigger)
        if every and not self.stream.work.settings.streamed:
            raise ConfigurationError(
                f"--trigger is {trigger!r} and the setting data.streamed is false; expected true, for data_prep too: "
                "two that take in transactions at the same time would stop each other"
            )
        start_version(self.stream.work)
        if every:
            self._go_on(every)
        else:
            take_in(self.stream.work, self.landing, self.checkpoints)
            self._wait(self._start({"availableNow": True}), None)

    def _go_on(self, every: int) -> None:
        query = self._start({"processingTime": f"{every} seconds"})
        until = time.monotonic() + self.stream.settings.stream_hours * HOUR
        try:
            while time.monotonic() < until and query.isActive:
                take_in(self.stream.work, self.landing, self.checkpoints)
                self._wait(query, every)
            query.processAllAvailable()
        finally:
            query.stop()
            self._tell(query)

    def _start(self, trigger: Mapping[str, Any]) -> StreamingQuery:
        work = self.stream.work
        bronze = work.cleaning.feed.bronze.name
        identities = [work.tables.identity(work.spark, name) for name in (bronze, PREDICTIONS.name)]
        lines = (
            work.spark.readStream.option("startingVersion", start_version(work))
            .option(*PAST_REWRITES)
            .option("maxBytesPerTrigger", self.stream.settings.batch_bytes)
            .table(work.tables.name(bronze))
        )
        checkpoint = checkpoint_path(self.checkpoints, PREDICTIONS.name, *identities)
        written = lines.writeStream.queryName("scoring").option("checkpointLocation", checkpoint)
        return written.foreachBatch(self._process).trigger(**trigger).start()

    def _process(self, lines: DataFrame, number: int) -> None:
        try:
            self.stream.process(lines, number)
        except FraudDetectionError as error:
            self._refused.append(error)
            raise

    def _wait(self, query: StreamingQuery, seconds: int | None) -> None:
        try:
            if seconds is None:
                run_to_end(query)
            else:
                query.awaitTermination(seconds)
        except StreamingQueryException as error:
            if not self._refused:
                raise
            raise self._refused[0] from error  # the stream wraps our own error in pages of its own
        finally:
            self._tell(query)

    def _tell(self, query: StreamingQuery) -> None:
        """Hand on the figures of the batches that ended since the last call."""
        outcomes = self.stream.outcomes
        while not outcomes.empty():
            outcome = outcomes.get()
            log.info("batch %d: %s", outcome.number, outcome.measures())
            self.measure(outcome.measures(), outcome.number)
        for progress in query.recentProgress:
            if progress["batchId"] > self._told and progress["numInputRows"]:
                self._told = progress["batchId"]
                log.info("batch %d: %s", self._told, pace(progress))
                self.measure(pace(progress), self._told)


def pace(progress: Mapping[str, Any]) -> dict[str, float]:
    """What Spark says of a batch: its time, and what waits in bronze behind it. It counts a line once a reading."""
    waiting = progress["sources"][0].get("metrics") or {}
    return {
        "batch_seconds": progress["durationMs"].get("triggerExecution", 0) / 1000,
        "backlog_bytes": float(waiting.get("numBytesOutstanding") or 0),
        "backlog_files": float(waiting.get("numFilesOutstanding") or 0),
    }


def start_version(work: Work) -> int:
    """The version of bronze that the stream begins with: what came before its first run, the daily job scores.

    Kept as a property of bronze, so that a first run that is killed begins there again. Setting it is a commit without
    lines, so that the version is there before the first line is.
    """
    name, spark = work.cleaning.feed.bronze.name, work.spark
    key = f"{STREAM_FROM}.{work.tables.identity(spark, PREDICTIONS.name)}"
    found = work.tables.properties(spark, name).get(key)
    if found is None:
        found = str(work.tables.version(spark, name) + 1)
        spark.sql(f"ALTER TABLE {work.tables.name(name)} SET TBLPROPERTIES ('{key}' = '{found}')")
    return int(found)
