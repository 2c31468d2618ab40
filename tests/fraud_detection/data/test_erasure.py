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
from fraud_detection.tables import find_gone

NAMES = [table.name for table in (*DATA_TABLES, PREDICTIONS)]
CUTS = (4, 11, None)
"""Things that a call takes out before it is cut: after bronze, before quarantine, of labels and of transactions."""
RENAMED = '{"transaction_id": "Z", "customerId": "FORGETME", "terminal_id": "M1"}'
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
    deliver("transactions/2.jsonl.gz", gzip.compress("\n".join([*broken, RENAMED, '{"cut": "other']).encode()))
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
    told |= {"model_version": F.lit(2).cast("bigint"), "scored_at": F.lit(NOON)}
    scored = silver.select(*(told[name].alias(name) for name in PREDICTIONS.columns))
    earlier = {"model_version": F.lit(1).cast("bigint"), "customer_id": F.lit("FORGETME")}
    tables.merge(PREDICTIONS, scored.unionByName(scored.where("transaction_id = 'WAS-THEIRS'").withColumns(earlier)))


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
    world.refused = refused_at_first(spark, world)
    world.before = traces(world.folder)
    others = world.tables.read(spark, SILVER_TRANSACTIONS.name).where("customer_id != 'FORGETME'")
    world.silver = to_polars(others).sort("transaction_id")
    world.calls = [list(islice(taken_out(spark, world), cut)) for cut in CUTS]
    world.told = dict(taken for call in world.calls for taken in call)
    return world


def taken_out(spark, world):
    return ((place, count) for place, count in forget(spark, world, "FORGETME") if count)


def refused_at_first(spark, world):
    """While a stream is as a kill leaves it after a batch, and while a file waits; the next run mends both."""
    (checkpoint,) = (world.folder / "checkpoints").glob("silver_transactions-*")
    newest = max(int(path.name) for path in (checkpoint / "commits").iterdir() if path.name.isdigit())
    for note in (f"{newest}", f".{newest}.crc"):
        (checkpoint / "commits" / note).unlink()
    told = [refused(forget(spark, world, "FORGETME"))]
    world.deliver("transactions/9.jsonl", line("G", "C5"), NOON.replace(day=4))
    told.append(refused(forget(spark, world, "FORGETME")))
    here = str(world.folder)
    told.append(refused(erase(spark, world.tables, DataSettings(), ["FORGETME"], here, here, NAMES)))
    told.append(refused(erase(spark, world.tables, DataSettings(), ["FORGETME"], here, here, ["predictions"])))
    world.run()
    return told


def refused(call):
    with pytest.raises(DataError) as error:
        next(call)
    return str(error.value)


def test_what_would_bring_them_back_or_break_a_stream_is_refused_first(forgotten):
    behind, waits, elsewhere, nothing = forgotten.refused
    assert "the stream silver_transactions-" in behind
    assert "has not read all of its table" in behind
    assert "transactions/9.jsonl and 0 more files were never taken in" in waits
    assert "found no folder" in elsewhere
    assert "found no bronze_labels, bronze_transactions, quarantine, silver_labels, silver_transactions in" in nothing


def test_they_were_everywhere_and_are_nowhere(forgotten):
    kinds = ("landing", "_delta_log", "_change_data", "bronze", "silver", "quarantine", "predictions")
    assert [kind for kind in kinds if not any(kind in trace for trace in forgotten.before)] == []
    assert {word for trace in forgotten.before for word in OF_THEM if word in trace} == {*OF_THEM}
    assert traces(forgotten.folder) == []


def test_it_says_where_they_were(forgotten):
    told = forgotten.told
    assert (told[BRONZE_TRANSACTIONS.name], told[SILVER_TRANSACTIONS.name]) == (13, 6)
    assert (told[BRONZE_LABELS.name], told[SILVER_LABELS.name]) == (4, 2)
    assert told[PREDICTIONS.name] == 7
    assert told["transactions/2.jsonl.gz"] == 4


def test_no_former_version_can_be_read(spark, forgotten):
    for name in (QUARANTINE.name, SILVER_TRANSACTIONS.name, SILVER_LABELS.name, PREDICTIONS.name):
        with pytest.raises((PySparkException, Py4JError)) as gone:
            spark.read.option("versionAsOf", 1).table(forgotten.tables.name(name)).collect()
        assert find_gone(gone.value), str(gone.value)[:500]


def test_others_stay_and_the_pipeline_goes_on(spark, forgotten):
    tables = forgotten.tables
    left = to_polars(tables.read(spark, SILVER_TRANSACTIONS.name)).sort("transaction_id")
    assert_frame_equal(left, forgotten.silver)
    assert {*left["transaction_id"]} == {"A", "B", "C", "D", "E", "G", "WAS-THEIRS"}
    scored = tables.read(spark, PREDICTIONS.name).where("transaction_id = 'WAS-THEIRS'").collect()
    assert [(row.customer_id, row.model_version) for row in scored] == [("C4", 2)]
    labels = tables.read(spark, SILVER_LABELS.name).collect()
    assert {row.transaction_id for row in labels} == {"A", "B", "WAS-THEIRS"}
    quarantined = [row.raw for row in tables.read(spark, QUARANTINE.name).collect()]
    assert quarantined == ['{"cut": "other']
    assert tables.read(spark, GOLD_TERMINAL_DAYS.name).agg(F.sum("transactions")).collect()[0][0] == 7

    forgotten.deliver("transactions/10.jsonl", line("F", "C1"), NOON.replace(day=5))
    transactions, _ = forgotten.run()
    assert (transactions.read, transactions.silver, transactions.quarantined) == (9, 8, 1)


def test_landing_files_lose_their_lines_alone(forgotten):
    landing = forgotten.folder / "landing" / "transactions"
    assert (landing / "1.jsonl").read_bytes() == f"{line('A', 'C1')}\r\n{line('B', 'C2')}\r\n".encode()
    assert gzip.decompress((landing / "2.jsonl.gz").read_bytes()).decode() == f"{line('C', 'C3')}\n" + '{"cut": "other'
    assert pl.read_parquet(landing / "4.parquet")["transaction_id"].to_list() == ["E"]
    assert (landing / "7.jsonl").read_bytes() == b""
    assert (landing / "6.jsonl").stat().st_mtime == NOON.replace(day=3).timestamp()


def test_calls_that_were_cut_left_the_rest_to_the_next(forgotten):
    first, second, third = ([place for place, _ in call] for call in forgotten.calls)
    assert (first[-1], second[0]) == (BRONZE_LABELS.name, QUARANTINE.name)
    assert (second[-1], third) == (BRONZE_TRANSACTIONS.name, [QUARANTINE.name, SILVER_TRANSACTIONS.name])


def test_nobody_and_lines_that_wait_are_refused(spark, forgotten):
    """The last test: the line is left there."""
    with pytest.raises(ConfigurationError, match="found no customer, or an empty one"):
        next(forget(spark, forgotten, "FORGETME", " "))
    name = forgotten.tables.name(BRONZE_TRANSACTIONS.name)
    spark.table(name).limit(1).withColumn("line_number", F.lit(99).cast("bigint")).write.insertInto(name)
    with pytest.raises(DataError, match="1 lines of bronze_transactions are neither in silver_transactions nor in qua"):
        next(forget(spark, forgotten, "FORGETME"))
