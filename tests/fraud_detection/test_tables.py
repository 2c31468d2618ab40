"""Tables on real Delta: names, creation, merging, replacing."""

import resource
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from fraud_detection import tables as tables_module
from fraud_detection.errors import ConfigurationError, DataError, MachineError
from fraud_detection.features.frames import to_polars
from fraud_detection.schemas import TableSchema
from fraud_detection.table_changes import read_version
from fraud_detection.tables import LOG, Tables

CARDS = TableSchema(
    name="cards",
    comment="A bank's cards",
    columns=MappingProxyType({"id": "STRING NOT NULL", "day": "INT", "amount": "BIGINT"}),
    key=("id", "day"),
    cluster_by=("day",),
    checks=MappingProxyType({"amount_positive": "amount > 0"}),
)
RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
ROWS = "id STRING, day INT, amount BIGINT"


@pytest.fixture
def cards(spark, tables):
    tables.create_schema(spark)
    tables.ensure(spark, CARDS)
    return tables


@pytest.fixture
def make_rows(spark):
    return lambda *rows: spark.createDataFrame(list(rows), ROWS)


@pytest.fixture
def forget(spark, cards):
    """Let the session know the table no more, as one that begins."""

    def forget():
        spark.sql(f"DROP TABLE {cards.name(CARDS.name)}")
        spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        for checksum in (cards.folder(CARDS.name) / LOG).glob(".*.crc"):
            checksum.unlink()

    return forget


def contents(spark, tables):
    return to_polars(tables.read(spark, CARDS.name)).sort("id", "day")


def frame(*rows):
    return pl.DataFrame(rows, schema={"id": pl.String, "day": pl.Int32, "amount": pl.Int64}, orient="row")


@pytest.mark.parametrize("identifier", ["x; drop table y", "a.b", "`a`", "", "1st", "a b", "x" * 129, "naïve", "a\n"])
@pytest.mark.parametrize("kind", ["catalog", "schema"])
def test_what_is_no_plain_identifier_is_refused(kind, identifier):
    names = {"catalog": "main", "schema": "fraud"} | {kind: identifier}
    with pytest.raises(ConfigurationError, match=f"^{kind} .* is not an identifier"):
        Tables(**names)


def test_a_name_is_whole_and_quoted():
    assert Tables("main", "fraud").name("cards") == "`main`.`fraud`.`cards`"


def test_a_catalog_that_manages_its_files_has_no_folders():
    assert Tables("main", "fraud").folder("cards") is None
    assert Tables("spark_catalog", "fraud", Path("/w")).folder("cards") == Path("/w/fraud/cards")


def test_a_merge_replaces_by_key_and_inserts_the_rest(spark, cards, make_rows):
    cards.merge(CARDS, make_rows(("a", 1, 10), ("a", 2, 20)))
    cards.merge(CARDS, make_rows(("a", 2, 25), ("b", 2, 30)))
    assert_frame_equal(contents(spark, cards), frame(("a", 1, 10), ("a", 2, 25), ("b", 2, 30)))


def test_a_row_keeps_its_stamp_until_its_content_changes(spark, tables):
    columns = {**CARDS.columns, "file": "STRING", "at": "INT"}
    stamped = replace(CARDS, columns=MappingProxyType(columns), origin=("file",), stamp="at")
    tables.create_schema(spark)
    tables.ensure(spark, stamped)

    def merge(*rows):
        tables.merge(stamped, spark.createDataFrame(list(rows), f"{ROWS}, file STRING, at INT"))
        return contents(spark, tables).rows()

    assert merge(("a", 1, 10, "f", 1), ("b", 1, 20, "f", 1)) == [("a", 1, 10, "f", 1), ("b", 1, 20, "f", 1)]
    assert merge(("a", 1, 10, "g", 2), ("b", 1, 21, "g", 2)) == [("a", 1, 10, "g", 1), ("b", 1, 21, "g", 2)]
    assert merge(("a", 1, 10, "g", 3), ("b", 1, 21, "g", 3)) == [("a", 1, 10, "g", 1), ("b", 1, 21, "g", 2)]


