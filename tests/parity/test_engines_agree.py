"""Both engines give the same features, to the last bit."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyspark.errors import PythonException
from pyspark.sql import functions as F

from fraud_detection.errors import DataError
from fraud_detection.features import single_node
from fraud_detection.features import spark as spark_engine
from fraud_detection.features.contract import ORDER
from fraud_detection.features.registry import GROUPS
from fraud_detection.features.settings import FeatureSettings


@pytest.fixture(scope="module")
def on_one_node(history):
    return single_node.compute_features(history)


def compute_on_spark(spark, history, groups=GROUPS, **settings):
    rows = spark.createDataFrame(history.to_arrow(compat_level=pl.CompatLevel.oldest()))
    return spark_engine.compute_features(rows, FeatureSettings(**settings), groups)


def in_order(features):
    """Arrow keeps every bit; the sort only undoes the shards."""
    return pl.from_arrow(features.toArrow()).sort(*ORDER)


@pytest.mark.parametrize("shards", [1, 7])
def test_spark_equals_one_node_to_the_last_bit(spark, history, on_one_node, shards):
    features = in_order(compute_on_spark(spark, history, shards=shards))
    assert features.columns == on_one_node.columns
    assert_frame_equal(features, on_one_node, check_exact=True)


def test_identifiers_may_be_whole_numbers(spark, history):
    number = pl.col("customer_id", "terminal_id", "transaction_id").str.slice(1).cast(pl.Int64)
    history = history.head(2000).with_columns(number)
    on_one_node = single_node.compute_features(history)
    assert_frame_equal(in_order(compute_on_spark(spark, history)), on_one_node, check_exact=True)


@pytest.mark.parametrize("names", [{"transaction"}, {"terminal_risk"}, {"customer_habit", "terminal_streak"}])
def test_engines_agree_on_some_groups_too(spark, history, names):
    groups = [group for group in GROUPS if group.name in names]
    on_one_node = single_node.compute_features(history.head(2000), groups=groups)
    features = in_order(compute_on_spark(spark, history.head(2000), groups))
    assert_frame_equal(features, on_one_node, check_exact=True)


def test_a_history_that_breaks_its_contract_fails_with_the_same_message(spark, history):
    bad = history.head(10).with_columns(amount_cents=pl.lit(-5))
    with pytest.raises(PythonException, match="negative amount_cents, such as -5"):
        compute_on_spark(spark, bad).toArrow()
    with pytest.raises(DataError, match="lacks known_at"):
        compute_on_spark(spark, history.drop("known_at"))


def test_the_zone_of_the_session_changes_nothing(spark, history):
    history = history.head(2000)
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    features = in_order(compute_on_spark(spark, history).withColumn("event_time", F.unix_micros("event_time")))
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    expected = single_node.compute_features(history).with_columns(pl.col("event_time").to_physical())
    assert_frame_equal(features, expected, check_exact=True)


def test_each_kind_of_entity_costs_one_shuffle_and_nothing_is_joined(spark, history, capsys):
    compute_on_spark(spark, history.head(100)).explain()
    plan = capsys.readouterr().out
    assert plan.count("Exchange") == 2
    assert "Join" not in plan
