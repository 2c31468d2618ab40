"""Engine `spark`: the groups of `single_node`, computed shard by shard on a cluster, equal to the last bit.

Entities are cut into shards by a hash; each kind of entity costs one shuffle, and nothing is joined back, for rows
travel with the features that they have so far. Works on classic sessions and on Spark Connect.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql.types import DataType, DoubleType, IntegerType, StructField, StructType, TimestampType

from fraud_detection.features.contract import HISTORY, KEYS, check_columns
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.partial import WANTED, stored_name
from fraud_detection.features.registry import GROUPS, columns_of
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.shard import ShardWork, compute_shard
from fraud_detection.features.stages import Stage, plan_stages

DEFAULTS = FeatureSettings()


def compute_features(
    history: DataFrame, settings: FeatureSettings = DEFAULTS, groups: Sequence[FeatureGroup] = GROUPS
) -> DataFrame:
    """Compute the features of every transaction.

    Args:
        history: one row a transaction, with the columns of `contract.HISTORY`, in any order.
        settings: the label delay and the number of shards.
        groups: what to compute; groups that others need come before them.

    Returns:
        One row a transaction, in no order: the keys, then the features of the groups. A history that breaks its
        contract fails when the result is read.

    Raises:
        DataError: the history lacks a column.
    """
    check_columns(history.columns)
    rows = history.select(*HISTORY)
    *_, last = stages = plan_stages(groups)
    for stage in stages:
        earlier = tuple(name for name in rows.columns if name not in HISTORY)
        columns = (*(KEYS if stage is last else HISTORY), *earlier, *stage.columns)
        work = ShardWork(_pickle(stage), earlier, columns, settings)
        rows = _apply_to_shards(rows, stage, work)
    return rows.select(*KEYS, *columns_of(groups))


def compute_wanted(rows: DataFrame, stage: Stage, settings: FeatureSettings) -> DataFrame:
    """`partial.compute_wanted`, shard by shard."""
    columns = (*HISTORY, *stage.columns, *map(stored_name, stage.kept))
    work = ShardWork(_pickle(stage), (), columns, settings, only_wanted=True)
    return _apply_to_shards(rows.select(*HISTORY, *stage.stored, WANTED), stage, work)


def _apply_to_shards(rows: DataFrame, stage: Stage, work: ShardWork) -> DataFrame:
    """One shuffle: whole entities of one kind come together in a partition, and every group of that kind is added.

    A number of partitions that is given is kept by Spark; nothing splits or joins them.
    """
    shards = rows.repartition(work.settings.shards, stage.entity)
    return shards.mapInArrow(_apply(work), _schema(rows.schema, stage, work.columns))


def _pickle(stage: Stage) -> bytes:
    pickled: bytes = cloudpickle.dumps(stage)  # type: ignore[no-untyped-call]
    return pickled


def _apply(work: ShardWork) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def compute(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from compute_shard(batches, work)

    return compute


def _schema(rows: StructType, stage: Stage, columns: tuple[str, ...]) -> StructType:
    given = {field.name: field.dataType for field in rows}
    times: dict[str, DataType] = {"event_time": TimestampType(), "known_at": TimestampType()}
    types = {"float64": DoubleType(), "int32": IntegerType()}
    features: dict[str, DataType] = {f.name: types[f.type] for group in stage.groups for f in group.features}
    stored = {stored_name(name): kind for name, kind in features.items()}
    return StructType([StructField(name, (given | times | features | stored)[name]) for name in columns])
