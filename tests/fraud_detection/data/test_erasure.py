"""Customers who are forgotten: nothing of them is left in files, tables, logs or former versions, all else stays."""

import gzip
import json
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from py4j.protocol import Py4JError
from pyarrow.parquet import ParquetFile
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from fraud_detection.config import DataSettings
from fraud_detection.data.erasure import erase
from fraud_detection.data.gold import refresh_gold
from fraud_detection.data.prepare import prepare
from fraud_detection.errors import ConfigurationError, DataError
from fraud_detection.features.frames import to_polars
from fraud_detection.schemas import (
    BRONZE_LABELS,
    BRONZE_TRANSACTIONS,
    DATA_TABLES,
    GOLD_TERMINAL_DAYS,
    PREDICTIONS,
    QUARANTINE,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
)
from fraud_detection.table_changes import follow_changes

NAMES = [table.name for table in (*DATA_TABLES, PREDICTIONS)]
AT_A_TIME = 7
"""Things that a call takes out before it is cut."""
NOON = datetime(2018, 4, 1, 12, tzinfo=UTC)
OF_THEM = ("FORGETME", "MINE-1", "MINE-2", "MINE-3", "MINE-4", "MINE-5", "MINE-6", "MINE-7")
"""The customer, and transactions that are theirs alone."""


def line(transaction, customer, **more):
    fields = {"transaction_id": transaction, "event_time": "2018-04-01T12:00:00Z", "customer_id": customer}
    return json.dumps({**fields, "terminal_id": "M1", "amount": 1, **more})


def deliver_all(deliver):
    """Theirs and others', in every kind of file; the amount of one of others' lines is their customer's short id."""
    deliver(
        "transactions/1.jsonl",
        "\r\n".join([line("A", "C1"), line("MINE-1", "FORGETME"), line("B", "C2"), line("MINE-2", "FORGETME"), ""]),
    )
    broken = [
        line("MINE-3", "FORGETME", amount=-1),
        '{"cut": "FORGETME',
        '{"transaction_id": "MINE-1", "cu',
        line("C", "C3"),
    ]
    deliver("transactions/2.jsonl.gz", gzip.compress("\n".join([*broken, '{"cut": "other']).encode()))
    header = "transaction_id,event_time,customer_id,terminal_id,amount"
    rows = ["MINE-4,2018-04-01T12:00:00Z,FORGETME,M1,1", "D,2018-04-01T12:00:00Z,C1,M1,1"]
    deliver("transactions/3.csv", "\n".join([header, *rows, ""]))
    packed = BytesIO()
    common = {"event_time": "2018-04-01T12:00:00Z", "terminal_id": "M1", "amount": 1.0}
    pl.DataFrame(
        [
            {"transaction_id": "MINE-5", "customer_id": "FORGETME", **common},
            {"transaction_id": "E", "customer_id": "C9", **common},
        ]
    ).write_parquet(packed)
    deliver("transactions/4.parquet", packed.getvalue())
    # Once theirs and once somebody else's: before it was corrected, and after.
    deliver("transactions/5.jsonl", "\n".join([line("WAS-THEIRS", "FORGETME"), line("MINE-6", "C4")]))
    later = NOON.replace(day=3)
    deliver("transactions/6.jsonl", "\n".join([line("WAS-THEIRS", "C4"), line("MINE-6", "FORGETME")]), later)
    deliver("transactions/7.jsonl", line("MINE-7", "FORGETME"), later)
    label = "transaction_id,is_fraud,known_at\n"
    known = ",true,2018-04-02T00:00:00Z\n"
    deliver("labels/1.csv", label + "".join(f"{name}{known}" for name in ("A", "MINE-1", "WAS-THEIRS", "MINE-6")))
    deliver("labels/2.csv", f"{label}MINE-2,perhaps,2018-04-02T00:00:00Z\nB{known}MINE-4,true\n")


