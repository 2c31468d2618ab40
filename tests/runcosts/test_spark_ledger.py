"""The ledger as a table of a catalog, on real Spark; and the two writers on one table."""

from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.errors import PySparkException

from runcosts.errors import LedgerError, SettingsError
from runcosts.ledger import columns
from runcosts.local_ledger import LocalLedger
from runcosts.spark_ledger import quoted_name, write_rows


def rows_of(table):
    return sorted((row.task_run_id, row.attempt, row.result_state, row.estimated_usd) for row in table.collect())


def test_rows_are_merged_by_key_into_a_table_that_is_made(spark, make_row):
    write_rows(spark, "costs.made", [make_row(), make_row(attempt=1)])
    write_rows(spark, "costs.made", [make_row(result_state="FAILED"), make_row(attempt=2)])

    usd = Decimal("0.329500")
    assert rows_of(spark.table("costs.made")) == [
        ("33", 0, "FAILED", usd),
        ("33", 1, "SUCCESS", usd),
        ("33", 2, "SUCCESS", usd),
    ]
    assert spark.table("costs.made").columns == list(columns())


def test_what_delta_rs_writes_spark_reads_and_merges_and_delta_rs_goes_on(spark, tmp_path, make_row):
    ledger = LocalLedger(tmp_path / "run_costs")
    ledger.write([make_row()])
    spark.sql(f"CREATE TABLE costs.shared USING DELTA LOCATION '{ledger.folder}'")

    write_rows(spark, "costs.shared", [make_row(result_state="FAILED"), make_row(attempt=1)])
    ledger.write([make_row(attempt=1, result_state="CANCELED"), make_row(attempt=2)])

    assert [row[:3] for row in rows_of(spark.table("costs.shared"))] == [
        ("33", 0, "FAILED"),
        ("33", 1, "CANCELED"),
        ("33", 2, "SUCCESS"),
    ]
    assert len(LocalLedger(ledger.folder).rows(last=10)) == 3


def test_what_spark_makes_delta_rs_merges_and_instants_stay_the_same(spark, make_row):
    row = make_row()
    write_rows(spark, "costs.by_spark", [row])
    place = spark.sql("DESCRIBE DETAIL costs.by_spark").first().location.removeprefix("file:")
    ledger = LocalLedger(Path(place))

    assert ledger.rows(last=1)[0]["started_at"] == row.started_at

    ledger.write([make_row(result_state="FAILED"), make_row(attempt=1)])

    assert [found[1:3] for found in rows_of(spark.table("costs.by_spark"))] == [(0, "FAILED"), (1, "SUCCESS")]


def test_a_ledger_of_an_older_version_gains_the_new_columns(spark, make_row):
    spark.sql("CREATE TABLE costs.older (workspace STRING, task_run_id STRING, attempt INT) USING DELTA")
    spark.sql("INSERT INTO costs.older VALUES ('local', '1', 0)")

    write_rows(spark, "costs.older", [make_row()])

    assert rows_of(spark.table("costs.older"))[0] == ("1", 0, None, None)
    assert set(spark.table("costs.older").columns) == set(columns())


@pytest.mark.parametrize("name", ["a.b.c.d", "a b", "a;drop table x", "a.`b`", "", "a..b"])
def test_a_name_that_is_not_a_tables_is_refused(name):
    with pytest.raises(SettingsError, match=r"expected catalog\.schema\.table"):
        quoted_name(name)


def test_a_name_is_quoted_part_by_part():
    assert quoted_name("main.fraud-dev.run_costs") == "`main`.`fraud-dev`.`run_costs`"


CONFLICT = "An error occurred while calling o1.sql.\n: io.delta.…: [DELTA_CONCURRENT_APPEND.WITHOUT_HINT] Transaction …"


class BusySpark:
    """A session in which other writers win some merges."""

    def __init__(self, losses):
        self.losses, self.merges = losses, 0

    def createDataFrame(self, rows, schema):  # noqa: N802 - Spark's own name
        return rows, schema

    def sql(self, text, **_):
        if text.startswith("MERGE"):
            self.merges += 1
            if self.merges <= self.losses:
                raise RuntimeError(CONFLICT)


def test_a_merge_that_another_writer_beat_is_tried_again(make_row, monkeypatch):
    monkeypatch.setattr("runcosts.spark_ledger.FIRST_PAUSE_SECONDS", 0)
    busy = BusySpark(losses=2)

    write_rows(busy, "costs.busy", [make_row()])

    assert busy.merges == 3


def test_a_writer_that_never_wins_gives_up_with_an_error(make_row, monkeypatch):
    monkeypatch.setattr("runcosts.spark_ledger.FIRST_PAUSE_SECONDS", 0)

    with pytest.raises(LedgerError, match="won all 6 tries"):
        write_rows(BusySpark(losses=99), "costs.busy", [make_row()])


def test_an_error_that_is_no_conflict_is_not_tried_again(spark, make_row):
    spark.sql("CREATE TABLE costs.other (workspace STRING) USING PARQUET")

    with pytest.raises(PySparkException):
        write_rows(spark, "costs.other", [make_row()])
