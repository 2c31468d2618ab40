"""Topics to tables, by a broker of our own: records arrive once, whatever is killed, and none vanishes."""

import json
import os
import socket
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError
from urllib.request import urlopen

import pyspark
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import functions as F

from fraud_detection.config import KAFKA_PASSWORD, KAFKA_USER, DataSettings, load_section
from fraud_detection.data.cleaning import SUPERSEDED, labels_cleaning, transactions_cleaning
from fraud_detection.data.kafka import LOGIN, credentials
from fraud_detection.data.prepare import Work, clean_lines, replay_quarantine, take_account, take_in
from fraud_detection.errors import ConfigurationError
from fraud_detection.local_spark import MAVEN
from fraud_detection.schemas import (
    BRONZE_LABELS,
    BRONZE_TRANSACTIONS,
    DATA_QUALITY,
    QUARANTINE,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
)
from fraud_detection.session import uses_connect

BROKER = "ivy://org.apache.kafka:kafka_2.13:4.1.1?transitive=true"
OF_SPARK = ("scala-library", "slf4j-api", "log4j-slf4j2-impl", "log4j-api", "log4j-core")  # which Ivy leaves out
SMALL = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
USER, PASSWORD = "$ConnectionString", 'Endpoint=sb://x/;Key="a\\b"'
PATIENCE = 90
FIELDS = {"event_time": "2018-04-01T12:00:00Z", "customer_id": "C1", "terminal_id": "M1", "amount": 1}


def line(transaction, **changes):
    return json.dumps({"transaction_id": transaction, **FIELDS, **changes}).encode()


def find_port():
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def class_path(spark):
    """The jars of a broker, by Spark's own Ivy; fetched once on a machine."""
    if uses_connect():
        pytest.skip("the connector and Ivy belong to a session of this process, not to a server's")
    java = spark.sparkContext._jvm
    try:
        resolve = java.org.apache.spark.util.DependencyUtils.resolveMavenDependencies
        own = resolve(java.java.net.URI(BROKER)).mkString(":")
    except Py4JJavaError:
        try:
            with urlopen(f"{MAVEN}/", timeout=10):  # noqa: S310  the address is a constant
                raise
        except (URLError, TimeoutError) as error:
            pytest.skip(f"no Kafka to test against: {MAVEN} cannot be reached ({error})")
    spark_jars = Path(pyspark.__file__).parent / "jars"
    return ":".join([*(str(next(spark_jars.glob(f"{name}-[0-9]*.jar"))) for name in OF_SPARK), own])


@pytest.fixture(scope="module")
def broker(class_path, tmp_path_factory):
    """A Kafka of one node, on loopback, that wants a password; the address of it."""
    folder = tmp_path_factory.mktemp("kafka")
    port, controller = find_port(), find_port()
    escaped = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    login = f'{LOGIN} required user_{USER}="{escaped}";'
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{port}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": f'{login[:-1]} username="{USER}" password="{escaped}";',
        "controller.listener.names": "CONTROLLER",
        "log.dirs": folder / "logs",
        "num.partitions": 2,
        "offsets.topic.num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
    }
    written = folder / "server.properties"
    lines = (f"{name}={str(value).replace(chr(92), chr(92) * 2)}" for name, value in settings.items())
    written.write_text("\n".join(lines), encoding="utf-8")
    java = ["java", *SMALL, "-cp", class_path]
    kept = {name: value for name, value in os.environ.items() if name != "JAVA_TOOL_OPTIONS"}
    with (folder / "said").open("w") as said:
        start = [*java, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(written)]
        subprocess.run(start, check=True, env=kept, stdout=said, stderr=said)
        running = subprocess.Popen([*java, "kafka.Kafka", str(written)], env=kept, stdout=said, stderr=said)
    try:
        wait_for(port, running, folder / "said")
        yield f"127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait()


def wait_for(port, running, said):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert running.poll() is None, said.read_text()
        time.sleep(0.1)
    raise AssertionError(said.read_text())


