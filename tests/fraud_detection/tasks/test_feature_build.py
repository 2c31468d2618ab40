"""The task on tables: silver changes in every way that it can, and the features stay those of all anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud_detection.config import FileMapping, Mappings
from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features import single_node
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.lateness import Lateness
from fraud_detection.features.origin import read_origin
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS, TRANSACTION_FEATURES, with_attributes
from fraud_detection.table_changes import find_note
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, Settings
from fraud_detection.tasks.feature_build import build, driver_heap
from fraud_detection.tasks.rows import read_history

START = datetime(2018, 4, 1, tzinfo=UTC)
WORLD = World(customers=8, terminals=500, days=110, seed=3)
ARRIVAL = {"source_file": "f", "file_modified_at": START, "line_number": 1, "updated_at": START}


@pytest.fixture(scope="module")
def world():
    """Transactions of silver, and labels of which one in seven comes late."""
    rows = generate_transactions(WORLD).with_columns(pl.format("M{}", pl.int_range(pl.len()) % 4).alias("terminal_id"))
    late = pl.when(pl.int_range(pl.len()) % 7 == 0).then(pl.duration(days=20)).otherwise(pl.duration(days=7))
    return rows.with_columns(
        known_at=pl.col("event_time") + late,
        event_date=pl.col("event_time").dt.date(),
        amount=(pl.col("amount_cents").cast(pl.Decimal(14, 2)) / 100).cast(pl.Decimal(12, 2)),
        **{name: pl.lit(value) for name, value in ARRIVAL.items()},
    )


@pytest.fixture
def place(spark, tables, tmp_path):
    """A context of a day and an engine; silver is empty."""
    tables.create_schema(spark)
    for table in (SILVER_TRANSACTIONS, SILVER_LABELS):
        tables.ensure(spark, table)

    def make(day, engine="single_node"):
        arguments = Arguments(as_of=f"{START + timedelta(days=day):%Y-%m-%d}", engine=engine)
        context = Context("feature_build", arguments, Settings(), tables, tmp_path)
        vars(context)["spark"] = spark
        return context

    return make


def load(context, transactions, labels):
    """Merge rows into silver."""
    for table, rows in ((SILVER_TRANSACTIONS, transactions), (SILVER_LABELS, labels)):
        context.tables.merge(table, to_spark(context.spark, rows.select(table.column_names)))


def assert_as_made_anew(context):
    history = to_polars(read_history(context.spark, context.tables, context.arguments.now))
    computed = single_node.compute_features(history)
    found = to_polars(context.tables.read(context.spark, TRANSACTION_FEATURES))
    assert_frame_equal(found.sort("event_time", "transaction_id").select(computed.columns), computed, check_exact=True)
    assert (found["event_date"] == found["event_time"].dt.date()).all()


def until(rows, day, column="event_time"):
    return rows.filter(pl.col(column) < START + timedelta(days=day))


@pytest.mark.parametrize(
    ("said", "size"), [("4g", 4 * 1024**3), ("512m", 512 * 1024**2), ("8GB", 8 * 1024**3), ("", None), ("much", None)]
)
def test_the_heap_of_the_driver_is_read_as_spark_writes_it(said, size):
    assert driver_heap(said) == size


def test_a_day_late_rows_and_corrections_are_brought_in(world, place):
    first = place(100)
    held_back = world.filter(pl.int_range(pl.len()) % 31 == 3)
    there = world.join(held_back, on="transaction_id", how="anti")
    load(first, until(there, 100), until(there, 99, "known_at"))
    assert build(first).told["build"] == "rebuild"

    second = place(102)
    load(second, until(world, 103), until(world, 103, "known_at"))  # a day, the rows held back, and one too early
    done = build(second)
    assert done.told["build"] == "update"
    assert_as_made_anew(second)

    third = place(103, "spark")
    chosen = until(world, 80).sort("transaction_id")[[5, 60, 90, 120, 150]]
    moved = chosen.with_columns(terminal_id=pl.lit("M1"), customer_id=chosen["customer_id"].reverse())
    dearer = moved.with_columns(amount=pl.lit("900.00").cast(pl.Decimal(12, 2)))
    turned = until(world, 60).tail(3).with_columns(pl.col("is_fraud").not_())
    load(third, dearer, turned)
    there = "transaction_id IN ('{}', '{}')".format(*until(world, 50).tail(2)["transaction_id"])
    third.spark.sql(f"DELETE FROM {third.tables.name(SILVER_TRANSACTIONS.name)} WHERE {there}")  # noqa: S608
    done = build(third)
    assert (done.told["build"], done.told["engine"]) == ("update", "spark")
    assert 0 < done.written < done.rows
    assert_as_made_anew(third)

    load(third, until(world, 104), until(world, 104, "known_at"))
    third.tables.forget(third.spark, SILVER_TRANSACTIONS.name, keep_log=False)
    done = build(place(104))
    assert done.told["build_reason"] == "what changed since it was made cannot be read any more"
    assert_as_made_anew(place(104))


def on_one_terminal(world, days):
    """Transactions of one terminal: name → day of the event and day on which fraud was known."""
    some = world.head(len(days)).with_columns(
        transaction_id=pl.Series(list(days)),
        event_time=pl.Series([START + timedelta(days=event) for event, _ in days.values()]),
        known_at=pl.Series([START + timedelta(days=known) for _, known in days.values()]),
        terminal_id=pl.lit("M1"),
        is_fraud=pl.lit(value=True),
    )
    return some.with_columns(event_date=pl.col("event_time").dt.date())


def test_labels_that_come_months_late_are_seen_and_what_is_older_than_any_is_not_read(world, place):
    plain = [f"plain{number}" for number in range(12)]  # else so much would change that all is made anew
    days = {"old": (0, 97), "next": (96, 103), "held_back": (2, 96), "last": (97, 104)} | dict.fromkeys(plain, (1, 8))
    rows = on_one_terminal(world, days)

    def of(*names):
        return rows.filter(pl.col("transaction_id").is_in(names))

    def noted(context):
        return read_origin(find_note(context.spark, context.tables, TRANSACTION_FEATURES).text).lateness

    first, second, third = place(90), place(97), place(98)
    load(first, of("old", *plain), of("held_back", *plain))
    assert build(first).told["build"] == "rebuild"
    assert noted(first) == Lateness(0, 7 * MICROSECONDS_A_DAY)

    load(second, of("next", "held_back"), of())
    assert build(second).told["build"] == "update"
    assert noted(second) == Lateness(0, 94 * MICROSECONDS_A_DAY)

    load(third, of("last"), of("old"))
    assert build(third).told["build"] == "update"
    assert noted(third) == Lateness(0, 97 * MICROSECONDS_A_DAY)
    assert_as_made_anew(third)
    history = to_polars(read_history(third.spark, third.tables, third.arguments.now))
    without = history.with_columns(is_fraud=pl.when(pl.col("transaction_id") != "held_back").then("is_fraud"))
    with_all, lacking = (single_node.compute_features(rows).tail(1) for rows in (history, without))
    assert not with_all.equals(lacking)


def test_attributes_of_the_users_own_reach_the_table_of_features_and_stay_up_to_date(world, place):
    silver = with_attributes(SILVER_TRANSACTIONS, ("channel",))

    def carrying(context):
        mapping = Mappings(transactions=FileMapping(attributes={"channel": "Channel"}))
        settings = replace(context.settings, data=replace(context.settings.data, mapping=mapping))
        changed = replace(context, settings=settings)
        vars(changed)["spark"] = context.spark
        return changed

    def put(rows, channel):
        rows = rows.with_columns(channel=channel)
        first.tables.merge(silver, to_spark(first.spark, rows.select(silver.column_names)))

    def channels():
        found = to_polars(first.tables.read(first.spark, TRANSACTION_FEATURES))
        return dict(found.select("transaction_id", "channel").rows())

    first, second = carrying(place(30)), carrying(place(31))
    first.tables.ensure(first.spark, silver)
    put(until(world, 30), pl.col("terminal_id").str.to_lowercase())
    assert build(first).told["build"] == "rebuild"
    expected = dict(until(world, 30).select("transaction_id", pl.col("terminal_id").str.to_lowercase()).rows())
    assert channels() == expected

    emptied, other, *_ = ids = until(world, 5)["transaction_id"].to_list()
    put(world.filter(pl.col("transaction_id") == emptied), pl.lit(None, pl.String))
    put(world.filter(pl.col("transaction_id") == other), pl.lit("web"))
    new = until(world, 31).filter(pl.col("event_time") >= START + timedelta(days=30))
    put(new, pl.lit("new"))
    done = build(second)
    assert done.told["build"] == "update"
    assert len(ids) > 2
    assert new.height > 0
    assert channels() == expected | {emptied: None, other: "web"} | dict.fromkeys(new["transaction_id"], "new")
    assert_as_made_anew(second)
