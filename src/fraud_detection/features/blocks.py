"""Runs a feature group over rows in blocks of whole entities: small arrays, bounded memory, several cores."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from fraud_detection.errors import DataError
from fraud_detection.features.contract import ORDER
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.settings import FeatureSettings

BLOCK_ROWS = 200_000
READ_BY_EVERY_GROUP = ("event_time", "amount_cents", "is_fraud", "known_at")


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


def add_group(rows: pl.DataFrame, group: FeatureGroup, settings: FeatureSettings, threads: int) -> pl.DataFrame:
    """Add one group's columns to rows ordered by time; they stay in that order."""
    if group.entity == "transaction_id":
        return group.add(rows, settings)
    order = _gather_entities(rows, group.entity)
    gathered = rows.select(group.entity, *READ_BY_EVERY_GROUP, *group.needs)[order]
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda block: group.add(block, settings), cut_blocks(gathered, group.entity))
        features = pl.concat([part.select(group.columns) for part in parts])
    return rows.hstack(features[_inverse(order)])


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