@pytest.fixture
def credited(monkeypatch):
    monkeypatch.setenv(KAFKA_USER, USER)
    monkeypatch.setenv(KAFKA_PASSWORD, PASSWORD)


@pytest.fixture
def world(spark, broker, tables, tmp_path):
    """A topic of two partitions for transactions, and what to do with it."""
    topic = tables.schema
    options = {"kafka.security.protocol": "SASL_PLAINTEXT"}
    kafka = {"bootstrap_servers": broker, "topics": {"transactions": topic}, "options": options}
    settings = load_section(DataSettings, {"kafka": kafka}, "data")
    work = Work(spark, transactions_cleaning(settings), tables, settings)
    checkpoints = str(tmp_path / "checkpoints")
    tables.create_schema(spark)
    for table in (BRONZE_TRANSACTIONS, work.cleaning.silver, QUARANTINE, DATA_QUALITY):
        tables.ensure(spark, table)

    def send(*records, topic=topic):
        rows = spark.createDataFrame(
            [(*record, topic) for record in records], "partition INT, value BINARY, topic STRING"
        )
        sink = rows.coalesce(1).write.format("kafka").options(**{**credentials(), **options})
        sink.option("kafka.bootstrap.servers", broker).save()

    def run():
        take_in(work, "no landing folder", checkpoints)
        clean_lines(work, checkpoints)
        return take_account(work)

    def bronze():
        rows = tables.read(spark, BRONZE_TRANSACTIONS.name).orderBy("source_file", "line_number").collect()
        return [
            (row.source_file.removeprefix(f"transactions/kafka/{topic}-"), row.line_number, row.raw) for row in rows
        ]

    return SimpleNamespace(send=send, run=run, bronze=bronze, work=work, tables=tables, folder=tmp_path, kafka=kafka)


@pytest.mark.usefixtures("credited")
def test_records_of_all_partitions_arrive_once_whatever_is_killed_and_the_broken_ones_keep_their_text(world, spark):
    sent = datetime.now(UTC)
    world.send((0, line("T1")), (1, line("T2")), (0, b'{"cut\xfc'), (1, None))
    first = [
        ("0", 1, line("T1").decode()),
        ("0", 2, '{"cut\ufffd<fc>'),
        ("1", 1, line("T2").decode()),
        ("1", 2, ""),
    ]
    account = world.run()
    assert (account.read, account.silver, account.quarantined) == (4, 2, 2)
    assert world.bronze() == first
    refused = world.tables.read(spark, QUARANTINE.name).orderBy("source_file").collect()
    assert [(row.line_number, row.raw, row.reasons) for row in refused] == [
        (2, '{"cut\ufffd<fc>', ["unreadable", "not_utf8"]),
        (2, "", ["unreadable"]),
    ]
    assert all(abs((row.file_modified_at.astimezone(UTC) - sent).total_seconds()) < PATIENCE for row in refused)

    world.send((0, line("T1", amount=2)), (1, line("T3")))
    done = sorted(world.folder.glob(f"checkpoints/{BRONZE_TRANSACTIONS.name}-*/commits/*"))
    assert [path.name for path in done] == [".0.crc", "0"]
    for path in done:
        path.unlink()  # as a kill leaves it between the commit of the table and that of the stream
    account = world.run()
    assert world.bronze() == sorted([*first, ("0", 3, line("T1", amount=2).decode()), ("1", 3, line("T3").decode())])
    assert (account.read, account.silver, account.quarantined) == (6, 3, 3)
    assert account.by_reason == {"not_utf8": 1, SUPERSEDED: 1, "unreadable": 2}

    assert count_totals(world, spark) == {"read": 6, "quarantined": 2}
    replay_quarantine(world.work)
    assert take_account(world.work) == account
    assert count_totals(world, spark) == {"read": 6, "quarantined": 2}


