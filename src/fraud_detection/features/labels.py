"""What the visible labels say, in the order in which they became visible."""

import polars as pl

from fraud_detection.features.point_in_time import Timeline
from fraud_detection.features.spans import Bools


def visible_frauds(rows: pl.DataFrame, timeline: Timeline) -> Bools:
    """For each visible label whether it says fraud."""
    return visible(rows["is_fraud"].fill_null(value=False), timeline)


def visible(marks: pl.Series, timeline: Timeline) -> Bools:
    """For each visible label a mark of the transaction that it is about."""
    return marks.to_numpy()[timeline.label_rows]