def test_a_table_from_before_a_column_was_added_gets_it_and_keeps_its_rows(spark, cards, make_rows):
    cards.merge(CARDS, make_rows(("a", 1, 10)))
    wider = replace(CARDS, columns=MappingProxyType({"note": "STRING COMMENT 'new'", **CARDS.columns}))
    cards.ensure(spark, wider)
    cards.merge(wider, make_rows(("b", 2, 20)).selectExpr("*", "'x' AS note"))
    assert contents(spark, cards).rows() == [("a", 1, 10, None), ("b", 2, 20, "x")]


def test_missing_rows_are_added_and_those_there_are_left_alone(spark, cards, make_rows):
    cards.add_missing(CARDS, make_rows(("a", 1, 10)))
    cards.add_missing(CARDS, make_rows(("a", 1, 99), ("a", 2, 20)))
    assert_frame_equal(contents(spark, cards), frame(("a", 1, 10), ("a", 2, 20)))


def test_replacing_exchanges_all_rows_in_one_commit_and_keeps_the_table(spark, cards, make_rows):
    cards.merge(CARDS, make_rows(("a", 1, 10)))
    identity, version = cards.identity(spark, CARDS.name), cards.version(spark, CARDS.name)
    cards.replace(spark, CARDS, make_rows(("b", 2, 20)))
    assert_frame_equal(contents(spark, cards), frame(("b", 2, 20)))
    assert (cards.identity(spark, CARDS.name), cards.version(spark, CARDS.name)) == (identity, version + 1)


def test_replacing_with_other_columns_makes_the_table_anew(spark, cards, make_rows):
    wider = replace(CARDS, columns=MappingProxyType({**CARDS.columns, "note": "STRING COMMENT 'a bank''s own'"}))
    cards.merge(CARDS, make_rows(("a", 1, 10)))
    cards.replace(spark, wider, make_rows(("b", 2, 20)).selectExpr("*", "'new' AS note"))
    expected = frame(("b", 2, 20)).with_columns(note=pl.lit("new"))
    assert_frame_equal(contents(spark, cards), expected)


def test_a_table_that_lacks_its_constraints_is_completed(spark, tables, make_rows):
    tables.create_schema(spark)
    tables.ensure(spark, replace(CARDS, checks=MappingProxyType({})))
    tables.ensure(spark, CARDS)
    version = tables.version(spark, CARDS.name)
    with pytest.raises((PySparkException, Py4JJavaError), match="DELTA_VIOLATE_CONSTRAINT"):
        tables.merge(CARDS, make_rows(("a", 1, -1)))
    tables.ensure(spark, CARDS)
    assert tables.version(spark, CARDS.name) == version


def make_log(folder, name):
    (folder / "_delta_log").mkdir(parents=True)
    (folder / "_delta_log" / name).write_text("{")


def test_the_first_table_of_a_session_brings_its_schema_with_it(spark, tables, make_rows):
    tables.ensure(spark, CARDS)
    tables.merge(CARDS, make_rows(("a", 1, 10)))
    assert tables.read(spark, CARDS.name).count() == 1


def test_a_folder_whose_table_was_never_committed_becomes_the_table(spark, tables, make_rows, monkeypatch):
    monkeypatch.setattr(tables_module, "CREATION_SECONDS", 0.2)
    make_log(tables.folder(CARDS.name), ".00000000000000000000.json.7c0f.tmp")
    tables.create_schema(spark)
    assert not tables.exists(spark, CARDS.name)
    tables.ensure(spark, CARDS)
    tables.merge(CARDS, make_rows(("a", 1, 10)))
    assert_frame_equal(contents(spark, tables), frame(("a", 1, 10)))


def test_files_that_no_log_knows_are_not_made_a_new_table(spark, tables, monkeypatch):
    monkeypatch.setattr(tables_module, "CREATION_SECONDS", 0.2)
    make_log(tables.folder(CARDS.name), ".00000000000000000000.json.7c0f.tmp")
    (tables.folder(CARDS.name) / "part-0.parquet").write_text("PAR1")
    tables.create_schema(spark)
    with pytest.raises(DataError, match="cards holds files, and no log that knows them; expected a table or an empty"):
        tables.ensure(spark, CARDS)
    assert (tables.folder(CARDS.name) / "part-0.parquet").exists()


