"""What a Spark worker runs on one shard: whole entities in, the same rows with features out.

Polars reads its number of threads when it is first imported, and each worker has one core; so this module imports
nothing of Polars before that number is set.
"""

import os
from dataclasses import dataclass

import pyarrow as pa

from fraud_detection.features.settings import FeatureSettings


@dataclass(frozen=True)
class ShardWork:
    """Names of the groups to compute, the features that rows come with, the columns that they leave with."""

    groups: tuple[str, ...]
    features: tuple[str, ...]
    columns: tuple[str, ...]
    settings: FeatureSettings


def compute_shard(shard: pa.Table, work: ShardWork) -> pa.Table:
    """Add the features of some groups to whole entities of one kind, in any order."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from fraud_detection.features.blocks import compute_groups  # noqa: PLC0415  imports Polars

    rows = compute_groups(shard, work.groups, work.features, work.settings).select(work.columns)
    return rows.cast(pa.schema([_spark_type(field) for field in rows.schema]))


def _spark_type(field: pa.Field) -> pa.Field:
    """Spark takes strings with 32-bit offsets."""
    return field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
