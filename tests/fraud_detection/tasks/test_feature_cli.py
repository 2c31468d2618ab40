"""`fraud-features audit`, on tables: what was published against the silver of its time."""

import polars as pl
import pytest
from typer.testing import CliRunner

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.frames import to_spark
from fraud_detection.features.single_node import compute_features
from fraud_detection.features.table import feature_table
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS
from fraud_detection.tasks.feature_cli import app


@pytest.fixture(scope="module")
def history():
    rows = generate_transactions(World(customers=8, terminals=500, days=60, seed=3))
    rows = rows.with_columns(pl.format("M{}", pl.int_range(pl.len()) % 4).alias("terminal_id"))
    return rows.with_columns(known_at=pl.col("event_time") + pl.duration(days=7)).drop("scenario")


@pytest.fixture
def place(spark, tables, monkeypatch, history):
    """Silver with the history; the command looks for it in the folder that the environment names."""
    monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(tables.warehouse.parent))
    tables.create_schema(spark)
    amount = (pl.col("amount_cents").cast(pl.Decimal(14, 2)) / 100).cast(pl.Decimal(12, 2))
    arrival = {"source_file": pl.lit("f"), "file_modified_at": pl.col("event_time"), "line_number": pl.lit(1)}
    silver = history.with_columns(
        event_date=pl.col("event_time").dt.date(), amount=amount, updated_at=pl.col("event_time"), **arrival
    )
    for table in (SILVER_TRANSACTIONS, SILVER_LABELS):
        tables.replace(spark, table, to_spark(spark, silver.select(table.column_names)))

    def audit(published, *options):
        rows = published.with_columns(event_date=pl.col("event_time").dt.date())
        tables.replace(spark, feature_table(), to_spark(spark, rows.select(feature_table().column_names)))
        return CliRunner().invoke(app, ["audit", "--schema", tables.schema, "--rows", "12", *options])

    return audit


def test_the_audit_passes_what_is_right_and_names_what_is_not(place, history):
    computed = compute_features(history)
    done = place(computed)
    assert (done.exit_code, done.output) == (0, "12 rows are what was known at their time\n")

    early = compute_features(history.with_columns(known_at="event_time"))  # the delay holds, so this is no leak
    assert place(early, "--seed", "3").exit_code == 0

    later = computed.with_columns(pl.col("customer_count_30d") + 1)
    done = place(later, "--as-of", "2018-05-01")
    assert done.exit_code == 1
    number = done.output.split("transaction ")[1].split()[0]
    found = later.filter(pl.col("transaction_id") == number).row(0, named=True)
    assert found["event_time"].month == 4
    count = float(found["customer_count_30d"])
    assert f"customer_count_30d of transaction {number} is {count}, expected {count - 1}" in done.output


def test_without_a_table_nothing_can_be_told(spark, tables, monkeypatch):
    monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(tables.warehouse.parent))
    tables.create_schema(spark)
    done = CliRunner().invoke(app, ["audit", "--schema", tables.schema])
    assert done.exit_code == 2
    assert "run feature_build first" in done.output
