"""A bank's own data, shaped differently: refused by the limit, mended by the mapping, replayed, aggregated."""

import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from pyspark.sql import functions as F

from fraud_detection.config import DataSettings, load_section
from fraud_detection.data.gold import refresh_gold
from fraud_detection.data.prepare import Account, prepare
from fraud_detection.errors import DataError
from fraud_detection.schemas import (
    BRONZE_TRANSACTIONS,
    DATA_QUALITY,
    GOLD_DAYS,
    GOLD_TERMINAL_DAYS,
    QUARANTINE,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
)
from fraud_detection.tables import Tables

HEADER = "TxnRef;booked_at;card;shop;value;mcc"
COLUMNS = {"transaction_id": "TxnRef", "event_time": "booked_at", "customer_id": "card", "terminal_id": "shop"}
DAY_1 = datetime(2018, 10, 29, 3, tzinfo=UTC)
DAY_2 = DAY_1 + timedelta(days=1)


def settings(amount, **changes):
    transactions = {
        "columns": {**COLUMNS, "amount": amount},
        "time_format": "dd.MM.yyyy HH:mm:ss",
        "time_zone": "Europe/Berlin",
        "delimiter": ";",
        "attributes": {"merchant_category": "mcc"},
    }
    labels = {"columns": {"transaction_id": "ref", "is_fraud": "fraud", "known_at": None}}
    mapping = {"transactions": transactions, "labels": labels}
    return load_section(DataSettings, {"mapping": mapping, "share_counts_from": 1, **changes}, "data")


def line(name, time, value="12.50", shop="M1"):
    return f"{name};{time};C1;{shop};{value};5411"


FIRST = [
    line("A", "28.10.2018 02:30:00"),  # the hour that comes twice
    line("B", "28.10.2018 00:30:00", "230", "M2"),  # in UTC the day before
    line("C", "25.03.2018 02:30:00"),  # an hour that no clock showed
    line("D", "28.10.2018 12:00:00", "1,5"),
]


@contextmanager
def cut_before_quarantine_of_labels_is_cleared():
    """What a kill leaves between the two commits of a replay."""
    remove, calls = Tables.remove, []

    def cut(*arguments):
        calls.append(arguments)
        if len(calls) == len(("transactions", "labels")):
            raise KeyboardInterrupt
        remove(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Tables, "remove", cut)
        yield


@pytest.fixture(scope="module")
def story(spark, make_tables, make_landing, tmp_path_factory):
    """Runs by a mapping that is wrong; by the right one; with a late transaction, a replay that is cut; a replay."""
    folder = tmp_path_factory.mktemp("own")
    landing, deliver = make_landing(folder)
    tables = make_tables(folder / "warehouse")

    def run(data, *, replay=False):
        return prepare(spark, landing, str(folder / "checkpoints"), tables, data, replay=replay)

    def rows(table, *columns):
        return sorted(tuple(row) for row in tables.read(spark, table.name).select(*columns).collect())

    deliver("transactions/1.csv", "\n".join([HEADER, *FIRST]), DAY_1)
    deliver("labels/1.json", "\n".join(json.dumps({"ref": name, "fraud": 1}) for name in ("A", "E")), DAY_1)
    with pytest.raises(DataError) as refused:
        run(settings("betrag"))
    published = tables.read(spark, SILVER_TRANSACTIONS.name).count() + tables.read(spark, QUARANTINE.name).count()
    mapped = run(settings("value", max_quarantined_share=0.5))
    silver = rows(SILVER_TRANSACTIONS, "transaction_id", "event_time", "amount", "merchant_category")
    refresh_gold(spark, tables)
    gold = rows(GOLD_DAYS, "event_date", "amount_band", "transactions", "labelled", "frauds", "fraud_amount")
    deliver("transactions/2.csv", "\n".join([HEADER, line("E", "29.10.2018 08:00:00"), line("D", "nie")]), DAY_2)
    deliver("labels/2.json", json.dumps({"ref": "B", "fraud": 1}), DAY_2)
    with cut_before_quarantine_of_labels_is_cleared(), pytest.raises(KeyboardInterrupt):
        run(settings("value", max_quarantined_share=0.5), replay=True)
    twice = set(rows(SILVER_LABELS, "source_file", "line_number")) & set(rows(QUARANTINE, "source_file", "line_number"))
    replayed = run(settings("value", max_quarantined_share=0.5), replay=True)
    return SimpleNamespace(
        twice=twice,
        tables=tables,
        run=run,
        rows=rows,
        refused=str(refused.value),
        published=published,
        mapped=mapped,
        silver=silver,
        gold=gold,
        replayed=replayed,
    )


def test_a_day_with_too_many_bad_lines_is_refused_before_anything_of_it_is_published(story):
    assert "transactions: too many lines would go to quarantine on 2018-10-29 (4 of 4); expected at most 10.0%" in (
        story.refused
    )
    assert "amount_missing 4, event_time_skipped_by_the_clock 1" in story.refused
    assert story.published == 0


def test_the_mapping_names_columns_zone_and_attributes(story):
    expected = [
        ("A", datetime(2018, 10, 28, 0, 30, tzinfo=UTC), Decimal("12.50"), "5411"),  # the first of the two
        ("B", datetime(2018, 10, 27, 22, 30, tzinfo=UTC), Decimal("230.00"), "5411"),
    ]
    assert [(name, time.astimezone(UTC), *others) for name, time, *others in story.silver] == expected


