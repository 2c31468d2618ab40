"""Runs feature groups over rows in blocks of whole entities: small arrays, bounded memory, several cores."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pyarrow as pa

from fraud_detection.errors import DataError
from fraud_detection.features.contract import ORDER, prepare_history
from fraud_detection.features.feature import Entity, FeatureGroup
from fraud_detection.features.point_in_time import NEVER, build_timeline
from fraud_detection.features.rows import EntityRows, compute_groups
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spans import Ints
from fraud_detection.features.stages import Stage

BLOCK_ROWS = 200_000
READ_BY_EVERY_GROUP = ("event_time", "amount_cents", "is_fraud", "known_at")


def add_to_table(table: pa.Table, stage: Stage, features: Sequence[str], settings: FeatureSettings) -> pa.Table:
    """Add a stage to an Arrow table of whole entities, on one thread.

    Args:
        table: columns of the history and `features`, rows in any order.
        stage: what to compute.
        features: features of earlier groups that the rows have already.
        settings: the label delay.
    """
    rows = order_rows(prepare_history(from_arrow(table), features))
    rows = add_groups(rows, stage.entity, stage.groups, settings, threads=1)
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())


def from_arrow(table: pa.Table) -> pl.DataFrame:
    """A table as a frame."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  a table makes a frame, a column makes a series
    return frame


def order_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Sort by (event_time, transaction_id).

    Raises:
        DataError: a transaction occurs twice.
    """
    ordered = rows.sort(*ORDER)
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in ORDER)
    twice = ordered.filter(same)
    if twice.height:
        example = twice["transaction_id"][0]
        raise DataError(f"{twice.height} rows repeat a transaction, such as {example}; expected one row each")
    return ordered


def add_groups(
    rows: pl.DataFrame, entity: Entity, groups: Sequence[FeatureGroup], settings: FeatureSettings, threads: int
) -> pl.DataFrame:
    """Add the features of groups of one kind of entity to rows ordered by time; they stay in that order."""
    order, number = _gather_entities(rows, entity)
    gathered = rows.select(*READ_BY_EVERY_GROUP, *_needs(groups))[order]
    columns = {f.name: np.empty(rows.height, np.dtype(f.type)) for group in groups for f in group.features}

    def compute(block: slice) -> None:
        computed = compute_groups(to_entity_rows(gathered[block], number[block], settings), groups)
        for name, values in computed.items():
            columns[name][order[block]] = values

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(compute, cut_blocks(number)))
    return rows.hstack(pl.DataFrame(columns))


def to_entity_rows(rows: pl.DataFrame, number: Ints, settings: FeatureSettings) -> EntityRows:
    """Arrays of a frame of whole entities, ordered by (entity, event_time, transaction_id).

    Args:
        rows: the columns `READ_BY_EVERY_GROUP`, and the features that groups need.
        number: a number for each row, the same for those of one entity.
        settings: the label delay.
    """
    time, label = rows["event_time"].to_physical().to_numpy(), rows["is_fraud"]
    known_at = rows["known_at"].to_physical().fill_null(NEVER).to_numpy()
    if label.null_count():
        known_at = np.where(label.is_null().to_numpy(), NEVER, known_at)
    return EntityRows(
        timeline=build_timeline(number, time, known_at, settings.label_delay_days),
        event_time=time,
        amount_cents=rows["amount_cents"].to_numpy(),
        is_fraud=label.fill_null(value=False).to_numpy(),
        features={name: rows[name].to_numpy() for name in rows.columns if name not in READ_BY_EVERY_GROUP},
    )


def cut_blocks(number: Ints, block_rows: int = BLOCK_ROWS) -> Iterator[slice]:
    """Cut gathered rows after whole entities, about every block_rows rows."""
    ends = np.append(np.flatnonzero(np.diff(number)) + 1, number.size)
    start = 0
    while start < number.size:
        end = int(ends[np.searchsorted(ends, min(start + block_rows, number.size))])
        yield slice(start, end)
        start = end


def _needs(groups: Sequence[FeatureGroup]) -> list[str]:
    """Features that come with the rows."""
    own = {column for group in groups for column in group.columns}
    return sorted({column for group in groups for column in group.needs} - own)


def _gather_entities(rows: pl.DataFrame, entity: str) -> tuple[Ints, Ints]:
    """The order that brings each entity's rows together and keeps them in the order of time; the entity's number."""
    positions = rows.select(pl.col(entity).alias("entity")).with_row_index("position")
    gathered = positions.group_by("entity").agg("position")["position"]
    number = np.repeat(np.arange(gathered.len()), gathered.list.len().to_numpy())
    order = gathered.explode().to_numpy() if gathered.len() else np.empty(0, np.int64)
    return order, number
