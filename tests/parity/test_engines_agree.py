"""Both engines give the same features, to the last bit."""

import os
import sys

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812  as in Spark's own documentation

from fraud_detection.features import single_node
from fraud_detection.features import spark as spark_engine
from fraud_detection.features.contract import ORDER
from fraud_detection.features.settings import FeatureSettings


@pytest.fixture(scope="module")
def session():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "4")
    return (
        builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate()
    )


@pytest.fixture(scope="module")
def on_one_node(history):
    return single_node.compute_features(history)


def compute_on_spark(session, history, **settings):
    rows = session.createDataFrame(history.to_arrow(compat_level=pl.CompatLevel.oldest()))
    return spark_engine.compute_features(rows, FeatureSettings(**settings))


def in_order(features):
    """Arrow keeps every bit; the sort only undoes the shards."""
    return pl.from_arrow(features.toArrow()).sort(*ORDER)


@pytest.mark.parametrize("shards", [1, 7])
def test_spark_equals_one_node_to_the_last_bit(session, history, on_one_node, shards):
    features = in_order(compute_on_spark(session, history, shards=shards))
    assert features.columns == on_one_node.columns
    assert_frame_equal(features, on_one_node, check_exact=True)


def test_identifiers_may_be_whole_numbers(session, history):
    number = pl.col("customer_id", "terminal_id", "transaction_id").str.slice(1).cast(pl.Int64)
    history = history.head(2000).with_columns(number)
    on_one_node = single_node.compute_features(history)
    assert_frame_equal(in_order(compute_on_spark(session, history)), on_one_node, check_exact=True)


def test_the_zone_of_the_session_changes_nothing(session, history):
    history = history.head(2000)
    session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    features = in_order(compute_on_spark(session, history).withColumn("event_time", F.unix_micros("event_time")))
    session.conf.set("spark.sql.session.timeZone", "UTC")
    expected = single_node.compute_features(history).with_columns(pl.col("event_time").to_physical())
    assert_frame_equal(features, expected, check_exact=True)


def test_each_kind_of_entity_costs_one_shuffle_and_nothing_is_joined(session, history, capsys):
    compute_on_spark(session, history.head(100)).explain()
    plan = capsys.readouterr().out
    assert plan.count("Exchange") == 2
    assert "Join" not in plan
