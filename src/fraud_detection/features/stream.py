"""Features of the transactions of a micro-batch, from the history that the tables hold."""

from collections.abc import Callable, Sequence

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.features.contract import KEYS
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.incremental import Changes, recompute
from fraud_detection.features.registry import GROUPS
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spark_history import SparkHistory
from fraud_detection.features.touched import touch_by_events

DEFAULTS = FeatureSettings()
Read = Callable[[], DataFrame]
Publish = Callable[[DataFrame, int], None]


def compute_batch(
    batch: pl.DataFrame,
    stored: DataFrame,
    labels: DataFrame,
    settings: FeatureSettings = DEFAULTS,
    groups: Sequence[FeatureGroup] = GROUPS,
) -> pl.DataFrame:
    """Compute the features of the batch's transactions, each as known at its own time.

    Args:
        batch: the columns `contract.KEYS`, one row a transaction, in any order; rows that the table has already (a
            batch that comes again) are computed as if it had not.
        stored: the table of features, with the history before the batch.
        labels: transaction_id, is_fraud, known_at, as they are now.
        settings: the label delay.
        groups: what to compute.

    Returns:
        One row a transaction of the batch: the keys and the features, those that engine `single_node` computes of the
        whole history, to the last bit.

    Raises:
        DataError: a transaction occurs twice, or a row breaks the contract.
    """
    keys = batch.select(KEYS)
    history = SparkHistory(stored, labels, Changes(keys.clear(), keys), settings)
    rows = recompute(touch_by_events(keys), history, settings, groups)
    return rows.join(keys, on="transaction_id", how="semi")


def make_batch_function(
    read_stored: Read, read_labels: Read, publish: Publish, settings: FeatureSettings = DEFAULTS
) -> Publish:
    """A function for `foreachBatch`: computes each batch's features and hands them on with the batch's number.

    The tables are read anew for each batch, for a frame stays with the version that it was made from; so a batch sees
    what was published before it. A batch that fails, or is
    killed, comes again with the same number; let `publish` merge by transaction_id, so that it counts once.
    """

    def process(batch: DataFrame, number: int) -> None:
        keys = to_polars(batch.select(*KEYS))
        if keys.is_empty():
            return
        features = compute_batch(keys, read_stored(), read_labels(), settings)
        publish(to_spark(batch.sparkSession, features).withColumn("event_date", F.to_date("event_time")), number)

    return process
