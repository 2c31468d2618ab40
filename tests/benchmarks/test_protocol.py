"""The protocol as somebody runs it on files of their own, for a check from outside."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from fraud_detection.data.generator import World, generate_transactions

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "protocol.py"
NANOSECONDS = pl.Datetime("ns")


@pytest.fixture(scope="module")
def protocol():
    spec = importlib.util.spec_from_file_location("protocol", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Transactions and labels of a small world, as Parquet of nanoseconds, whole numbers and text."""
    folder = tmp_path_factory.mktemp("contract")
    rows = generate_transactions(World(customers=150, terminals=300)).with_row_index("number")
    amount = pl.col("amount_cents") / 100
    transactions = rows.select(
        pl.col("number").cast(pl.Int64).alias("transaction_id"),
        pl.col("event_time").dt.replace_time_zone(None).cast(NANOSECONDS),
        "customer_id",
        "terminal_id",
        amount=amount,
    )
    labels = rows.select(pl.col("number").cast(pl.String).alias("transaction_id"), pl.col("is_fraud"))
    transactions.write_parquet(folder / "transactions.parquet")
    labels.write_parquet(folder / "labels.parquet")
    return folder, transactions, labels


def test_whatever_the_types_of_the_files_are_the_history_is_the_same(protocol, files, tmp_path):
    folder, transactions, labels = files
    expected = protocol.read_history(folder / "transactions.parquet", folder / "labels.parquet")
    assert expected.schema["event_time"] == pl.Datetime("us", "UTC")
    assert (expected["known_at"] - expected["event_time"]).unique().dt.total_days().to_list() == [7]
    told = transactions.with_columns(pl.col("event_time").dt.strftime("%Y-%m-%dT%H:%M:%S%.f"))
    told.write_parquet(tmp_path / "t.parquet")
    labels.with_columns(pl.col("is_fraud").cast(pl.String)).write_parquet(tmp_path / "l.parquet")
    assert protocol.read_history(tmp_path / "t.parquet", tmp_path / "l.parquet").equals(expected)


def test_two_labels_of_one_transaction_are_refused(protocol, files, tmp_path):
    folder, _, labels = files
    pl.concat([labels, labels.head(1)]).write_parquet(tmp_path / "l.parquet")
    with pytest.raises(SystemExit, match="has labels twice for one transaction"):
        protocol.read_history(folder / "transactions.parquet", tmp_path / "l.parquet")


def test_predictions_hold_each_test_transaction_once_with_its_fold(protocol, files, tmp_path, monkeypatch, capsys):
    folder, transactions, _ = files
    monkeypatch.setattr(protocol, "FULL", replace(protocol.FULL, trials=1, boosters=1, max_rounds=10, threads=1))
    monkeypatch.setattr(protocol, "GRID", protocol.GRID[:1])
    out = tmp_path / "predictions.parquet"
    asked = {"transactions": folder / "transactions.parquet", "labels": folder / "labels.parquet", "predictions": out}
    protocol.main([*(f"--{name}={path}" for name, path in asked.items()), "--json"])
    printed = capsys.readouterr().out
    found = json.loads(printed.splitlines()[-1])
    predictions = pl.read_parquet(out)
    assert predictions.schema == {"transaction_id": pl.Int64, "score": pl.Float64, "fold": pl.Int32}
    assert predictions["transaction_id"].is_unique().all()
    assert predictions["score"].is_between(0, 1).all()
    weeks = predictions.join(transactions, on="transaction_id").group_by("fold").agg(
        pl.col("event_time").min().dt.date().alias("first"), pl.len()
    ).sort("fold")  # fmt: skip
    assert weeks["fold"].to_list() == [0, 1, 2, 3]
    assert weeks["first"].to_list() == [fold.test_start.date() for fold in protocol.FOLDS]
    assert weeks["len"].to_list() == [fold["rows"] for fold in found["runs"][0]["folds"]["full"]]
    assert "XGBoost, tuned" in printed
    assert {"plain, search", "full, search", "full, four fits"} <= {*found["runs"][0]["seconds"]}
