"""The bins that are kept with a model."""

import numpy as np
import polars as pl
import pytest

from fraud_detection.errors import ModelError
from fraud_detection.models.baseline import MISSING, OUTSIDE, SCORE, describe, make_bins, read_baseline


def test_bins_hold_a_tenth_each_and_count_what_is_absent_or_out_of_range():
    bins = make_bins(np.arange(100.0))
    assert len(bins.edges) == 9
    assert sum(bins.counts[:OUTSIDE]) == 100
    assert set(bins.counts[:OUTSIDE]) <= {9, 10, 11}
    counts = bins.count(np.array([-5.0, 0.0, 99.0, 100.5, np.nan, np.inf]))
    assert (counts[OUTSIDE], counts[MISSING], counts[0], counts[-3]) == (2, 2, 2, 2)


def test_a_column_of_few_values_has_few_bins_and_a_value_on_an_edge_lies_below_it():
    bins = make_bins(np.array([0.0] * 90 + [1.0] * 10))
    assert bins.edges == (0.0,)
    assert bins.counts == (90, 10, 0, 0)


def test_values_are_counted_in_the_precision_that_models_compute_with():
    bins = make_bins(np.array([0.1, 0.2, 0.3], dtype=np.float32))
    assert bins.count(np.array([0.1, 0.2, 0.3])).tolist() == list(bins.counts)


def test_a_column_without_a_value_has_one_bin():
    assert make_bins(np.array([np.nan, np.nan])).counts == (0, 0, 2)


def test_the_baseline_goes_through_json_and_knows_the_volume_of_each_weekday():
    days = pl.datetime_range(pl.datetime(2018, 4, 2), pl.datetime(2018, 4, 15, 23), "1h", time_zone="UTC", eager=True)
    rows = pl.DataFrame({"event_time": days, "x": np.arange(len(days), dtype=np.float64)})
    rows = pl.concat([rows, rows.filter(pl.col("event_time").dt.weekday() == 1)])
    baseline = describe(rows, ["x"], np.linspace(0, 1, rows.height))
    assert set(baseline.columns) == {"x", SCORE}
    assert baseline.rows_by_weekday == (48.0, *[24.0] * 6)
    assert read_baseline(baseline.to_dict()) == baseline
    assert baseline.columns["x"].daily_psi > 1  # x grows with time, so a day of it is unlike the whole
    with pytest.raises(ModelError, match="lacks 'rows'; expected the one that its training kept"):
        read_baseline({"columns": {}})
