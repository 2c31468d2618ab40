"""Computes some rows of a history whose other rows have been computed before.

The groups run as ever. What a group computes for a row that is not wanted may lack its look-back, so where another
group needs that value, the stored one takes its place.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa

from fraud_detection.errors import DataError
from fraud_detection.features.blocks import add_groups, from_arrow, order_rows
from fraud_detection.features.contract import HISTORY, prepare_history
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.rows import EntityRows
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spans import Numbers
from fraud_detection.features.stages import Stage

WANTED = "is_wanted"


def compute_wanted(rows: pl.DataFrame, stage: Stage, settings: FeatureSettings, threads: int) -> pl.DataFrame:
    """Compute one stage for the rows that are wanted.

    Args:
        rows: whole entities as far as the look-back of the wanted rows: the columns of `contract.HISTORY`,
            `stage.stored`, and `is_wanted`; in any order.
        stage: what to compute.
        settings: the label delay.
        threads: how many blocks are computed at once.

    Returns:
        The wanted rows, ordered by (event_time, transaction_id): `HISTORY`, the features of the stage, and under
        `stored_name(...)` what was stored of those that groups need.

    Raises:
        DataError: the history breaks its contract, or a row that is not wanted lacks a feature that a group needs.
    """
    ordered = order_rows(prepare_history(rows, (*stage.stored, WANTED)))
    _refuse_unstored(ordered, stage)
    given = ordered.rename({name: stored_name(name) for name in stage.kept})
    groups = [keep_stored(group, stage.kept) for group in stage.groups]
    computed = add_groups(given, stage.entity, groups, settings, threads).filter(WANTED)
    return computed.select(*HISTORY, *stage.columns, *map(stored_name, stage.kept))


def add_to_wanted(table: pa.Table, stage: Stage, settings: FeatureSettings) -> pa.Table:
    """The same on an Arrow table, on one thread."""
    return compute_wanted(from_arrow(table), stage, settings, threads=1).to_arrow(compat_level=pl.CompatLevel.oldest())


def stored_name(feature: str) -> str:
    """The column that holds what was stored of a feature that is computed anew."""
    return f"stored_{feature}"


def keep_stored(group: FeatureGroup, kept: Sequence[str]) -> FeatureGroup:
    """The same group, whose needed columns are the stored ones in all rows but those wanted."""
    own = [name for name in group.columns if name in kept]

    def compute(rows: EntityRows) -> list[Numbers]:
        values = dict(zip(group.columns, group.compute(rows), strict=True))
        given = {name: np.where(rows[WANTED], values[name], rows[stored_name(name)]) for name in own}
        return list((values | given).values())

    return replace(group, compute=compute, needs=(*group.needs, WANTED, *map(stored_name, own))) if own else group


def _refuse_unstored(rows: pl.DataFrame, stage: Stage) -> None:
    for name in stage.stored:
        lacking = rows.filter(pl.col(name).is_null() & (~pl.col(WANTED) | pl.lit(name in stage.brought)))
        if lacking.height:
            example = lacking["transaction_id"][0]
            raise DataError(
                f"{lacking.height} rows of the history lack {name}, such as transaction {example}; expected what was "
                "computed for them before: build the features of the history first"
            )
