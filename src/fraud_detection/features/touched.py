"""Which rows a change can have touched: for each entity the span of time in which its features may differ."""

from datetime import timedelta

import polars as pl

from fraud_detection.features.contract import UTC_TIME
from fraud_detection.features.stages import Stage

SPAN = ("wanted_from", "wanted_to", "read_from")


def touch_by_events(images: pl.DataFrame) -> pl.DataFrame:
    """Moments from which transactions count, or counted: one row an image, old or new, of a changed transaction.

    Args:
        images: transaction_id, event_time, customer_id, terminal_id.
    """
    return images.select(
        "customer_id", "terminal_id", pl.col("event_time").alias("moment"), is_label=pl.lit(value=False)
    )


def touch_by_labels(images: pl.DataFrame, labels: pl.DataFrame, delay_days: int) -> pl.DataFrame:
    """Moments from which labels count, or counted.

    Args:
        images: all images of the transactions that the labels are about.
        labels: transaction_id, known_at: all images of labels that changed, or whose transaction did.
        delay_days: the label delay.
    """
    seen = images.join(labels, on="transaction_id", how="inner")
    return seen.select(
        "customer_id", "terminal_id", visible_at(delay_days).alias("moment"), is_label=pl.lit(value=True)
    )


def find_spans(touches: pl.DataFrame, stage: Stage, delay_days: int) -> pl.DataFrame:
    """For each touched entity of a stage: the rows to compute, and how far back to read.

    Returns:
        The entity; rows with event_time from wanted_from to wanted_to are computed; rows that lie after read_from, on
        the clock of the stage, are read.
    """
    look_back, reach = timedelta(days=stage.look_back_days), timedelta(days=stage.reach_days)
    delay = timedelta(days=delay_days if stage.is_delayed else 0)
    first, last = pl.col("moment").min(), pl.col("moment").max()
    seen = touches if stage.is_delayed else touches.filter(~pl.col("is_label"))
    spans = seen.group_by(stage.entity).agg(
        first.alias("wanted_from"), (last + reach + delay).alias("wanted_to"), (first - look_back).alias("read_from")
    )
    return spans.with_columns(pl.col(SPAN).cast(UTC_TIME))


def visible_at(delay_days: int) -> pl.Expr:
    """When the label of a row counts; where there is none, when its event does after the delay."""
    return pl.max_horizontal(pl.col("event_time") + timedelta(days=delay_days), "known_at")
