"""What a mapping would make of files, before anything is loaded."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.arrow import table_to_spark
from fraud_detection.card_numbers import read_keys
from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import Cleaning, check_lines, labels_cleaning, transactions_cleaning
from fraud_detection.data.files import Lines, read_hidden
from fraud_detection.data.ingest import Dataset, lines_as_batch
from fraud_detection.data.parsing import read_header
from fraud_detection.data.quality import QUARANTINED, READ, Count, count_broken
from fraud_detection.errors import DataError

SHOWN = 10
LOOKED_AT = 100
"""Lines of a JSON file whose fields count as its columns."""


@dataclass(frozen=True)
class Report:
    """What would become of the files.

    Attributes:
        columns: column of the files → what it becomes; nothing for one that nobody asked for.
        missing: fields that no file has a column for → the name that was looked for.
        rows: the first rows as silver would hold them, by column; what cannot be read is null.
        broken: rule → number of lines, for those that are broken.
        read: number of lines.
        quarantined: how many of them would be refused.
    """

    columns: dict[str, str]
    missing: dict[str, str]
    rows: list[dict[str, Any]]
    broken: dict[str, int]
    read: int
    quarantined: int


def check_files(spark: SparkSession, paths: Sequence[Path], dataset: Dataset, settings: DataSettings) -> Report:
    """Judge all lines of the files by the settings.

    Raises:
        DataError: a file cannot be read, or there is no line in any.
    """
    cleaning = transactions_cleaning(settings) if dataset == "transactions" else labels_cleaning(settings)
    read = {path: _read(path, cleaning, settings) for path in paths}
    if not any(lines.raw for lines in read.values()):
        raise DataError(f"found no line in {', '.join(map(str, paths))}; expected files with rows")
    now = datetime.now(UTC)
    batches = [lines_as_batch(path.name, _written(path), now, lines) for path, lines in read.items()]
    headers = list({lines.header for lines in read.values() if lines.raw})
    checked = _judge(table_to_spark(spark, pa.Table.from_batches(batches)), cleaning, headers).persist()
    totals = _sum_by_rule(count_broken(checked, dataset, cleaning.rules, now))
    found = list(dict.fromkeys(name for lines in read.values() for name in columns_of(lines, cleaning.delimiter)))
    return Report(
        columns=_fates(found, cleaning.sources),
        missing={name: source for name, source in cleaning.sources.items() if source not in found},
        rows=[row.asDict() for row in _shown(checked, cleaning).limit(SHOWN).collect()],  # ten
        broken={rule: lines for rule, lines in totals.items() if lines and rule not in (READ, QUARANTINED)},
        read=totals[READ],
        quarantined=totals[QUARANTINED],
    )


def _sum_by_rule(counts: Sequence[Count]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for count in counts:
        totals[count.rule] += count.lines
    return totals


def columns_of(lines: Lines, delimiter: str) -> list[str]:
    """The columns that a file names: in its header, or in its first lines of JSON."""
    if lines.header is not None:
        return read_header(lines.header, delimiter)
    objects = (_as_object(line) for line in islice(lines.raw, LOOKED_AT))
    return list(dict.fromkeys(name for fields in objects for name in fields))


def _as_object(line: str) -> Mapping[str, Any]:
    """Nothing where a line is none: it is counted as unreadable, by the rules."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _read(path: Path, cleaning: Cleaning, settings: DataSettings) -> Lines:
    kind = getattr(settings.mapping, cleaning.feed.dataset).format or cleaning.feed.format
    return read_hidden(path.name, path.read_bytes(), kind, settings.max_file_bytes, read_keys())


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _judge(bronze: DataFrame, cleaning: Cleaning, headers: Sequence[str | None]) -> DataFrame:
    """Labels without a time of their own are judged as if each transaction were there, at the time of the file."""
    if not cleaning.needs_event_time:
        return check_lines(bronze, cleaning, headers)
    times = "transaction_id STRING, event_time TIMESTAMP"
    unknown = check_lines(bronze, cleaning, headers, bronze.sparkSession.createDataFrame([], times))
    pretended = unknown.select("transaction_id", F.col("file_modified_at").alias("event_time"))
    return check_lines(bronze, cleaning, headers, pretended.dropDuplicates(["transaction_id"]))


def _shown(checked: DataFrame, cleaning: Cleaning) -> DataFrame:
    derived = {"event_date", "known_at"} if cleaning.needs_event_time else {"event_date"}
    shown = [name for name in (*cleaning.sources, "reasons") if name not in derived]
    return checked.orderBy("source_file", "line_number").select(*shown)


def _fates(found: Sequence[str], sources: Mapping[str, str]) -> dict[str, str]:
    return {column: ", ".join(name for name, source in sources.items() if source == column) for column in found}
