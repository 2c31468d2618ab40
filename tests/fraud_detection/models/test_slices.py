from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from fraud_detection.models.slices import Past, measure_slices, slice_columns

MONDAY = datetime(2018, 8, 6, 12, tzinfo=UTC)


def make_judged(*lines):
    """Rows from (days after Monday, card, cents, is_fraud)."""
    return pl.DataFrame(
        {
            "event_time": [MONDAY + timedelta(days=day) for day, _, _, _ in lines],
            "customer_id": [card for _, card, _, _ in lines],
            "terminal_id": ["shop", "kiosk", "mall"][: len(lines)],
            "amount_cents": [cents for _, _, cents, _ in lines],
            "is_fraud": [fraud for _, _, _, fraud in lines],
        }
    )


def make_past(**days_before):
    """The first transaction of each card, so many days before Monday; the mall is busy."""
    first = [MONDAY - timedelta(days=days) for days in days_before.values()]
    return Past(
        pl.DataFrame({"customer_id": list(days_before), "first_seen": first}),
        pl.DataFrame({"terminal_id": ["mall", "shop"], "visits": [2, 1]}),
    )


def test_a_row_belongs_to_a_band_of_amount_a_weekday_and_the_new_or_known_cards():
    judged = make_judged((0, "old", 2_000, True), (6, "young", 2_001, False), (0, "unseen", 22_001, False))
    expected = pl.DataFrame(
        {
            "amount": ["up to 20", "20-100", "above 220"],
            "weekday": ["Monday", "Sunday", "Monday"],
            "customer": ["known", "new", "new"],
            "customer_age": ["30 to 60 days", "under 30 days", "under 30 days"],
            "terminal": ["usual", "quiet", "busy"],
        }
    )
    assert_frame_equal(slice_columns(judged, make_past(old=30, young=23, other=90)), expected)


def test_a_slice_is_measured_where_it_holds_both_classes():
    judged = make_judged((0, "a", 100, True), (0, "a", 100, False), (1, "a", 100, False))
    days = measure_slices(judged, make_past(a=90), np.array([0.9, 0.1, 0.5])).filter(pl.col("kind") == "weekday")
    assert days.select("slice", "rows", "frauds", "auc_roc", "average_precision").rows() == [
        ("Monday", 2, 1, 1.0, 1.0),
        ("Tuesday", 1, 0, None, None),
    ]
