"""Files to bronze, by a real stream: every format once, and files that change or are missing named."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from fraud_detection.config import DataSettings
from fraud_detection.data.ingest import TRANSACTIONS_FEED, checkpoint_path, ingest_files, open_files
from fraud_detection.errors import DataError
from fraud_detection.schemas import BRONZE_TRANSACTIONS, LANDING_FILES

WRITTEN = datetime(2018, 4, 2, 3, tzinfo=UTC)


@pytest.fixture
def ingest(spark, tables, tmp_path):
    for table in (BRONZE_TRANSACTIONS, LANDING_FILES):
        tables.create_schema(spark)
        tables.ensure(spark, table)

    def run(landing, settings=DataSettings()):  # noqa: B008  frozen
        ingest_files(spark, TRANSACTIONS_FEED, landing, str(tmp_path / "checkpoints"), tables, settings)
        rows = tables.read(spark, BRONZE_TRANSACTIONS.name).orderBy("source_file", "line_number").collect()
        assert {row.file_modified_at.astimezone(UTC) for row in rows} == {WRITTEN}
        return [(row.source_file, row.line_number, row.header, row.raw) for row in rows]

    return run


def test_every_format_arrives_once_in_the_same_bronze(ingest, deliver, tmp_path):
    (tmp_path / "landing" / "transactions" / "2018 april").mkdir()
    deliver("transactions/2018 april/1.jsonl", '{"id": 1}\n{"id": 2}\n', WRITTEN)
    deliver("transactions/2.csv.gz", gzip.compress(b"id,x\n3,y\n"), WRITTEN)
    pl.DataFrame({"id": [4]}).write_parquet(tmp_path / "4.parquet")
    landing = deliver("transactions/4.parquet", (tmp_path / "4.parquet").read_bytes(), WRITTEN)
    expected = [
        ("transactions/2.csv.gz", 2, "id,x", "3,y"),
        ("transactions/2018 april/1.jsonl", 1, None, '{"id": 1}'),
        ("transactions/2018 april/1.jsonl", 2, None, '{"id": 2}'),
        ("transactions/4.parquet", 1, None, json.dumps({"id": 4}, separators=(",", ":"))),
    ]
    assert ingest(landing) == expected
    deliver("transactions/5.jsonl", "{}", WRITTEN)
    assert ingest(landing) == [*expected, ("transactions/5.jsonl", 1, None, "{}")]


def test_a_file_that_changes_after_it_was_read_is_named_as_long_as_it_lies_there(ingest, deliver):
    landing = deliver("transactions/half.jsonl", "", WRITTEN)
    deliver("transactions/whole.jsonl", "{}", WRITTEN)
    before = ingest(landing)
    deliver("transactions/half.jsonl", '{"id": 1}', WRITTEN + timedelta(seconds=1))
    for _ in range(2):
        with pytest.raises(DataError, match=r"^transactions/half\.jsonl changed after being read.*under a new name"):
            ingest(landing)
    (Path(landing) / "transactions" / "half.jsonl").unlink()
    deliver("transactions/half.2.jsonl", '{"id": 1}', WRITTEN)
    assert ingest(landing) == [("transactions/half.2.jsonl", 1, None, '{"id": 1}'), *before]


def test_a_file_that_stopped_the_run_may_come_again_whole_under_its_own_name(ingest, deliver):
    landing = deliver("transactions/big.jsonl", "x" * 11, WRITTEN)
    with pytest.raises(PySparkException):
        ingest(landing, DataSettings(max_file_bytes=10))
    deliver("transactions/big.jsonl", "x" * 9, WRITTEN)
    assert ingest(landing, DataSettings(max_file_bytes=10)) == [("transactions/big.jsonl", 1, None, "x" * 9)]


def test_a_file_above_the_limit_stops_the_run_and_is_named(ingest, deliver):
    landing = deliver("transactions/big.jsonl", "x" * 11)
    with pytest.raises(PySparkException, match=r"big\.jsonl has 11 bytes or more; expected at most 10: split it, or"):
        ingest(landing, DataSettings(max_file_bytes=10))


def test_a_missing_folder_is_named(ingest, tmp_path):
    with pytest.raises(DataError, match=r"found no folder .*/nowhere/transactions; expected one with files"):
        ingest(str(tmp_path / "nowhere"))


def test_on_databricks_auto_loader_reads_the_files(spark, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    with pytest.raises((PySparkException, Py4JJavaError), match="cloudFiles"):  # which open-source Spark does not have
        open_files(spark, str(tmp_path))


def test_the_progress_of_a_stream_belongs_to_its_tables():
    assert checkpoint_path("/Volumes/a/checkpoints", "bronze", "id1", "id2") == "/Volumes/a/checkpoints/bronze-id1-id2"
    assert Path(checkpoint_path(".local/checkpoints", "bronze", "id")) == Path(".local/checkpoints/bronze-id")