@pytest.fixture(scope="module")
def world(spark, make_landing, make_tables, tmp_path_factory):
    """Tables with all of them in, some versions deep, and what takes in more."""
    folder = tmp_path_factory.mktemp("world")
    landing, deliver = make_landing(folder)
    tables = make_tables(folder / "warehouse")

    def run():
        accounts = prepare(spark, landing, str(folder / "checkpoints"), tables, DataSettings())
        refresh_gold(spark, tables)
        return accounts

    deliver_all(deliver)
    run()
    for table in (SILVER_TRANSACTIONS, SILVER_LABELS):
        follow_changes(spark, tables, table.name)
    deliver("transactions/8.jsonl", line("MINE-2", "FORGETME", amount=2), NOON.replace(day=4))
    run()
    tables.ensure(spark, PREDICTIONS)
    score(spark, tables)
    return SimpleNamespace(folder=folder, tables=tables, deliver=deliver, run=run, landing=landing)


def score(spark, tables):
    silver = tables.read(spark, SILVER_TRANSACTIONS.name)
    told = {name: F.lit(None).cast(kind.split()[0]) for name, kind in PREDICTIONS.columns.items()}
    told |= {name: F.col(name) for name in PREDICTIONS.columns if name in silver.columns}
    told |= {name: F.lit(0.5) for name in ("probability", "threshold")} | {"is_alert": F.lit(True)}
    told |= {name: F.lit("x") for name in ("model_name", "variant", "scored_by")}
    told |= {"model_version": F.lit(1).cast("bigint"), "scored_at": F.lit(NOON)}
    tables.merge(PREDICTIONS, silver.select(*(told[name].alias(name) for name in PREDICTIONS.columns)))


def forget(spark, world, *customers):
    """Nobody is called M1 or 1: that is a terminal, and an amount."""
    return erase(
        spark,
        world.tables,
        DataSettings(),
        (*customers, "M1", "1"),
        world.landing,
        str(world.folder / "checkpoints"),
        NAMES,
    )


def traces(folder):
    """Every file that tells of them: what is packed is unpacked first."""
    return sorted(
        {
            f"{path.relative_to(folder)}: {word}"
            for path in folder.rglob("*")
            if path.is_file()
            for word in words_of(path)
        }
    )


def words_of(path):
    content = path.read_bytes()
    if path.suffix == ".parquet":
        file = ParquetFile(BytesIO(content))
        text = f"{file.read().to_pylist()}{content.decode('latin-1')}"
    elif path.suffix == ".gz":
        text = gzip.decompress(content).decode()
    else:
        text = content.decode("latin-1")
    return [word for word in OF_THEM if word in text]


@pytest.fixture(scope="module")
def forgotten(spark, world):
    """A world before and after; the call is cut again and again, each time after some things were taken out."""
    world.before = traces(world.folder)
    others = world.tables.read(spark, SILVER_TRANSACTIONS.name).where("customer_id != 'FORGETME'")
    world.silver = to_polars(others).sort("transaction_id")
    world.behind = refused_while_a_stream_is_behind(spark, world)
    world.told, world.calls = {}, 0
    taken = None
    while taken is None or len(taken) == AT_A_TIME:
        taken = list(islice(((place, n) for place, n in forget(spark, world, "FORGETME") if n), AT_A_TIME))
        world.told |= dict(taken)
        world.calls += 1
    return world


def refused_while_a_stream_is_behind(spark, world):
    """As a kill leaves it after the batch and before its note; the next run makes it whole."""
    (checkpoint,) = (world.folder / "checkpoints").glob("silver_transactions-*")
    newest = max(int(path.name) for path in (checkpoint / "commits").iterdir() if path.name.isdigit())
    for note in (f"{newest}", f".{newest}.crc"):
        (checkpoint / "commits" / note).unlink()
    with pytest.raises(DataError) as refused:
        next(forget(spark, world, "FORGETME"))
    world.run()
    return str(refused.value)


