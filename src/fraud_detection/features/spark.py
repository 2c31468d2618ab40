"""Engine `spark`: the groups of `single_node`, computed shard by shard on a cluster, equal to the last bit.

Entities are cut into shards by a hash; each kind of entity costs one shuffle, and nothing is joined back, for rows
travel with the features that they have so far. Works on classic sessions and on Spark Connect.
"""

from collections.abc import Callable, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DoubleType, IntegerType, StructField, StructType, TimestampType

from fraud_detection.features.contract import HISTORY, KEYS, check_columns
from fraud_detection.features.feature import Entity, FeatureGroup
from fraud_detection.features.registry import FEATURES, GROUPS, columns_of
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.shard import ShardWork, compute_shard

DEFAULTS = FeatureSettings()


def compute_features(
    history: DataFrame, settings: FeatureSettings = DEFAULTS, groups: Sequence[FeatureGroup] = GROUPS
) -> DataFrame:
    """Compute the features of every transaction.

    Args:
        history: one row a transaction, with the columns of `contract.HISTORY`, in any order.
        settings: the label delay and the number of shards.
        groups: what to compute, out of the registry; groups that others need come before them.

    Returns:
        One row a transaction, in no order: the keys, then the features of the groups. A history that breaks its
        contract fails when the result is read.

    Raises:
        DataError: the history lacks a column.
    """
    check_columns(history.columns)
    rows = history.select(*HISTORY)
    for entity, same in _by_entity(groups).items():
        rows = _add_entity(rows, entity, same, settings)
    return rows.select(*KEYS, *columns_of(groups))


def _by_entity(groups: Sequence[FeatureGroup]) -> dict[Entity, list[FeatureGroup]]:
    """Groups by the entity that they are sharded by; those that need only their own row go with the first."""
    own_row: Entity = "transaction_id"
    first = next((group.entity for group in groups if group.entity != own_row), own_row)
    stages: dict[Entity, list[FeatureGroup]] = {first: []}
    for group in groups:
        stages.setdefault(first if group.entity == own_row else group.entity, []).append(group)
    return stages


def _add_entity(rows: DataFrame, entity: Entity, groups: list[FeatureGroup], settings: FeatureSettings) -> DataFrame:
    """One shuffle: whole entities of one kind come together, and every group of that kind is added."""
    earlier = tuple(name for name in rows.columns if name not in HISTORY)
    columns = (*HISTORY, *earlier, *columns_of(groups))
    work = ShardWork(tuple(group.name for group in groups), earlier, columns, settings)
    shard = F.pmod(F.xxhash64(entity), F.lit(settings.shards)).alias("shard")
    return rows.groupBy(shard).applyInArrow(_apply(work), _schema(rows.schema, columns))


def _apply(work: ShardWork) -> Callable[[pa.Table], pa.Table]:
    """Spark reads the kind of function off its annotations, so a partial would not do."""

    def compute(shard: pa.Table) -> pa.Table:
        return compute_shard(shard, work)

    return compute


def _schema(rows: StructType, columns: tuple[str, ...]) -> StructType:
    given = {field.name: field.dataType for field in rows}
    times: dict[str, DataType] = {"event_time": TimestampType(), "known_at": TimestampType()}
    types = {"float64": DoubleType(), "int32": IntegerType()}
    features: dict[str, DataType] = {feature.name: types[feature.type] for feature in FEATURES}
    return StructType([StructField(name, (given | times | features)[name]) for name in columns])
