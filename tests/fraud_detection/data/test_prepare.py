"""From files to silver and quarantine, on real tables: one story of deliveries, looked at after each run."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import labels_cleaning, transactions_cleaning
from fraud_detection.data.prepare import Account, Work, prepare, take_account
from fraud_detection.errors import DataError
from fraud_detection.schemas import (
    BRONZE_LABELS,
    BRONZE_TRANSACTIONS,
    DATA_QUALITY,
    QUARANTINE,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
)

ALL = (BRONZE_TRANSACTIONS, BRONZE_LABELS, SILVER_TRANSACTIONS, SILVER_LABELS, QUARANTINE)
DAY_1 = datetime(2018, 4, 2, 3, tzinfo=UTC)
DAY_2 = DAY_1 + timedelta(days=1)
DAY_0 = DAY_1 - timedelta(days=1)
UNKNOWN = {"unknown_column": 1}


def line(transaction, amount):
    fields = {"transaction_id": transaction, "event_time": "2018-04-01T12:00:00Z", "customer_id": "C1"}
    return json.dumps({**fields, "terminal_id": "M1", "amount": amount})


@pytest.fixture(scope="module")
def world(spark, make_tables, make_landing, tmp_path_factory):
    """A landing folder and tables, and what to do with them."""
    folder = tmp_path_factory.mktemp("world")
    landing, deliver = make_landing(folder)
    tables = make_tables(folder / "warehouse")

    def run():
        return prepare(spark, landing, str(folder / "checkpoints"), tables, DataSettings())

    return SimpleNamespace(tables=tables, deliver=deliver, run=run)


@pytest.fixture(scope="module")
def look(spark, collect, world):
    """All tables, whole, and their versions."""

    def contents():
        frames = {
            table.name: collect(world.tables.read(spark, table.name), "source_file", "line_number") for table in ALL
        }
        return frames, {table.name: world.tables.version(spark, table.name) for table in ALL}

    return contents


@pytest.fixture(scope="module")
def story(world, look):
    """Four runs: a first delivery; nothing new; corrections and an older file; quarantine made anew."""
    day_1 = [line("T1", 1), line("T2", 2), line("T2", 2), '{"cut', line("T3", -3), line("T4", 4)]
    world.deliver("transactions/1.jsonl", "\ufeff" + "\r\n".join(day_1), DAY_1)
    world.deliver("transactions/empty.jsonl", "", DAY_1)
    world.deliver("transactions/_5.jsonl.writing", line("T9", 9), DAY_1)
    world.deliver("labels/1.csv", "known_at,is_fraud,note,transaction_id\n2018-04-01T23:00:00Z,true,x,T1\nhm\n", DAY_1)
    first = (world.run(), *look())
    again = (world.run(), *look())
    world.deliver("transactions/2.jsonl", "\n".join([line("T1", 10), line("T5", 5)]), DAY_2)
    world.deliver("transactions/0.jsonl", line("T4", 40), DAY_0)
    world.deliver("labels/2.csv", "transaction_id,is_fraud,known_at\nT1,0,2018-04-02T23:00:00Z\n", DAY_2)
    corrected = (world.run(), *look())
    return SimpleNamespace(first=first, again=again, corrected=corrected)


def silver(frame):
    return frame.select("transaction_id", "amount", "source_file", "line_number").sort("transaction_id").rows()


def quarantine(frame):
    return (
        frame.select("dataset", "source_file", "line_number", "raw", "reasons").sort(pl.all().exclude("reasons")).rows()
    )


def test_every_line_of_the_first_delivery_is_in_silver_or_in_quarantine(story):
    _, tables, _ = story.first
    assert silver(tables["silver_transactions"]) == [
        ("T1", Decimal("1.00"), "transactions/1.jsonl", 1),
        ("T2", Decimal("2.00"), "transactions/1.jsonl", 3),
        ("T4", Decimal("4.00"), "transactions/1.jsonl", 6),
    ]
    assert quarantine(tables["quarantine"]) == [
        ("labels", "labels/1.csv", 3, "hm", ["unreadable"]),
        ("transactions", "transactions/1.jsonl", 2, line("T2", 2), ["superseded"]),
        ("transactions", "transactions/1.jsonl", 4, '{"cut', ["unreadable"]),
        ("transactions", "transactions/1.jsonl", 5, line("T3", -3), ["amount_negative"]),
    ]
    labels = tables["silver_labels"].select("transaction_id", "is_fraud", "known_at").rows()
    assert labels == [("T1", True, datetime(2018, 4, 1, 23, tzinfo=UTC))]


def test_the_account_says_where_the_lines_are(story):
    reasons = {"amount_negative": 1, "superseded": 1, "unreadable": 1}
    assert story.first[0] == [
        Account("transactions", 6, 3, 3, reasons),
        Account("labels", 2, 1, 1, {"unreadable": 1}, UNKNOWN),
    ]
    reasons["superseded"] = 3
    assert story.corrected[0] == [
        Account("transactions", 9, 4, 5, reasons),
        Account("labels", 3, 1, 2, {"superseded": 1, "unreadable": 1}, UNKNOWN),
    ]


def test_running_again_without_new_files_changes_nothing(story):
    assert story.again[0] == story.first[0]
    assert story.again[2] == story.first[2]  # not even a version
    for name, rows in story.first[1].items():
        assert_frame_equal(story.again[1][name], rows)


def test_only_new_files_are_read(story):
    before, after = story.first[1]["bronze_transactions"], story.corrected[1]["bronze_transactions"]
    new = after.join(before, on=["source_file", "line_number"], how="anti")
    assert new.select("source_file", "line_number").rows() == [
        ("transactions/0.jsonl", 1),
        ("transactions/2.jsonl", 1),
        ("transactions/2.jsonl", 2),
    ]
    assert_frame_equal(after.join(new, on=["source_file", "line_number"], how="anti"), before)  # times of arrival too


def test_a_correction_wins_and_an_older_file_that_comes_later_does_not(story):
    _, tables, _ = story.corrected
    assert silver(tables["silver_transactions"]) == [
        ("T1", Decimal("10.00"), "transactions/2.jsonl", 1),
        ("T2", Decimal("2.00"), "transactions/1.jsonl", 3),
        ("T4", Decimal("4.00"), "transactions/1.jsonl", 6),
        ("T5", Decimal("5.00"), "transactions/2.jsonl", 2),
    ]
    new = tables["quarantine"].join(story.first[1]["quarantine"], on=["source_file", "line_number"], how="anti")
    assert quarantine(new) == [
        ("labels", "labels/1.csv", 2, "2018-04-01T23:00:00Z,true,x,T1", ["superseded"]),
        ("transactions", "transactions/0.jsonl", 1, line("T4", 40), ["superseded"]),
        ("transactions", "transactions/1.jsonl", 1, line("T1", 1), ["superseded"]),
    ]
    assert tables["silver_labels"].select("transaction_id", "is_fraud").rows() == [("T1", False)]


def test_tables_that_are_dropped_are_filled_anew(story, world, look, spark):
    for table in (QUARANTINE, SILVER_TRANSACTIONS):
        spark.sql(f"DROP TABLE {world.tables.name(table.name)}")
        shutil.rmtree(world.tables.folder(table.name))  # which outlive the name of an external table
    assert world.run() == story.corrected[0]
    for name, rows in look()[0].items():
        found, expected = (frame.drop("updated_at", strict=False) for frame in (rows, story.corrected[1][name]))
        assert_frame_equal(found, expected)


def test_a_row_says_when_it_was_last_new_or_other(story):
    before, after = (
        dict(tables["silver_transactions"].select("transaction_id", "updated_at").rows())
        for _, tables, _ in (story.first, story.corrected)
    )
    changed = {name for name, at in after.items() if at != before.get(name)}
    assert changed == {"T1", "T5"}
    assert min(after[name] for name in changed) > max(before.values())


def test_the_layout_and_the_constraints_are_those_of_the_schema(story, world, spark):
    assert story
    name = world.tables.name(SILVER_TRANSACTIONS.name)
    assert spark.sql(f"DESCRIBE DETAIL {name}").first().clusteringColumns == ["event_date", "customer_id"]
    properties = {row.key for row in spark.sql(f"SHOW TBLPROPERTIES {name}").collect()}
    assert {f"delta.constraints.{check}" for check in SILVER_TRANSACTIONS.checks} <= properties


@pytest.mark.parametrize("change", ["amount = -1", "event_date = DATE'2017-01-01'", "customer_id = NULL"])
def test_silver_takes_no_row_that_breaks_a_constraint(story, world, spark, change):
    assert story
    name = world.tables.name(SILVER_TRANSACTIONS.name)
    with pytest.raises((PySparkException, Py4JJavaError), match=r"DELTA_VIOLATE_CONSTRAINT|DELTA_NOT_NULL_CONSTRAINT"):
        spark.sql(f"UPDATE {name} SET {change}")  # noqa: S608  literals of this file


def test_a_row_that_is_lost_is_noticed(spark, make_bronze, tables):
    for table in (BRONZE_TRANSACTIONS, SILVER_TRANSACTIONS, QUARANTINE, DATA_QUALITY):
        tables.create_schema(spark)
        tables.ensure(spark, table)
    make_bronze(line("T1", 1)).write.insertInto(tables.name(BRONZE_TRANSACTIONS.name))
    with pytest.raises(DataError, match="1 lines were read, but 0 are in silver and 0 in quarantine"):
        take_account(Work(spark, transactions_cleaning(DataSettings()), tables, DataSettings()))


def test_no_file_is_no_row(spark, make_landing, tables, tmp_path):
    landing, _ = make_landing(tmp_path)
    accounts = prepare(spark, landing, str(tmp_path / "checkpoints"), tables, DataSettings())
    assert accounts == [Account("transactions", 0, 0, 0, {}), Account("labels", 0, 0, 0, {})]
    assert take_account(Work(spark, labels_cleaning(DataSettings()), tables, DataSettings())) == accounts[1]
