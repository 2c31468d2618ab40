"""Runs feature groups over rows in blocks of whole entities: small arrays, bounded memory, several cores."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import polars as pl
import pyarrow as pa

from fraud_detection.errors import DataError
from fraud_detection.features.contract import ORDER, prepare_history
from fraud_detection.features.feature import Entity, FeatureGroup
from fraud_detection.features.settings import FeatureSettings

BLOCK_ROWS = 200_000
READ_BY_EVERY_GROUP = ("event_time", "amount_cents", "is_fraud", "known_at")


def add_to_table(
    table: pa.Table, groups: Sequence[FeatureGroup], features: Sequence[str], settings: FeatureSettings
) -> pa.Table:
    """Add groups to an Arrow table of whole entities, on one thread.

    Args:
        table: columns of the history and `features`, rows in any order.
        groups: what to compute.
        features: features of earlier groups that the rows have already.
        settings: the label delay.
    """
    rows = order_rows(prepare_history(from_arrow(table), features))
    return add_groups(rows, groups, settings, threads=1).to_arrow(compat_level=pl.CompatLevel.oldest())


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
    rows: pl.DataFrame, groups: Iterable[FeatureGroup], settings: FeatureSettings, threads: int
) -> pl.DataFrame:
    """Add the columns of groups, in their order, to rows ordered by time; they stay in that order."""
    for entity, same in groupby(groups, key=lambda group: group.entity):
        rows = _add_entity(rows, entity, list(same), settings, threads)
    return rows


def _add_entity(
    rows: pl.DataFrame, entity: Entity, groups: list[FeatureGroup], settings: FeatureSettings, threads: int
) -> pl.DataFrame:
    """Gather whole entities of one kind, add all their groups block by block, bring the columns back into order."""
    if entity == "transaction_id":
        return _add_in_turn(rows, groups, settings)
    own = {column for group in groups for column in group.columns}
    needs = {column for group in groups for column in group.needs} - own
    order = _gather_entities(rows, entity)
    gathered = rows.select(entity, *READ_BY_EVERY_GROUP, *sorted(needs))[order]
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(lambda block: _add_in_turn(block, groups, settings), cut_blocks(gathered, entity)))
    return rows.hstack(pl.concat(parts).drop(gathered.columns)[_inverse(order)])


def _add_in_turn(rows: pl.DataFrame, groups: list[FeatureGroup], settings: FeatureSettings) -> pl.DataFrame:
    for group in groups:
        rows = group.add(rows, settings)
    return rows


def cut_blocks(rows: pl.DataFrame, entity: str, block_rows: int = BLOCK_ROWS) -> Iterator[pl.DataFrame]:
    """Cut gathered rows after whole entities, about every block_rows rows; at least one block, if an empty one."""
    number = rows[entity].rle_id().to_numpy()
    ends = np.append(np.flatnonzero(np.diff(number)) + 1, rows.height)
    start, end = 0, -1
    while end < rows.height:
        end = int(ends[np.searchsorted(ends, min(start + block_rows, rows.height))])
        yield rows[start:end]
        start = end


def _gather_entities(rows: pl.DataFrame, entity: str) -> pl.Series:
    """The order that brings each entity's rows together and keeps them in the order of time."""
    positions = rows.select(entity).with_row_index("position")
    return positions.group_by(entity).agg("position").explode("position")["position"]


def _inverse(order: pl.Series) -> pl.Series:
    inverse = np.empty(order.len(), dtype=np.uint32)
    inverse[order.to_numpy()] = np.arange(order.len(), dtype=np.uint32)
    return pl.Series(inverse)
