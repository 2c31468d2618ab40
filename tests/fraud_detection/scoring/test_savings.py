"""Savings by day: as the cost model of training counts them, and made anew only where something changed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.models.costs import CostSettings, measure_saving
from fraud_detection.schemas import GOLD_SAVINGS, PREDICTIONS, SILVER_LABELS
from fraud_detection.scoring.savings import refresh_savings

COSTS = CostSettings(review_cost=3, loss_share=0.5, reviews_a_day=4)
THRESHOLD = 0.4
START = datetime(2018, 6, 1, tzinfo=UTC)
ARRIVAL = {"source_file": "f", "file_modified_at": START, "line_number": 1}


def make_predictions(days=3, a_day=12):
    rng = np.random.default_rng(2)
    count = days * a_day
    probability = rng.permutation(count) / count
    return pl.DataFrame(
        {
            "transaction_id": [f"T{number}" for number in range(count)],
            "event_time": pl.Series(
                [START + timedelta(hours=2 * n) for n in range(count)], dtype=pl.Datetime("us", "UTC")
            ),
            "customer_id": "C",
            "terminal_id": "M",
            "amount_cents": rng.integers(100, 20_000, count),
            "probability": probability,
            "threshold": THRESHOLD,
            "is_alert": probability >= THRESHOLD,
            "reasons": pl.Series([None] * count, dtype=pl.String),
            "model_name": "fraud",
            "model_version": pl.Series([1] * count, dtype=pl.Int64),
            "variant": "champion",
            "scored_at": START + timedelta(days=4),
            "scored_by": "batch",
            "is_fraud": rng.random(count) < 0.6,
        }
    ).with_columns(
        event_date=pl.col("event_time").dt.date(),
        amount=(pl.col("amount_cents").cast(pl.Decimal(14, 2)) / 100).cast(pl.Decimal(12, 2)),
    )


def load(spark, tables, predictions, labelled, at):
    labels = labelled.select("transaction_id", "is_fraud", known_at=pl.col("event_time"))
    stamped = labels.with_columns(updated_at=pl.lit(at), **{name: pl.lit(value) for name, value in ARRIVAL.items()})
    for table, rows in ((PREDICTIONS, predictions), (SILVER_LABELS, stamped)):
        tables.ensure(spark, table)
        tables.merge(table, to_spark(spark, rows.select(table.column_names)))


def read(spark, tables):
    return to_polars(tables.read(spark, GOLD_SAVINGS.name)).sort("event_date")


def test_savings_are_those_of_the_cost_model_and_follow_labels_scores_and_costs(spark, tables):
    tables.create_schema(spark)
    rows = make_predictions()
    load(spark, tables, rows, rows.head(24), START + timedelta(days=10))
    refresh_savings(spark, tables, COSTS)

    known = rows.with_columns(is_fraud=pl.col("is_fraud") & (pl.int_range(pl.len()) < 24))
    found = read(spark, tables)
    assert found["labelled"].to_list() == [12, 12, 0]
    for day, saved in zip(known.partition_by("event_date"), found.iter_rows(named=True), strict=True):
        expected = measure_saving(day, day["probability"].to_numpy(), THRESHOLD, COSTS)
        assert np.isclose(saved["saving"], expected["saving_a_day"])
        assert saved["alerts"] == expected["alerts_a_day"]
        assert saved["reviewed"] == min(saved["alerts"], 4)
        assert saved["frauds"] == day["is_fraud"].sum()
    assert found["caught"].sum() > 0
    assert found["saving"][2] == -3 * found["reviewed"][2]

    version = tables.version(spark, GOLD_SAVINGS.name)
    refresh_savings(spark, tables, COSTS)
    assert tables.version(spark, GOLD_SAVINGS.name) == version

    load(spark, tables, rows.head(0), rows.tail(12), START + timedelta(days=20))
    refresh_savings(spark, tables, COSTS)
    later = read(spark, tables)
    assert later["labelled"].to_list() == [12, 12, 12]
    assert later.head(2).equals(found.head(2))
    assert later["saving"][2] != found["saving"][2]

    refresh_savings(spark, tables, CostSettings(review_cost=0, loss_share=0.5, reviews_a_day=4))
    assert np.allclose(read(spark, tables)["saving"], later["saving"] + 3 * later["reviewed"])
