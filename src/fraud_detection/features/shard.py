"""What a Spark worker runs on one shard: whole entities in, the same rows with features out.

Polars reads its number of threads when it is first imported, and each worker has one core; so this module imports
nothing of Polars before that number is set, and the stage, whose groups import Polars, travels as bytes.
"""

import os
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from fraud_detection.features.settings import FeatureSettings

BATCH_ROWS = 20_000
"""What is handed to Spark at once."""


@dataclass(frozen=True)
class ShardWork:
    """What to compute.

    Attributes:
        stage: a pickled `stages.Stage`.
        features: the features that rows come with.
        columns: what rows leave with.
        only_wanted: whether rows come with what was stored, and only those leave that are wanted.
    """

    stage: bytes
    features: tuple[str, ...]
    columns: tuple[str, ...]
    settings: FeatureSettings
    only_wanted: bool = False


def compute_shard(batches: Iterable[pa.RecordBatch], work: ShardWork) -> Iterator[pa.RecordBatch]:
    """Add the features of a stage to whole entities of one kind, in any order."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from fraud_detection.features.blocks import add_to_table  # noqa: PLC0415  imports Polars
    from fraud_detection.features.partial import add_to_wanted  # noqa: PLC0415  imports Polars

    received = list(batches)
    if not received:
        return
    shard, stage = pa.Table.from_batches(received), pickle.loads(work.stage)  # noqa: S301  made by engine `spark`
    if work.only_wanted:
        rows = add_to_wanted(shard, stage, work.settings)
    else:
        rows = add_to_table(shard, stage, work.features, work.settings)
    rows = rows.select(work.columns)
    yield from rows.cast(pa.schema([_spark_type(field) for field in rows.schema])).to_batches(BATCH_ROWS)


def _spark_type(field: pa.Field) -> pa.Field:
    """Spark takes strings with 32-bit offsets."""
    return field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
