"""Whether all of bronze is published: what changes all tables asks first, for a line that waits would be left out."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from fraud_detection.data.cleaning import LINE
from fraud_detection.data.ingest import LABELS_FEED, TRANSACTIONS_FEED, check_folder
from fraud_detection.errors import DataError
from fraud_detection.schemas import QUARANTINE, SILVER_LABELS, SILVER_TRANSACTIONS
from fraud_detection.tables import Tables

APPENDED = "STREAMING UPDATE"
IDENTITY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FEEDS = ((TRANSACTIONS_FEED, SILVER_TRANSACTIONS), (LABELS_FEED, SILVER_LABELS))


def refuse_unpublished(spark: SparkSession, tables: Tables, names: Sequence[str], advice: str) -> None:
    """Insist that each line of bronze is in silver or in quarantine.

    Args:
        names: of the tables that are there.
        advice: what to do then.

    Raises:
        DataError: some are in neither.
    """
    for feed, silver in FEEDS:
        if feed.bronze.name not in names:
            continue
        waiting = tables.read(spark, feed.bronze.name).select(*LINE)
        for name in {silver.name, QUARANTINE.name} & {*names}:
            published = tables.read(spark, name)
            own = published.where(F.col("dataset") == feed.dataset) if name == QUARANTINE.name else published
            waiting = waiting.join(own.select(*LINE), list(LINE), how="left_anti")
        count = waiting.count()
        if count:
            raise DataError(
                f"{count} lines of {feed.bronze.name} are neither in {silver.name} nor in {QUARANTINE.name}; expected "
                f"all of them there, for one that comes later would be as it was: {advice}, then run this again"
            )


def refuse_streams_behind(spark: SparkSession, tables: Tables, names: Sequence[str], checkpoints: str) -> None:
    """Insist that the streams of bronze have read all its lines, before files that they would look for go.

    Args:
        names: of the tables that are there.
        checkpoints: folder where streams keep their progress; one behind an address with a scheme is not looked at.

    Raises:
        DataError: names a stream that was cut in a batch, or has not read what was appended last.
    """
    check_folder(checkpoints)
    identities = {tables.identity(spark, name): name for name in names}
    bronze = {feed.bronze.name for feed, _ in FEEDS}
    appended = {one: _last_append(spark, tables, name) for one, name in identities.items() if name in bronze}
    for offsets in sorted(Path(checkpoints).glob("*/offsets")):
        told = IDENTITY.findall(offsets.parent.name)
        if {*told} <= identities.keys() and _is_behind(offsets, appended):
            raise DataError(
                f"the stream {offsets.parent.name} has not read all of its table; expected it at its end, for files "
                "are about to go: let it run to its end, then run this again"
            )


def _last_append(spark: SparkSession, tables: Tables, name: str) -> int:
    history = spark.sql(f"DESCRIBE HISTORY {tables.name(name)}").where(F.col("operation") == APPENDED)
    return int(history.agg(F.coalesce(F.max("version"), F.lit(-1))).collect()[0][0])  # one row


def _is_behind(offsets: Path, appended: Mapping[str, int]) -> bool:
    numbers = [int(path.name) for path in offsets.iterdir() if path.name.isdigit()]
    if not numbers:
        return False
    newest = str(max(numbers))
    if not (offsets.parent / "commits" / newest).exists():
        return True
    source = json.loads((offsets / newest).read_text(encoding="utf-8").splitlines()[-1])
    if source.get("reservoirId") not in appended:
        return False  # of files or of Kafka
    return bool(source.get("isStartingVersion")) or source["reservoirVersion"] <= appended[source["reservoirId"]]
