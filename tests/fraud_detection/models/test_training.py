from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from fraud_detection.config import load_section
from fraud_detection.errors import ConfigurationError, ModelError
from fraud_detection.models import boosting, split
from fraud_detection.models.metrics import evaluate
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.training import score_rows, train_candidate

TIMES = ("seconds", "began")
FEATURES = ("amount", "is_weekend", "is_night", "terminal_fraud_share")


def test_a_candidate_ranks_fraud_above_the_rest_and_gives_probabilities(candidate, rows, fold):
    judged = split.evaluation_rows(rows, fold)
    result = evaluate(judged, score_rows(candidate.scorer, judged))
    assert result.auc_roc > 0.7
    assert result.average_precision > 0.3
    assert result.calibration_error < result.frauds / result.rows


def test_training_is_the_same_for_the_same_seed_whatever_the_order_of_the_rows(candidate, rows, fold):
    again = train_candidate(rows.sample(fraction=1, shuffle=True, seed=9), FEATURES, fold, candidate.settings)
    judged = split.evaluation_rows(rows, fold)
    np.testing.assert_array_equal(score_rows(again.scorer, judged), score_rows(candidate.scorer, judged))
    assert again.study.trials.drop(TIMES).equals(candidate.study.trials.drop(TIMES))


def test_another_seed_gives_another_model(candidate, rows, fold):
    other = train_candidate(rows, FEATURES, fold, replace(candidate.settings, seed=1))
    judged = split.evaluation_rows(rows, fold)
    assert not np.array_equal(score_rows(other.scorer, judged), score_rows(candidate.scorer, judged))


def test_no_label_that_came_after_the_test_week_began_changes_the_model(candidate, rows, fold):
    late = pl.col("known_at") > fold.test_start
    poisoned = rows.with_columns(pl.when(late).then(~pl.col("is_fraud")).otherwise("is_fraud").alias("is_fraud"))
    again = train_candidate(poisoned, FEATURES, fold, candidate.settings)
    judged = split.evaluation_rows(rows, fold)
    np.testing.assert_array_equal(score_rows(again.scorer, judged), score_rows(candidate.scorer, judged))


def test_the_held_out_days_are_the_last_of_the_window_and_are_not_fitted_on(candidate, rows, fold):
    start = fold.train_end - timedelta(days=candidate.settings.held_out_days)
    assert candidate.held_out["event_time"].min() >= start
    assert candidate.held_out["event_time"].max() < fold.train_end
    window = split.training_rows(rows, fold, candidate.settings.window_days)
    assert candidate.rows + candidate.held_out.height == window.height


def test_without_trials_the_given_parameters_are_taken(rows, fold, candidate):
    settings = replace(candidate.settings, trials=0, parameters={"max_depth": 2})
    plain = train_candidate(rows, FEATURES, fold, settings)
    assert plain.study is None
    assert plain.parameters == {**boosting.STARTING_POINT, "max_depth": 2}


def test_a_window_without_fraud_is_refused_by_name(rows, fold, candidate):
    clean = rows.with_columns(is_fraud=pl.lit(value=False))
    with pytest.raises(ModelError, match="the training window holds 0 frauds"):
        train_candidate(clean, FEATURES, fold, replace(candidate.settings, trials=0))


def test_a_sample_holds_every_fraud_and_keeps_the_weight_of_the_others(rows):
    labelled = rows.head(20_000)
    sample = boosting.draw_sample(labelled, FEATURES, 0.1, seed=3)
    assert sample.labels.sum() == labelled["is_fraud"].sum()
    assert sample.weights[~sample.labels].sum() == pytest.approx((~labelled["is_fraud"]).sum(), rel=0.1)
    assert sample.matrix.dtype == np.float32


def test_a_missing_value_reaches_the_booster_as_nan():
    frame = pl.DataFrame({"a": [1, None], "b": [True, False]})
    np.testing.assert_array_equal(boosting.feature_matrix(frame, ["b", "a"]), [[1, 1], [0, np.nan]])


def test_unknown_settings_are_refused_and_so_are_impossible_ones():
    with pytest.raises(ConfigurationError, match="training has no setting trails; known are window_days"):
        load_section(TrainingSettings, {"trails": 3}, "training")
    with pytest.raises(ConfigurationError, match=r"negative_share is 0\.0; expected a share"):
        TrainingSettings(negative_share=0)