def test_what_is_bad_is_quarantined_and_what_is_odd_is_counted(story):
    reasons = {"amount_not_a_number": 1, "event_time_skipped_by_the_clock": 1}
    warned = {"event_time_repeated_by_the_clock": 1}
    assert story.mapped[0] == Account("transactions", 4, 2, 2, reasons, warned)


def test_a_label_without_a_time_was_known_a_delay_after_its_transaction(story):
    known = {name: at.astimezone(UTC) for name, at in story.rows(SILVER_LABELS, "transaction_id", "known_at")}
    assert known["A"] == datetime(2018, 11, 4, 0, 30, tzinfo=UTC)


def test_a_replay_takes_out_of_quarantine_what_is_good_now_and_counts_it_once(story):
    assert story.mapped[1] == Account("labels", 2, 1, 1, {"transaction_unknown": 1})
    assert story.replayed[1] == Account("labels", 3, 3, 0, {})
    counts = story.rows(DATA_QUALITY, "dataset", "source_file", "rule", "lines")
    assert ("labels", "labels/1.json", "read", 2) in counts
    assert ("labels", "labels/1.json", "transaction_unknown", 0) in counts
    assert ("transactions", "transactions/1.csv", "amount_not_a_number", 1) in counts


def test_a_replay_that_was_cut_leaves_lines_in_both_and_the_next_one_mends_it(story):
    assert story.twice == {("labels/1.json", 2)}
    labels = story.rows(SILVER_LABELS, "transaction_id")
    assert labels == [("A",), ("B",), ("E",)]
    assert story.replayed[1] == Account("labels", 3, 3, 0, {})


def test_a_replay_leaves_in_quarantine_what_is_bad_still(story):
    assert [account.quarantined for account in story.replayed] == [3, 0]
    assert {row[1] for row in story.rows(QUARANTINE, "line_number", "raw")} == {FIRST[2], FIRST[3], line("D", "nie")}


def test_gold_sums_silver_by_day_and_is_made_anew_for_the_days_that_changed(story, spark):
    low, high = ("00010 to 00050", "00220 and more")
    assert story.gold == [
        (date(2018, 10, 27), high, 1, 0, 0, Decimal("0.00")),
        (date(2018, 10, 28), low, 1, 1, 1, Decimal("12.50")),
    ]
    before = story.tables.version(spark, GOLD_DAYS.name)
    refresh_gold(spark, story.tables)
    columns = ("event_date", "amount_band", "transactions", "labelled", "frauds", "fraud_amount")
    assert story.rows(GOLD_DAYS, *columns) == [
        (date(2018, 10, 27), high, 1, 1, 1, Decimal("230.00")),
        (date(2018, 10, 28), low, 1, 1, 1, Decimal("12.50")),
        (date(2018, 10, 29), low, 1, 1, 1, Decimal("12.50")),
    ]
    change = spark.sql(f"DESCRIBE HISTORY {story.tables.name(GOLD_DAYS.name)} LIMIT 1").first()
    assert change.version == before + 1
    assert "2018-10-28" not in change.operationParameters["predicate"]
    assert story.rows(GOLD_TERMINAL_DAYS, "terminal_id", "frauds") == [("M1", 1), ("M1", 1), ("M2", 1)]
    refresh_gold(spark, story.tables)
    assert story.tables.version(spark, GOLD_DAYS.name) == before + 1


def test_maintenance_puts_files_together_and_keeps_what_readers_of_the_last_days_need(story, spark):
    name = SILVER_TRANSACTIONS.name
    before = story.tables.version(spark, name)
    rows = story.rows(SILVER_TRANSACTIONS, *SILVER_TRANSACTIONS.column_names)
    done = story.tables.maintain(spark, name, DataSettings().retention_hours)
    assert (done["files"], done["removed"] > 1) == (1, True)
    assert story.rows(SILVER_TRANSACTIONS, *SILVER_TRANSACTIONS.column_names) == rows
    old = spark.sql(f"SELECT count(*) AS n FROM {story.tables.name(name)} VERSION AS OF {before}")  # noqa: S608
    assert old.first().n == len(rows)


@pytest.mark.classic("what a scan has read is told by the plan in the JVM")
def test_a_filter_by_day_reads_only_the_files_of_that_day(spark, tables):
    tables.create_schema(spark)
    tables.ensure(spark, BRONZE_TRANSACTIONS)
    tables.ensure(spark, GOLD_DAYS)
    for day in range(1, 5):
        values = (
            f"DATE'2018-04-0{day}' AS event_date, 'x' AS amount_band, 1L AS transactions, 0L AS labelled, 0L AS frauds"
        )
        row = spark.range(1).selectExpr(
            *values.split(", "), "1.0 AS amount", "0.0 AS fraud_amount", "now() AS silver_updated_at"
        )
        tables.merge(GOLD_DAYS, row)
    scanned = tables.read(spark, GOLD_DAYS.name)
    one_day = scanned.where(F.col("event_date") == F.lit(date(2018, 4, 2)))
    assert (files_read(scanned), files_read(one_day)) == (4, 1)


def files_read(frame):
    """What the scan itself counted, once it has run."""
    plan = frame._jdf.queryExecution().executedPlan()
    plan.executeCollect()
    leaves = plan.collectLeaves()
    scans = [leaves.apply(place) for place in range(leaves.size())]
    return sum(scan.metrics().apply("numFiles").value() for scan in scans)
