"""Who scores which rows: a line-up on the frames of Spark and of Polars."""

from dataclasses import dataclass

import polars as pl
from pyspark.sql import Column
from pyspark.sql import functions as F

from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.variants import DIGITS, PLACES, LineUp


@dataclass(frozen=True)
class Turn:
    """A version, and the rows that it scores."""

    model: Model
    rows: Column


def take_turns(line_up: LineUp) -> list[Turn]:
    """The champion first; then the challenger, if one takes part."""
    everybody = F.lit(True)
    if line_up.challenger is None:
        return [Turn(line_up.champion, everybody)]
    if line_up.shadow:
        return [Turn(line_up.champion, everybody), Turn(line_up.shadow, everybody)]
    dealt = is_dealt_column(F.col("customer_id"), line_up.experiment, line_up.share)
    return [Turn(line_up.champion, ~dealt), Turn(line_up.challenger, dealt)]


def part_rows(line_up: LineUp, rows: pl.DataFrame) -> list[tuple[Model, pl.DataFrame]]:
    """The same for a frame of Polars: each model and its rows, without one that has none."""
    if line_up.challenger is None:
        parts = [(line_up.champion, rows)]
    elif line_up.shadow:
        parts = [(line_up.champion, rows), (line_up.shadow, rows)]
    else:
        dealt = pl.Series([line_up.find_challenger(one) is not None for one in rows["customer_id"]], dtype=pl.Boolean)
        parts = [(line_up.champion, rows.filter(~dealt)), (line_up.challenger, rows.filter(dealt))]
    return [(model, part) for model, part in parts if part.height]


def is_dealt_column(customer_id: Column, experiment: str, share: float) -> Column:
    """As `variants.is_dealt`, for the rows of a frame."""
    digest = F.sha2(F.concat_ws(":", F.lit(experiment), customer_id), 256)
    place = F.conv(F.substring(digest, 1, DIGITS), 16, 10).cast("bigint")
    return place < F.lit(int(share * PLACES))
