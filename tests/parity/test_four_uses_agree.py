"""One definition, four uses: single node, Spark, a stream's batches, one transaction online; equal to the last bit."""

from datetime import timedelta

import polars as pl
from polars.testing import assert_frame_equal
from pyspark.sql import functions as F

from fraud_detection.features import single_node
from fraud_detection.features import spark as spark_engine
from fraud_detection.features.contract import KEYS
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.stages import plan_stages, stored_features
from fraud_detection.features.stream import make_batch_function

STORED = stored_features(plan_stages())


def store(history, features):
    """What the tables hold: the history with the features that were computed before."""
    return history.join(features.select("transaction_id", *STORED), on="transaction_id", how="left")


def entities_of(row, stored):
    """All rows of the card and of the terminal, later ones too."""
    return {entity: stored.filter(pl.col(entity) == row[entity][0]) for entity in ("customer_id", "terminal_id")}


def test_all_four_agree(spark, history, compute_online):
    """The last three days come in as batches out of order; the stream sees what it has published itself."""
    computed = single_node.compute_features(history)
    on_spark = spark_engine.compute_features(to_spark(spark, history), FeatureSettings(shards=3))
    assert_frame_equal(to_polars(on_spark).sort("event_time", "transaction_id"), computed, check_exact=True)

    start = computed["event_time"].max() - timedelta(days=3)
    new = computed.filter(pl.col("event_time") >= start)
    old = computed.filter(pl.col("event_time") < start)
    published = [old]

    def read_stored():
        return to_spark(spark, pl.concat(published)).withColumn("event_date", F.to_date("event_time"))

    def read_labels():
        return to_spark(spark, history.select("transaction_id", "is_fraud", "known_at").drop_nulls())

    def publish(rows, _number):
        published.append(to_polars(rows).select(old.columns))

    process = make_batch_function(read_stored, read_labels, publish)
    half = new.height // 2
    for number, batch in enumerate([new.head(half).reverse(), new.tail(-half), new.clear()]):
        process(to_spark(spark, batch.select(KEYS)), number)
    assert len(published) == 3
    streamed = pl.concat(published[1:]).sort("event_time", "transaction_id")
    assert_frame_equal(streamed, new, check_exact=True)

    stored = store(history, computed)
    chosen = new.sample(10, seed=1).sort("event_time", "transaction_id")
    online = [compute_online(row, entities_of(row, stored)) for row in chosen.select(KEYS).iter_slices(1)]
    assert_frame_equal(pl.concat(online), chosen, check_exact=True)
