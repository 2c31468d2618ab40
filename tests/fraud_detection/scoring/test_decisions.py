import json
import math

import numpy as np
import polars as pl
import pytest

from fraud_detection.errors import ModelError
from fraud_detection.models.scorer import Linear, Scorer
from fraud_detection.scoring.decisions import DECISION, decide, feature_matrix
from fraud_detection.scoring.settings import ScoringSettings


def as_batch(rows):
    (batch,) = rows.to_arrow().combine_chunks().to_batches()
    return batch


def decided(rows, scorer, **settings):
    columns = decide(feature_matrix(as_batch(rows), scorer.features), scorer, ScoringSettings(**settings))
    return pl.DataFrame({name: pl.Series(values) for name, values in zip(DECISION, columns, strict=True)})


def test_absent_values_are_nan_whatever_their_type():
    rows = pl.DataFrame({"a": [1.5, None], "b": pl.Series([None, 3], dtype=pl.Int32)})
    expected = np.array([[np.nan, 1.5], [3, np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(feature_matrix(as_batch(rows), ("b", "a")), expected)


def test_an_alert_is_a_probability_at_or_above_the_threshold(make_scorer, make_features):
    rows = make_features(10, 55, 61, 99)
    highest = decided(rows, make_scorer(2.0))["probability"].max()
    at_threshold = decided(rows, make_scorer(highest))
    assert at_threshold["is_alert"].to_list() == (at_threshold["probability"] == highest).to_list()
    assert 0 < at_threshold["is_alert"].sum() < 4


def test_a_model_that_gives_no_number_decides_nothing(make_features):
    broken = Scorer(("amount",), linear=(Linear((math.nan,), (0.0,), (1.0,), (0.0,), 0.0),), threshold=0.5)
    with pytest.raises(ModelError, match="no number for 2 of 2 rows"):
        decided(make_features(10, 99), broken)


@pytest.mark.parametrize(("reasons", "explained"), [("alerts", [2]), ("all", [0, 1, 2]), ("none", [])])
def test_reasons_are_given_where_the_settings_ask_for_them(make_scorer, make_features, reasons, explained):
    found = decided(make_features(10, 12, 99), make_scorer(), reasons=reasons, most_reasons=1)
    assert found["is_alert"].to_list() == [False, False, True]
    assert [place for place, text in enumerate(found["reasons"]) if text is not None] == explained
    for place in explained:
        assert len(json.loads(found["reasons"][place])) <= 1
    if 2 in explained:
        assert json.loads(found["reasons"][2])[0]["feature"] == "amount"


def test_a_row_scores_the_same_alone_and_among_others(make_scorer, make_features):
    rows = make_features(*np.linspace(0, 100, 23))
    together = decided(rows, make_scorer(), reasons="all")
    alone = pl.concat([decided(row, make_scorer(), reasons="all") for row in rows.iter_slices(1)])
    assert alone.equals(together)