@pytest.mark.usefixtures("credited")
def test_labels_without_a_time_arrive_by_a_topic_and_wait_for_their_transaction(world, spark):
    topic = f"{world.tables.schema}_labels"
    kafka = {**world.kafka, "topics": {"labels": topic}}
    mapping = {"labels": {"columns": {"transaction_id": "ref", "is_fraud": "fraud", "known_at": None}}}
    settings = load_section(DataSettings, {"kafka": kafka, "mapping": mapping}, "data")
    world.send((0, line("T1")))
    world.run()
    work = Work(spark, labels_cleaning(settings), world.tables, settings)
    for table in (BRONZE_LABELS, SILVER_LABELS):
        world.tables.ensure(spark, table)
    world.send((0, b'{"ref": "T1", "fraud": 1}'), (0, b'{"ref": "T9", "fraud": 0}'), topic=topic)
    take_in(work, "no landing folder", str(world.folder / "checkpoints"))
    clean_lines(work, str(world.folder / "checkpoints"))
    account = take_account(work)
    assert (account.read, account.silver, account.by_reason) == (2, 1, {"transaction_unknown": 1})
    labels = world.tables.read(spark, SILVER_LABELS.name)
    both = labels.join(world.tables.read(spark, SILVER_TRANSACTIONS.name), "transaction_id", how="inner")
    assert both.selectExpr("known_at - event_time = INTERVAL '7' DAY AS kept").collect() == [(True,)]


def count_totals(world, spark):
    counted = world.tables.read(spark, DATA_QUALITY.name).where("dataset = 'transactions' AND severity = 'total'")
    return {row["rule"]: row["lines"] for row in counted.groupBy("rule").agg(F.sum("lines").alias("lines")).collect()}


def test_a_password_needs_a_user(monkeypatch):
    monkeypatch.delenv(KAFKA_USER, raising=False)
    monkeypatch.setenv(KAFKA_PASSWORD, PASSWORD)
    with pytest.raises(ConfigurationError, match=r"one of FRAUD_KAFKA_USER and FRAUD_KAFKA_PASSWORD; expected both"):
        credentials()
    monkeypatch.delenv(KAFKA_PASSWORD)
    assert credentials() == {}


@pytest.mark.usefixtures("credited")
def test_on_databricks_the_login_is_that_of_its_own_connector(monkeypatch):
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    assert credentials() == {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.jaas.config": (
            f"kafkashaded.{LOGIN} required "
            r"""username="$ConnectionString" password="Endpoint=sb://x/;Key=\"a\\b\"";"""
        ),
    }


@pytest.mark.parametrize(
    ("kafka", "said"),
    [
        ({"topics": {"transactions": "t"}}, "topics and no bootstrap_servers; expected host:port"),
        ({"bootstrap_servers": "h:1", "topics": {"labels": "a,b"}}, "topic is 'a,b'; expected letters, digits"),
        ({"bootstrap_servers": "h:1", "topics": {"label": "a"}}, "Input should be 'transactions' or 'labels'"),
        ({"options": {"kafka.sasl.jaas.config": "x"}}, "options has kafka.sasl.jaas.config; expected no secret"),
        ({"options": {"kafka.ssl.keystore.key": "x"}}, "options has kafka.ssl.keystore.key; expected no secret"),
        ({"options": {"subscribePattern": ".*"}}, "has subscribePattern; expected bootstrap_servers and topics"),
    ],
)
def test_settings_that_name_no_topic_or_hold_a_secret_are_refused(kafka, said):
    with pytest.raises(ConfigurationError, match=said):
        load_section(DataSettings, {"kafka": kafka}, "data")


def test_csv_has_no_header_in_a_topic_and_is_refused():
    kafka = {"bootstrap_servers": "h:1", "topics": {"labels": "t"}}
    with pytest.raises(ConfigurationError, match="labels come from Kafka as csv; expected json: a record"):
        load_section(DataSettings, {"kafka": kafka, "mapping": {"labels": {"format": "csv"}}}, "data")
