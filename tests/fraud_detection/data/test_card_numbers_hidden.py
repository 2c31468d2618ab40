"""Card numbers in every kind of landing file: behind bronze there are tokens, and without a key there is no bronze."""

import gzip
import json
import re
from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace

import polars as pl
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from fraud_detection.card_numbers import KEYS, CardKeys, holds_card_number
from fraud_detection.config import DataSettings
from fraud_detection.data.check import check_files
from fraud_detection.data.files import NOT_UTF8
from fraud_detection.data.kafka import as_lines
from fraud_detection.data.prepare import prepare
from fraud_detection.data.rekey import rekey
from fraud_detection.errors import ConfigurationError, DataError
from fraud_detection.schemas import (
    BRONZE_TRANSACTIONS,
    DATA_TABLES,
    GOLD_DAYS,
    GOLD_TERMINAL_DAYS,
    QUARANTINE,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
)

TABLES = [table for table in DATA_TABLES if table not in (GOLD_DAYS, GOLD_TERMINAL_DAYS)]  # those that prepare makes
NUMBER = "4111111111111111"
OTHER = "5555555555554444"
KEY, NEXT = b"1" * 32, b"2" * 32
ARRIVED = datetime(2018, 4, 2, tzinfo=UTC)


def line(transaction, customer, **more):
    fields = {"transaction_id": transaction, "event_time": "2018-04-01T12:00:00Z", "customer_id": customer}
    return json.dumps({**fields, "terminal_id": "M1", "amount": 1, **more})


@pytest.fixture(scope="module")
def open_world(spark, make_landing):
    """Makes what delivers files into a folder, and what takes them in."""

    def make(folder, tables):
        landing, deliver = make_landing(folder)
        return deliver, lambda: prepare(spark, landing, str(folder / "checkpoints"), tables, DataSettings())

    return make


@pytest.fixture
def world(open_world, tables, tmp_path):
    return open_world(tmp_path, tables)


@pytest.fixture(scope="module")
def taken(open_world, make_tables, tmp_path_factory):
    """All kinds of files, taken in by a key; the tables, the folder, what takes in more, and the accounts."""
    folder = tmp_path_factory.mktemp("taken")
    tables = make_tables(folder / "warehouse")
    deliver, run = open_world(folder, tables)
    deliver_numbers(deliver)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEYS, KEY.hex())
        accounts = run()
    return SimpleNamespace(folder=folder, tables=tables, run=run, accounts=accounts)


def deliver_numbers(deliver):
    deliver("transactions/1.jsonl", "\n".join([line("T1", NUMBER), line("T2", int(NUMBER)), line(OTHER, NUMBER)]))
    deliver("transactions/2.jsonl", f'{{"cut": "{NUMBER}\n{line("T3", "4111-1111-1111-1111", note=OTHER)}')
    deliver("transactions/3.jsonl.gz", gzip.compress(line("T4", NUMBER).encode()))
    header = "transaction_id,event_time,customer_id,terminal_id,amount"
    deliver("transactions/4.csv", f"{header},{OTHER}\nT5,2018-04-01T12:00:00Z,{NUMBER},M1,1,x\n")
    packed = BytesIO()
    row = {
        "transaction_id": "T6",
        "event_time": "2018-04-01T12:00:00Z",
        "customer_id": int(NUMBER),
        "terminal_id": "M1",
    }
    pl.DataFrame([{**row, "amount": 1.0}]).write_parquet(packed)
    deliver("transactions/5.parquet", packed.getvalue())
    deliver("labels/1.csv", f"transaction_id,is_fraud,known_at\n{OTHER},true,2018-04-02T00:00:00Z\n")


def written(folder):
    """All files of text and logs that are not landing files; what is packed is looked at by reading the tables."""
    files = [path for path in folder.rglob("*") if path.is_file() and "landing" not in path.parts]
    return files, "".join(path.read_bytes().decode("latin-1") for path in files if path.suffix != ".parquet")


def test_with_a_key_all_that_is_kept_has_tokens(spark, taken):
    transactions, labels = taken.accounts
    assert (transactions.silver, transactions.quarantined, labels.silver) == (7, 1, 1)
    token = CardKeys((KEY,)).tokenise
    silver = taken.tables.read(spark, SILVER_TRANSACTIONS.name).select("transaction_id", "customer_id").collect()
    assert {row.transaction_id for row in silver} == {"T1", "T2", "T3", "T4", "T5", "T6", token(OTHER)}
    assert {row.customer_id for row in silver} == {token(NUMBER)}
    assert taken.tables.read(spark, SILVER_LABELS.name).collect()[0].transaction_id == token(OTHER)
    kept = [str(row.asDict()) for table in TABLES for row in taken.tables.read(spark, table.name).collect()]
    files, texts = written(taken.folder)
    assert any("_delta_log" in path.parts for path in files)
    assert token(NUMBER) in "".join(kept)
    assert [row for row in kept if holds_card_number(row)] == []
    assert not holds_card_number(texts)


