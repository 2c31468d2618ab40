"""Of the versions of a transaction the one that arrived last wins; the others are kept in quarantine."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import check_lines, find_superseded, separate, transactions_cleaning

DAY_1 = datetime(2018, 4, 2, tzinfo=UTC)
DAY_2 = DAY_1 + timedelta(days=1)


def line(transaction, amount):
    fields = {"transaction_id": transaction, "event_time": "2018-04-01T12:00:00Z", "customer_id": "C1"}
    return json.dumps({**fields, "terminal_id": "M1", "amount": amount})


@pytest.fixture
def clean(make_bronze, collect):
    """Clean a batch; silver holds what an earlier one left. Both are (file, arrived, lines)."""

    def cleaned(batch, earlier=()):
        bronze, before = (bronze_of(*files) for files in (batch, earlier or [("none", DAY_1, [])]))
        cleaning = transactions_cleaning(DataSettings())
        checked, judged = (check_lines(rows, cleaning, [None]).cache() for rows in (bronze, before))
        superseded = find_superseded(checked, judged.select(*cleaning.silver.column_names), cleaning).cache()
        both = bronze.unionByName(before.join(bronze, ["source_file", "line_number"], how="left_anti"))
        parted = separate(checked, superseded, both, cleaning)
        return (
            collect(parted.silver, "transaction_id").select("transaction_id", "amount", "source_file", "line_number"),
            collect(parted.quarantine, "source_file", "line_number").select(
                "dataset", "source_file", "line_number", "transaction_id", "raw", "reasons"
            ),
        )

    def bronze_of(*files):
        first, *rest = [make_bronze(*lines, file=name, arrived=arrived) for name, arrived, lines in files]
        for frame in rest:
            first = first.unionByName(frame)
        return first

    return cleaned


def silver_frame(*rows):
    names = ("transaction_id", "amount", "source_file", "line_number")
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(pl.col("amount").cast(pl.Decimal(12, 2)))


def quarantine_frame(*rows):
    schema = {"dataset": pl.String, "source_file": pl.String, "line_number": pl.Int64}
    schema |= {"transaction_id": pl.String, "raw": pl.String, "reasons": pl.List(pl.String)}
    return pl.DataFrame([("transactions", *row) for row in rows], schema=schema, orient="row")


def test_the_last_line_of_a_duplicate_in_one_file_wins(clean):
    silver, quarantine = clean([("a", DAY_1, [line("T1", 1), line("T2", 2), line("T1", 1), line("T1", 1)])])
    assert_frame_equal(silver, silver_frame(("T1", 1, "a", 4), ("T2", 2, "a", 2)))
    expected = quarantine_frame(
        ("a", 1, "T1", line("T1", 1), ["superseded"]), ("a", 3, "T1", line("T1", 1), ["superseded"])
    )
    assert_frame_equal(quarantine, expected)


def test_in_one_batch_the_file_that_was_written_last_wins_whatever_its_name(clean):
    silver, quarantine = clean([("z", DAY_1, [line("T1", 1)]), ("a", DAY_2, [line("T1", 2)])])
    assert_frame_equal(silver, silver_frame(("T1", 2, "a", 1)))
    assert_frame_equal(quarantine, quarantine_frame(("z", 1, "T1", line("T1", 1), ["superseded"])))


def test_a_correction_replaces_what_an_earlier_batch_brought_and_keeps_its_raw_line(clean):
    silver, quarantine = clean([("b", DAY_2, [line("T1", 3)])], [("a", DAY_1, [line("T1", 1), line("T2", 2)])])
    assert_frame_equal(silver, silver_frame(("T1", 3, "b", 1)))
    assert_frame_equal(quarantine, quarantine_frame(("a", 1, "T1", line("T1", 1), ["superseded"])))


def test_an_older_file_that_comes_later_does_not_win(clean):
    silver, quarantine = clean([("a", DAY_1, [line("T1", 1)])], [("b", DAY_2, [line("T1", 3)])])
    assert silver.is_empty()
    assert_frame_equal(quarantine, quarantine_frame(("a", 1, "T1", line("T1", 1), ["superseded"])))


def test_a_bad_line_supersedes_nothing(clean):
    silver, quarantine = clean([("b", DAY_2, [line("T1", -3)])], [("a", DAY_1, [line("T1", 1)])])
    assert silver.is_empty()
    assert_frame_equal(quarantine, quarantine_frame(("b", 1, "T1", line("T1", -3), ["amount_negative"])))


def test_a_batch_that_is_cleaned_again_after_its_rows_were_published_changes_nothing(clean):
    batch = [("b", DAY_2, [line("T1", 3), line("T1", 4), line("T2", 5)])]
    first = clean(batch)
    again = clean(batch, [("b", DAY_2, ["cut", line("T1", 4), line("T2", 5)])])
    assert_frame_equal(again[0], first[0])
    assert_frame_equal(again[1], first[1])