@pytest.mark.classic("the log that Delta keeps in the JVM is forgotten")
def test_a_table_that_another_process_is_making_is_waited_for(spark, cards, make_rows, tmp_path, monkeypatch):
    cards.merge(CARDS, make_rows(("a", 1, 10)))
    log, finished = cards.folder(CARDS.name) / LOG, tmp_path / "log"
    spark.sql(f"DROP TABLE {cards.name(CARDS.name)}")
    log.rename(finished)
    make_log(cards.folder(CARDS.name), ".00000000000000000000.json.7c0f.tmp")  # as far as the other one has come
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    waits = []

    def wait(seconds):
        """The other process makes its first commits meanwhile."""
        waits.append(seconds)
        if finished.exists():
            shutil.rmtree(log)
            finished.rename(log)

    monkeypatch.setattr(tables_module, "time", SimpleNamespace(sleep=wait, time=time.time, monotonic=time.monotonic))
    cards.ensure(spark, CARDS)
    assert waits
    assert_frame_equal(contents(spark, cards), frame(("a", 1, 10)))


def test_a_session_that_has_never_seen_a_table_finds_it_by_its_folder(spark, cards, make_rows):
    cards.merge(CARDS, make_rows(("a", 1, 10)))
    identity = cards.identity(spark, CARDS.name)
    spark.sql(f"DROP SCHEMA `{cards.schema}` CASCADE")
    assert_frame_equal(contents(spark, cards), frame(("a", 1, 10)))
    assert cards.identity(spark, CARDS.name) == identity
    assert cards.version(spark, CARDS.name) == 2


def test_a_dropped_table_that_is_made_anew_has_another_identity(spark, cards):
    before = cards.identity(spark, CARDS.name)
    spark.sql(f"DROP TABLE {cards.name(CARDS.name)}")
    shutil.rmtree(cards.folder(CARDS.name))
    assert not cards.exists(spark, CARDS.name)
    cards.ensure(spark, CARDS)
    assert cards.identity(spark, CARDS.name) != before


def test_a_warehouse_may_lie_in_a_folder_with_a_quote_in_its_name(spark, make_tables, make_rows, tmp_path):
    tables = make_tables(tmp_path / "o'brien's data")
    tables.create_schema(spark)
    tables.ensure(spark, CARDS)
    tables.merge(CARDS, make_rows(("a", 1, 10)))
    assert (tmp_path / "o'brien's data" / tables.schema / "cards" / "_delta_log").is_dir()


@pytest.mark.classic("the log that Delta keeps in the JVM is forgotten")
@pytest.mark.parametrize("lost", [0, 3])
def test_a_log_with_a_gap_is_an_error_that_names_the_table(spark, cards, make_rows, forget, lost):
    for day in (1, 2, 3):
        cards.merge(CARDS, make_rows(("a", day, 1)))
    commits = sorted((cards.folder(CARDS.name) / LOG).glob("*.json"))
    commits[lost].unlink()
    forget()
    for use in (lambda: cards.read(spark, CARDS.name), lambda: cards.ensure(spark, CARDS)):
        with pytest.raises(DataError, match=r"^cards: its log cannot be read \(DELTA_\w+\).*bring the table back"):
            use()
    assert not commits[lost].exists()


@pytest.mark.classic("the log that Delta keeps in the JVM is forgotten")
@pytest.mark.parametrize("change", [lambda text: b"\0" + text, lambda text: text[:-40]])
def test_a_commit_that_is_cut_or_changed_is_an_error_that_names_the_table(spark, cards, make_rows, forget, change):
    cards.merge(CARDS, make_rows(("a", 1, 1)))
    commit = max((cards.folder(CARDS.name) / LOG).glob("*.json"))
    commit.write_bytes(change(commit.read_bytes()))
    forget()
    with pytest.raises((PySparkException, Py4JJavaError, DataError), match=f"cards/{LOG}/{commit.name}"):
        contents(spark, cards)


