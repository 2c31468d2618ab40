"""Scoring in batch on tables: what is scored, what is left alone, and what comes out."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyspark.sql import functions as F

from fraud_detection.errors import ModelError
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.table import feature_table
from fraud_detection.schemas import PREDICTIONS, TRANSACTION_FEATURES
from fraud_detection.scoring.batch import Scored, score_batch, score_turns
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.decisions import feature_matrix
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.turns import Turn

SETTINGS = ScoringSettings(days=7, reasons="alerts", most_reasons=2)


def publish(spark, tables, rows):
    """Merge rows into the table of features, whose other columns stay empty."""
    tables.create_schema(spark)
    tables.ensure(spark, feature_table())
    present = dict(spark.table(tables.name(TRANSACTION_FEATURES)).dtypes)
    absent = {name: F.lit(None).cast(kind) for name, kind in present.items() if name not in rows.columns}
    tables.merge(feature_table(), to_spark(spark, rows).withColumns(absent))


def read(spark, tables):
    return to_polars(tables.read(spark, PREDICTIONS.name)).sort("model_version", "transaction_id")


def test_each_transaction_of_the_window_is_scored_once_by_each_version(spark, tables, make_scorer, make_features, now):
    first, second = Model("fraud", 1, make_scorer()), Model("fraud", 2, make_scorer(0.2, seed=5))
    rows = make_features(10, 99.99, 45)
    too_old = make_features(99, start=now - timedelta(days=8), first=10)
    too_new = make_features(99, start=now, first=20)
    publish(spark, tables, pl.concat([rows, too_old, too_new]))

    done = score_batch(spark, tables, first, SETTINGS, now)
    found = read(spark, tables)
    (batch,) = rows.to_arrow().combine_chunks().to_batches()
    probabilities = first.scorer.probabilities(feature_matrix(batch, first.scorer.features))
    assert (done.rows, done.alerts) == (3, 1)
    assert found["probability"].to_list() == probabilities.tolist()
    assert found["is_alert"].to_list() == [False, True, False]
    assert found["reasons"].is_not_null().to_list() == [False, True, False]
    assert [str(amount) for amount in found["amount"]] == ["10.00", "99.99", "45.00"]
    same = found.select("threshold", "model_name", "model_version", "variant", "scored_by").unique()
    assert same.rows() == [(0.6, "fraud", 1, "champion", "batch")]

    assert score_batch(spark, tables, first, SETTINGS, now).rows == 0
    assert_frame_equal(read(spark, tables), found)

    dearer = make_features(88).head(1)
    publish(spark, tables, dearer)
    assert score_batch(spark, tables, first, SETTINGS, now).rows == 1
    corrected = read(spark, tables)
    assert str(corrected["amount"][0]) == "88.00"
    assert corrected["is_alert"].to_list() == [True, True, False]
    assert_frame_equal(corrected.tail(2), found.tail(2))

    assert score_batch(spark, tables, second, SETTINGS, now).rows == 3
    both = read(spark, tables)
    assert both["model_version"].to_list() == [1, 1, 1, 2, 2, 2]
    assert_frame_equal(both.head(3), corrected)

    strange = Model("fraud", 3, make_scorer(features=("amount", "no_such_feature")))
    with pytest.raises(ModelError, match="version 3 of fraud reads no_such_feature, which the table"):
        score_batch(spark, tables, strange, SETTINGS, now)


def test_the_champion_scores_the_rows_of_a_challenger_that_fails_among_them(
    spark, tables, make_scorer, numberless, make_features, now
):
    champion, failing = Model("fraud", 1, make_scorer()), Model("fraud", 2, numberless, "challenger")
    publish(spark, tables, make_features(10, 99.99, 45))
    dealt = F.col("transaction_id") == "T1"
    turns = [Turn(champion, ~dealt), Turn(failing, dealt)]

    assert score_turns(spark, tables, turns, SETTINGS, now) == {"champion": Scored(3, 1)}
    assert read(spark, tables).select("transaction_id", "model_version", "variant").rows() == [
        (f"T{number}", 1, "champion") for number in range(3)
    ]

    mended = Turn(Model("fraud", 3, make_scorer(0.2, seed=5), "challenger"), dealt)
    assert score_turns(spark, tables, [turns[0], mended], SETTINGS, now)["challenger"].rows == 0  # it was decided

    shadow = [Turn(champion, F.lit(True)), Turn(replace(failing, variant="shadow"), F.lit(True))]
    assert score_turns(spark, tables, shadow, SETTINGS, now) == {"champion": Scored(0, 0)}
    assert read(spark, tables).height == 3

    with pytest.raises(ModelError, match="version 2 of fraud could not score, and wrote nothing"):
        score_turns(spark, tables, [Turn(replace(failing, variant="champion"), dealt)], SETTINGS, now)