@pytest.mark.parametrize("later", ["", NEXT.hex(), f"{KEY.hex()},{NEXT.hex()}"], ids=["none", "another", "one more"])
def test_other_keys_than_those_of_the_tables_are_refused(taken, monkeypatch, later):
    monkeypatch.setenv(KEYS, later)
    with pytest.raises(ConfigurationError, match="bronze_transactions has tokens made by 1 keys of card numbers"):
        taken.run()


def test_without_a_key_nothing_is_taken_in_and_the_place_is_named(spark, tables, world, tmp_path):
    deliver, run = world
    deliver("transactions/1.jsonl", "\n".join([line("T1", "C1"), line("T2", NUMBER)]))
    with pytest.raises(PySparkException) as refused:
        run()
    told = "\n".join([str(refused.value), *refused.value.__notes__])
    assert "transactions/1.jsonl: line 2 holds a card number" in told
    assert "set FRAUD_CARD_KEYS" in told
    assert not holds_card_number(told)
    assert tables.read(spark, BRONZE_TRANSACTIONS.name).count() == 0
    assert not holds_card_number(written(tmp_path)[1])


def test_without_a_key_a_check_of_files_shows_no_number(spark, world, tmp_path):
    deliver, _ = world
    deliver("transactions/1.jsonl", line("T1", NUMBER))
    with pytest.raises(DataError, match=r"1.jsonl: line 1 holds a card number") as refused:
        check_files(spark, [tmp_path / "landing" / "transactions" / "1.jsonl"], "transactions", DataSettings())
    assert not holds_card_number(str(refused.value))


def test_a_number_in_the_name_of_a_file_is_refused_before_the_name_is_kept(world, tmp_path, monkeypatch):
    monkeypatch.setenv(KEYS, KEY.hex())
    deliver, run = world
    deliver(f"transactions/{NUMBER}.jsonl", line("T1", "C1"))
    with pytest.raises(DataError, match="has a card number in its name"):
        run()
    files, texts = written(tmp_path)
    assert files
    assert not holds_card_number(texts)


def test_a_new_key_reaches_all_tables_in_as_many_calls_as_it_takes_and_no_line_is_read_again(
    spark, tables, world, monkeypatch
):
    deliver, run = world
    names = [table.name for table in TABLES]
    monkeypatch.setenv(KEYS, KEY.hex())
    deliver("transactions/1.jsonl", "\n".join([line("T1", NUMBER), line("T2", "C2"), f'{{"cut": "{NUMBER}']))
    run()
    old, new = CardKeys((KEY,)).tokenise(NUMBER), CardKeys((KEY, NEXT)).tokenise(NUMBER)

    monkeypatch.setenv(KEYS, f"{NEXT.hex()},{KEY.hex()}")
    with pytest.raises(ConfigurationError, match="expected those keys first, in their order"):
        list(rekey(spark, tables, names))

    monkeypatch.setenv(KEYS, f"{KEY.hex()},{NEXT.hex()}")
    for name, _ in rekey(spark, tables, names):
        if name == SILVER_TRANSACTIONS.name:
            break  # cut here: bronze still has its old tokens
    with pytest.raises(ConfigurationError, match="made by 1 keys"):
        run()
    assert dict(rekey(spark, tables, names)) == dict.fromkeys(names, False) | {
        BRONZE_TRANSACTIONS.name: True,
        QUARANTINE.name: True,
    }
    assert not any(had_older for _, had_older in rekey(spark, tables, names))
    kept = "".join(str(row.asDict()) for name in names for row in tables.read(spark, name).collect())
    assert new in kept
    assert old not in kept

    deliver("transactions/2.jsonl", line("T3", NUMBER))
    transactions, _ = run()
    assert (transactions.read, transactions.silver, transactions.quarantined) == (4, 3, 1)
    silver = tables.read(spark, SILVER_TRANSACTIONS.name).collect()
    assert {row.transaction_id: row.customer_id for row in silver} == {"T1": new, "T2": "C2", "T3": new}

    lines = tables.read(spark, BRONZE_TRANSACTIONS.name).limit(1).withColumn("line_number", F.lit(99).cast("bigint"))
    lines.write.insertInto(tables.name(BRONZE_TRANSACTIONS.name))
    with pytest.raises(DataError, match="run data_prep, or the stream, by the keys of before"):
        list(rekey(spark, tables, names))


def test_a_number_in_a_record_is_hidden_too_and_without_a_key_the_record_is_named(spark, monkeypatch):
    values = [line("T1", NUMBER).encode(), b"\xff" + NUMBER.encode(), None]
    rows = [("sales", 3, offset, ARRIVED, value) for offset, value in enumerate(values)]
    records = spark.createDataFrame(
        rows, "topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, value BINARY"
    )
    with pytest.raises(PySparkException) as refused:
        as_lines(records, "transactions").collect()
    # Both records with a number may be met first: they are in other partitions of the frame.
    assert re.search(r"transactions/kafka/sales-3: record [12] holds a card number", str(refused.value))
    assert not holds_card_number(str(refused.value))
    monkeypatch.setenv(KEYS, KEY.hex())
    token = CardKeys((KEY,)).tokenise(NUMBER)
    found = [row.raw for row in as_lines(records, "transactions").orderBy("line_number").collect()]
    assert found == [line("T1", token), f"{NOT_UTF8}<ff>{token}", ""]