def test_a_reader_whose_files_a_vacuum_took_gets_an_error_that_names_the_table(spark, cards, make_rows):
    cards.merge(CARDS, make_rows(("a", 1, 1)))
    before = read_version(spark, cards, CARDS.name, cards.version(spark, CARDS.name))
    assert before.count() == 1
    cards.merge(CARDS, make_rows(("a", 1, 2)))
    spark.conf.set(RETENTION_CHECK, "false")
    try:
        spark.sql(f"VACUUM {cards.name(CARDS.name)} RETAIN 0 HOURS")
    finally:
        spark.conf.unset(RETENTION_CHECK)
    with pytest.raises((PySparkException, Py4JJavaError), match=r"cards/\S+\.parquet"):
        before.select("amount").collect()
    assert_frame_equal(contents(spark, cards), frame(("a", 1, 2)))


@pytest.fixture
def full_disk(spark):
    """What makes every file of the JVM end at a size, as on a full disk."""
    java = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    before = resource.prlimit(java, resource.RLIMIT_FSIZE)

    @contextmanager
    def full(size):
        resource.prlimit(java, resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.prlimit(java, resource.RLIMIT_FSIZE, before)

    return full


@pytest.mark.classic("the limit is set for the JVM")
def test_a_write_that_finds_no_room_is_an_error_that_names_it_and_changes_nothing(spark, cards, make_rows, full_disk):
    cards.merge(CARDS, make_rows(("a", 1, 1)))
    before, version = contents(spark, cards), cards.version(spark, CARDS.name)
    many = spark.range(20_000).selectExpr("uuid() id", "2 day", "cast(1 as long) amount").localCheckpoint()
    with full_disk(100_000), pytest.raises(MachineError, match=r"^cards: there was no room to write .File too large"):
        cards.merge(CARDS, many)
    assert_frame_equal(contents(spark, cards), before)
    assert cards.version(spark, CARDS.name) == version
    cards.merge(CARDS, many)
    assert contents(spark, cards).height == 20_001


@pytest.fixture
def beaten(spark, cards, make_rows, tmp_path):
    """Merges a row, while another session does something to the table."""
    cards.merge(CARDS, make_rows(("a", 1, 10), ("b", 1, 10)))
    under_way, other_is_done = tmp_path / "under_way", tmp_path / "other_is_done"

    def hold(amount):
        under_way.touch()
        while not other_is_done.exists():
            time.sleep(0.05)
        return amount

    def merge(meanwhile):
        held = make_rows(("a", 1, 20)).withColumn("amount", F.udf(hold, "BIGINT")("amount"))
        with ThreadPoolExecutor(1) as threads:
            late = threads.submit(cards.merge, CARDS, held)
            while not under_way.exists():
                assert not late.done()
                time.sleep(0.05)
            meanwhile(spark.newSession())
            other_is_done.touch()
            late.result()

    return merge


@pytest.mark.classic("two sessions of one JVM")
def test_a_merge_that_another_writer_beat_is_refused_by_name_and_can_be_made_again(spark, cards, make_rows, beaten):
    with pytest.raises(DataError, match=r"cards: another writer was first \(DELTA_CONCURRENT.*run the task again"):
        beaten(lambda other: cards.merge(CARDS, other.createDataFrame([("b", 1, 30)], ROWS)))
    assert_frame_equal(contents(spark, cards), frame(("a", 1, 10), ("b", 1, 30)))
    cards.merge(CARDS, make_rows(("a", 1, 20)))
    assert_frame_equal(contents(spark, cards), frame(("a", 1, 20), ("b", 1, 30)))


@pytest.mark.classic("two sessions of one JVM")
def test_a_merge_during_which_a_column_was_added_is_refused_by_name_and_can_be_made_again(spark, cards, beaten):
    added = f"ALTER TABLE {cards.name(CARDS.name)} ADD COLUMNS (country STRING)"
    with pytest.raises(DataError, match=r"cards: another writer was first \(DELTA_METADATA_CHANGED.*run the task"):
        beaten(lambda other: other.sql(added))
    assert contents(spark, cards).select("amount", "country").rows() == [(10, None), (10, None)]
    cards.merge(CARDS, spark.createDataFrame([("a", 1, 20)], ROWS))
    assert contents(spark, cards).select("amount", "country").rows() == [(20, None), (10, None)]