def test_a_stream_that_was_cut_has_to_come_to_its_end_first(forgotten):
    assert "the stream silver_transactions-" in forgotten.behind
    assert "has not read all of its table" in forgotten.behind


def test_they_were_everywhere_and_are_nowhere(forgotten):
    kinds = ("landing", "_delta_log", "_change_data", "bronze", "silver", "quarantine", "predictions")
    assert [kind for kind in kinds if not any(kind in trace for trace in forgotten.before)] == []
    assert {word for trace in forgotten.before for word in OF_THEM if word in trace} == {*OF_THEM}
    assert traces(forgotten.folder) == []


def test_it_says_where_they_were(forgotten):
    told = forgotten.told
    assert (told[BRONZE_TRANSACTIONS.name], told[SILVER_TRANSACTIONS.name]) == (12, 6)
    assert (told[BRONZE_LABELS.name], told[SILVER_LABELS.name]) == (4, 2)
    assert told[PREDICTIONS.name] == 6
    assert told["transactions/2.jsonl.gz"] == 3


def test_no_former_version_can_be_read(spark, forgotten):
    for name in NAMES:
        latest = forgotten.tables.version(spark, name)
        for version in range(latest):
            try:
                rows = spark.read.option("versionAsOf", version).table(forgotten.tables.name(name)).collect()
            except (PySparkException, Py4JError):
                continue
            assert not any(word in str(rows) for word in OF_THEM), f"{name} at {version}"


def test_others_stay_and_the_pipeline_goes_on(spark, forgotten):
    tables = forgotten.tables
    left = to_polars(tables.read(spark, SILVER_TRANSACTIONS.name)).sort("transaction_id")
    assert_frame_equal(left, forgotten.silver)
    assert {*left["transaction_id"]} == {"A", "B", "C", "D", "E", "WAS-THEIRS"}
    labels = tables.read(spark, SILVER_LABELS.name).collect()
    assert {row.transaction_id for row in labels} == {"A", "B", "WAS-THEIRS"}
    quarantined = [row.raw for row in tables.read(spark, QUARANTINE.name).collect()]
    assert quarantined == ['{"cut": "other']
    assert tables.read(spark, GOLD_TERMINAL_DAYS.name).agg(F.sum("transactions")).collect()[0][0] == 6

    forgotten.deliver("transactions/9.jsonl", line("F", "C1"), NOON.replace(day=5))
    transactions, _ = forgotten.run()
    assert (transactions.read, transactions.silver, transactions.quarantined) == (8, 7, 1)


def test_landing_files_lose_their_lines_alone(forgotten):
    landing = forgotten.folder / "landing" / "transactions"
    assert (landing / "1.jsonl").read_bytes() == f"{line('A', 'C1')}\r\n{line('B', 'C2')}\r\n".encode()
    assert gzip.decompress((landing / "2.jsonl.gz").read_bytes()).decode() == f"{line('C', 'C3')}\n" + '{"cut": "other'
    assert pl.read_parquet(landing / "4.parquet")["transaction_id"].to_list() == ["E"]
    assert (landing / "7.jsonl").read_bytes() == b""
    assert (landing / "6.jsonl").stat().st_mtime == NOON.replace(day=3).timestamp()


def test_it_took_several_calls(forgotten):
    assert forgotten.calls > len(forgotten.told) / AT_A_TIME


def test_nobody_and_lines_that_wait_are_refused(spark, forgotten):
    """The last test: the line is left there."""
    with pytest.raises(ConfigurationError, match="found no customer, or an empty one"):
        next(forget(spark, forgotten, "FORGETME", " "))
    name = forgotten.tables.name(BRONZE_TRANSACTIONS.name)
    spark.table(name).limit(1).withColumn("line_number", F.lit(99).cast("bigint")).write.insertInto(name)
    with pytest.raises(DataError, match="1 lines of bronze_transactions are neither in silver_transactions nor in qua"):
        next(forget(spark, forgotten, "FORGETME"))
