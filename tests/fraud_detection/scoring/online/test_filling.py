"""The store from tables, and kept up by a stream."""

import asyncio
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from deltalake import CommitProperties

from fraud_detection.errors import DataError
from fraud_detection.features.definition import fingerprint
from fraud_detection.features.frames import to_spark
from fraud_detection.features.origin import Origin, TableVersion
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.scoring.online.filling import (
    erase,
    fill_from_delta,
    fill_from_spark,
    find_tables,
    publish,
    publish_labels,
)
from fraud_detection.scoring.online.sqlite import SqliteStore
from fraud_detection.table_changes import noting

NEWEST = datetime(2018, 9, 30, 12, tzinfo=UTC)
UTC_TIME = pl.Datetime("us", "UTC")


def make_rows(*rows):
    """Rows of the table of features: id, days before the newest, card, terminal, cents."""
    ids, days, cards, terminals, cents = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "transaction_id": ids,
            "event_time": pl.Series([NEWEST - timedelta(days=day) for day in days], dtype=UTC_TIME),
            "customer_id": cards,
            "terminal_id": terminals,
            "amount_cents": cents,
            "customer_usual_amount": [float(value) for value in cents],
            "amount_over_usual": [1.0] * len(ids),
            "other": [0] * len(ids),
        }
    )


def make_labels(*labels):
    ids, frauds, days = zip(*labels, strict=True)
    known = pl.Series([NEWEST - timedelta(days=day) for day in days], dtype=UTC_TIME)
    return pl.DataFrame({"transaction_id": ids, "is_fraud": frauds, "known_at": known})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(tmp_path))
    tables = tmp_path / "warehouse" / "fraud"
    rows = make_rows(("old", 130, "c1", "m1", 1), ("a", 20, "c1", "m1", 2), ("b", 0, "c2", "m1", 3))
    rows.write_delta(str(tables / "transaction_features"))
    make_labels(("a", True, 13), ("gone", True, 13)).write_delta(str(tables / "silver_labels"))
    return tmp_path


def read(folder, terminal):
    """Ids, amounts and labels of a terminal, as the app would find them."""

    async def look():
        store = SqliteStore(folder / "online.db", fingerprint(FeatureSettings()))
        await store.check()
        return (await store.read("terminal_id", [terminal], 0))[terminal]

    found = asyncio.run(look())
    return list(zip(found.transaction_id, found.amount_cents.tolist(), found.is_fraud.tolist(), strict=True))


def test_the_store_holds_the_days_that_count_with_their_labels_however_often_it_is_filled(folder):
    tables = find_tables(folder / "warehouse", "")

    assert [fill_from_delta(tables) for _ in range(2)] == [2, 2]
    assert read(folder, "m1") == [("a", 2, True), ("b", 3, False)]


def test_a_batch_of_the_stream_is_published_once_however_often_it_comes_and_may_correct(folder):
    fill_from_delta(find_tables(folder / "warehouse", "fraud"))
    batch = make_rows(("c", 0, "c2", "m1", 4), ("a", 20, "c1", "m1", 9))

    publish(batch)
    publish(batch)
    publish_labels(make_labels(("b", True, 0), ("d", True, 0)))
    publish(make_rows(("d", 0, "c2", "m1", 5)))

    assert read(folder, "m1") == [("a", 9, True), ("b", 3, True), ("c", 4, False), ("d", 5, True)]


def test_a_customer_is_erased(folder):
    fill_from_delta(find_tables(folder / "warehouse", ""))

    assert (erase("c1"), erase("c1")) == (1, 0)
    assert read(folder, "m1") == [("b", 3, False)]


def test_tables_that_are_missing_or_more_than_one_are_named(folder):
    with pytest.raises(DataError, match="has none with the table transaction_features"):
        find_tables(folder / "warehouse", "other")
    make_rows(("x", 0, "c", "m", 1)).write_delta(str(folder / "warehouse" / "fraud2" / "transaction_features"))
    with pytest.raises(DataError, match="has fraud, fraud2 with the table"):
        find_tables(folder / "warehouse", "")
    with pytest.raises(DataError, match="there is no table silver_labels"):
        fill_from_delta(folder / "warehouse" / "fraud2")


def make_note(definition):
    return Origin(NEWEST, definition, TableVersion("t", 1), TableVersion("l", 1)).to_text()


def test_features_of_another_definition_than_the_apps_are_refused(folder, tmp_path):
    tables, settings = folder / "warehouse" / "fraud", tmp_path / "settings.yml"
    settings.write_text("features: {label_delay_days: 3}\n", encoding="utf-8")
    noted = CommitProperties(custom_metadata={"userMetadata": make_note(fingerprint(FeatureSettings()))})
    row, options = make_rows(("c", 1, "c1", "m1", 4)), {"commit_properties": noted}
    row.write_delta(str(tables / "transaction_features"), mode="append", delta_write_options=options)

    assert fill_from_delta(tables) == 3
    with pytest.raises(DataError, match=r"made by definition \w{16} of its features; expected \w{16}, .*settings.yml"):
        fill_from_delta(tables, str(settings))


def test_spark_fills_the_store_alike(folder, spark, make_tables):
    tables = make_tables(folder / "spark")
    tables.create_schema(spark)
    for name in ("transaction_features", "silver_labels"):
        rows = pl.read_delta(str(folder / "warehouse" / "fraud" / name))
        to_spark(spark, rows).write.format("delta").option("path", str(tables.folder(name))).saveAsTable(
            tables.name(name)
        )

    assert fill_from_spark(spark, tables) == 2
    assert read(folder, "m1") == [("a", 2, True), ("b", 3, False)]

    features = tables.name("transaction_features")
    with noting(spark, make_note("other")):
        spark.table(features).write.format("delta").mode("overwrite").saveAsTable(features)
    with pytest.raises(DataError, match="was made by definition other of its features"):
        fill_from_spark(spark, tables)
