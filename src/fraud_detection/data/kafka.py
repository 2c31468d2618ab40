"""A Kafka topic to bronze: every record is one line, once, as a line of a file is. Azure Event Hubs speaks Kafka."""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.card_numbers import CardKeys, read_keys
from fraud_detection.config import KAFKA_PASSWORD, KAFKA_USER, DataSettings, KafkaSettings
from fraud_detection.data.files import as_text, hide_in_texts
from fraud_detection.data.ingest import Dataset, Feed, append_to_bronze, column_types
from fraud_detection.errors import ConfigurationError
from fraud_detection.schemas import BRONZE_COLUMNS
from fraud_detection.session import on_databricks
from fraud_detection.tables import Tables

FOLDER = "kafka"
DEFAULTS = {"startingOffsets": "earliest", "kafka.isolation.level": "read_committed"}
LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def ingest_topic(spark: SparkSession, feed: Feed, checkpoints: str, tables: Tables, settings: DataSettings) -> None:
    """Append all records that have not been read yet, exactly once, and return when that is done.

    Raises:
        ConfigurationError: there is half a credential.
        StreamingQueryException: records are gone from the topic that were not read; nothing is passed over.
    """
    topic = settings.kafka.topics[feed.dataset]
    lines = as_lines(open_topic(spark, topic, settings.kafka), feed.dataset)
    append_to_bronze(lines, feed, checkpoints, tables, FOLDER, topic)


def open_topic(spark: SparkSession, topic: str, kafka: KafkaSettings) -> DataFrame:
    """A stream of records, from the first that the topic has. Those of aborted transactions are no records."""
    stream = spark.readStream.format("kafka").options(**{**DEFAULTS, **credentials(), **kafka.options})
    return stream.option("kafka.bootstrap.servers", kafka.bootstrap_servers).option("subscribe", topic).load()


def credentials() -> dict[str, str]:
    """User and password of SASL PLAIN over TLS from the environment, as options of the source; none without them.

    On Databricks a cluster's environment variables name a secret of a scope, so nothing else is needed there.

    Raises:
        ConfigurationError: one of the two is set and the other is not.
    """
    user, password = os.environ.get(KAFKA_USER, ""), os.environ.get(KAFKA_PASSWORD, "")
    if not user and not password:
        return {}
    if not user or not password:
        raise ConfigurationError(f"found one of {KAFKA_USER} and {KAFKA_PASSWORD}; expected both in the environment")
    shaded = "kafkashaded." if on_databricks() else ""
    login = f"{shaded}{LOGIN} required username={_quote(user)} password={_quote(password)};"
    plain = {"kafka.security.protocol": "SASL_SSL", "kafka.sasl.mechanism": "PLAIN"}
    return {**plain, "kafka.sasl.jaas.config": login}


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def as_lines(records: DataFrame, dataset: Dataset) -> DataFrame:
    """Records as bronze holds lines: the partition is the file, the offset from 1 the line, the value its text."""
    named = records.select(
        F.concat(F.lit(f"{dataset}/{FOLDER}/"), "topic", F.lit("-"), "partition").alias("source_file"),
        F.col("timestamp").alias("file_modified_at"),
        (F.col("offset") + 1).alias("line_number"),
        F.current_timestamp().alias("ingested_at"),
        F.lit(None).cast("string").alias("header"),
        F.col("value").alias("raw"),
    )
    return named.mapInArrow(_with_text(read_keys()), column_types(BRONZE_COLUMNS))


def _with_text(keys: CardKeys) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Python, because Spark would replace what is no UTF-8 in silence. A record without a value is an empty line."""

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            texts = [as_text(value or b"") for value in batch.column("raw").to_pylist()]
            raw = hide_in_texts(texts, keys, partial(_tell, batch), is_json=True)
            columns = [*batch.columns[:-1], pa.array(raw, pa.string())]
            yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    return read


def _tell(batch: pa.RecordBatch, place: int) -> str:
    return f"{batch.column('source_file')[place]}: record {batch.column('line_number')[place]}"


def is_record() -> Column:
    """Whether a line came from Kafka. Its file, a partition, goes on from batch to batch."""
    return F.split("source_file", "/").getItem(1) == FOLDER
