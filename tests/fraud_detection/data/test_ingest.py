"""Files to numbered lines."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyspark.errors import PySparkException

from fraud_detection.config import DataSettings
from fraud_detection.data.ingest import LABELS_FEED, TRANSACTIONS_FEED, checkpoint_path, read_new_files, split_lines

WRITTEN = datetime(2018, 4, 2, 3, tzinfo=UTC)
COLUMNS = ("source_file", "line_number", "header", "raw")
FILES = "value STRING, file_path STRING, file_modification_time TIMESTAMP, file_size BIGINT"


@pytest.fixture
def split(spark, collect):
    def lines(feed, content, path="file:/landing/transactions/day.jsonl"):
        files = spark.createDataFrame([(content, path, WRITTEN, len(content))], FILES)
        rows = collect(split_lines(files, feed), "line_number")
        assert set(rows["file_modified_at"]) <= {WRITTEN}
        return rows.select(*COLUMNS)

    return lines


def frame(*rows):
    schema = {"source_file": pl.String, "line_number": pl.Int64, "header": pl.String, "raw": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\ntwo", ["one", "two"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("one\rtwo\r", ["one", "two"]),
        ("\ufeffone\ntwo\n", ["one", "two"]),
        ("one\n\ntwo\n", ["one", "", "two"]),
        ("one\n\n", ["one", ""]),
        ("\n", [""]),
        ("", []),
        ("\ufeff", []),
    ],
)
def test_every_line_counts_and_the_end_of_a_file_is_none(split, content, lines):
    expected = frame(*(("transactions/day.jsonl", number, None, line) for number, line in enumerate(lines, 1)))
    assert_frame_equal(split(TRANSACTIONS_FEED, content), expected)


@pytest.mark.parametrize(
    ("content", "header", "lines"),
    [
        ("a,b\n1,2\n3,4\n", "a,b", ["1,2", "3,4"]),
        ("\ufeffa,b\r\n1,2\r\n", "a,b", ["1,2"]),
        ("a,b\r1,2\r3,4\r", "a,b", ["1,2", "3,4"]),
        ("a,b\n", "a,b", []),
        ("a,b", "a,b", []),
        ("\n1,2\n", "", ["1,2"]),
        ("", "", []),
    ],
)
def test_the_first_line_of_a_csv_file_is_its_header_and_no_row(split, content, header, lines):
    expected = frame(*(("labels/day.csv", number, header, line) for number, line in enumerate(lines, 2)))
    assert_frame_equal(split(LABELS_FEED, content, "file:/a/labels/b/labels/day.csv"), expected)


def test_a_file_above_the_limit_stops_the_run_and_is_named(spark, deliver, tmp_path):
    landing = deliver("transactions/big.jsonl", "x" * 11)
    files = read_new_files(spark, f"{landing}/transactions", DataSettings(max_file_bytes=10))
    query = (
        files.writeStream.format("noop")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    with pytest.raises(PySparkException, match=r"big\.jsonl has 11 bytes; expected at most 10; split it, or raise"):
        query.awaitTermination()


def test_the_progress_of_a_stream_belongs_to_its_tables():
    assert checkpoint_path("/Volumes/a/checkpoints", "bronze", "id1", "id2") == "/Volumes/a/checkpoints/bronze-id1-id2"
    assert Path(checkpoint_path(".local/checkpoints", "bronze", "id")) == Path(".local/checkpoints/bronze-id")
