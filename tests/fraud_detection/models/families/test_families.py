"""Families of one node, and how their numbers are stored."""

import json
from dataclasses import replace

import mlflow
import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fraud_detection.config import load_section
from fraud_detection.errors import ConfigurationError
from fraud_detection.models import plots, split, tracking
from fraud_detection.models.boosting import draw_sample, feature_matrix
from fraud_detection.models.families.registry import find_family
from fraud_detection.models.metrics import evaluate
from fraud_detection.models.provenance import Provenance
from fraud_detection.models.scorer import Calibration, Linear, Scorer
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.training import fit_candidate, score_rows, train_candidate
from fraud_detection.models.where import Choice

FEATURES = ("amount", "is_weekend", "is_night", "terminal_fraud_share")


@pytest.fixture(scope="module")
def logistic(rows, fold, candidate):
    settings = replace(candidate.settings, family="logistic_regression", negative_share=1, trials=3)
    return train_candidate(rows, FEATURES, fold, settings)


def make_forest(seed=0):
    """Trees whose leaves sum to a share between 0 and 1, of two features."""
    matrix = np.random.default_rng(seed).normal(size=(400, 2)).astype(np.float32)
    votes = np.clip(matrix[:, 0] + 0.5, 0, 1)
    data = xgb.QuantileDMatrix(matrix, label=votes)
    return xgb.train({"objective": "reg:squarederror", "base_score": 0.0, "max_depth": 3}, data, 8), matrix


def test_logistic_regression_gives_the_probabilities_of_scikit_learn_with_gaps_filled_by_medians(rows, fold, logistic):
    settings = logistic.settings
    window = split.training_rows(rows, fold, settings.window_days).sort("event_time", "transaction_id")
    fitted = window.filter(
        pl.col("event_time") < logistic.held_out["event_time"].min().replace(hour=0, minute=0, second=0)
    )
    sample = draw_sample(fitted, FEATURES, 1, settings.seed)
    pipeline = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=1_000))
    pipeline.fit(sample.matrix.astype(np.float64), sample.labels)
    matrix = feature_matrix(logistic.held_out, FEATURES)
    matrix[::3, 0] = matrix[::5, 3] = np.nan
    expected = pipeline.predict_proba(matrix.astype(np.float64))[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-logistic.scorer.margins(matrix))), expected, atol=1e-9)


def test_logistic_regression_is_calibrated_alerts_and_is_not_searched(rows, fold, logistic):
    judged = split.evaluation_rows(rows, fold)
    assert evaluate(judged, score_rows(logistic.scorer, judged)).auc_roc > 0.6
    assert logistic.study is None
    assert logistic.parameters == {"C": 1.0, "max_iter": 1_000, "scale_pos_weight": 1}
    assert logistic.scorer.threshold > 0


def test_a_model_without_trees_is_logged_with_where_it_was_trained_and_scores_through_mlflow(
    store, logistic, rows, fold
):
    choice = Choice("sampled", "logistic_regression", "the settings ask for sampled")
    tried = pl.DataFrame({"C": [1.0], "value": [0.5]})
    run_id = tracking.log_candidate(replace(logistic, choice=choice, tried=tried), Provenance({"silver_labels": 5}))
    run = store.get_run(run_id)
    assert run.data.params["family"] == "logistic_regression"
    assert run.data.params["where_reason"] == "the settings ask for sampled"
    assert run.data.params["logistic_regression.C"] == "1.0"
    assert "trees" not in run.data.params
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/cross_validation.csv").splitlines() == ["C,value", "1.0,0.5"]
    judged = split.evaluation_rows(rows, fold)
    given = tracking.load_model(tracking.model_uri(run_id)).score(judged)
    np.testing.assert_array_equal(given, score_rows(logistic.scorer, judged))


def test_a_fraud_weighs_what_the_parameters_say(rows, fold, logistic):
    heavier = fit_candidate(rows, FEATURES, fold, logistic.settings, {**logistic.parameters, "scale_pos_weight": 20})
    assert heavier.scorer.linear[0].intercept > logistic.scorer.linear[0].intercept + 1


def test_linear_contributions_and_the_intercept_sum_to_the_margin_and_an_average_feature_adds_nothing():
    linear = Linear((2.0, -1.0), (3.0, 4.0), (0.5, 2.0), (3.5, 4.0), -5.0)
    matrix = np.array([[3.0, 4.0], [4.0, np.nan], [np.nan, 8.0]], dtype=np.float32)
    added = linear.contributions(matrix)
    np.testing.assert_allclose(added, [[0, 0], [4, 0], [2, -2]])
    np.testing.assert_allclose(linear.margins(matrix), [-5, -1, -5])


def test_the_log_odds_of_a_forest_are_finite_and_its_contributions_sum_to_them_up_to_a_constant():
    forest, matrix = make_forest()
    scorer = Scorer(("a", "b"), forests=(forest,))
    margins = scorer.margins(matrix)
    assert np.isfinite(margins).all()
    share = forest.inplace_predict(matrix)
    inner = (share > 0.01) & (share < 0.99)
    np.testing.assert_allclose(1 / (1 + np.exp(-margins[inner])), share[inner], atol=1e-6)
    assert np.ptp(scorer.contributions(matrix).sum(axis=1) - margins) < 1e-3


def test_parts_of_several_kinds_are_averaged_on_log_odds_stored_and_loaded(candidate, logistic, tmp_path):
    whole = replace(candidate.scorer, linear=logistic.scorer.linear)
    whole.save(tmp_path)
    matrix = feature_matrix(candidate.held_out, FEATURES)
    parts = [*[replace(candidate.scorer, boosters=(one,)) for one in candidate.scorer.boosters], logistic.scorer]
    expected = np.mean([part.margins(matrix) for part in parts], axis=0)
    loaded = Scorer.load(tmp_path)
    np.testing.assert_allclose(loaded.margins(matrix), expected, atol=1e-6)
    np.testing.assert_array_equal(loaded.probabilities(matrix), whole.probabilities(matrix))
    assert loaded.linear == whole.linear
    assert {file.suffix for file in tmp_path.iterdir()} == {".ubj", ".json"}


def test_a_judgement_holds_the_probabilities_and_reasons_to_the_last_bit(candidate, logistic):
    whole = replace(candidate.scorer, linear=logistic.scorer.linear)
    rows = feature_matrix(candidate.held_out, FEATURES)[:300].copy()
    rows[::7, 0] = np.nan
    forest, plain = make_forest()
    for scorer, matrix in ((whole, rows), (whole, rows[:1]), (Scorer(("a", "b"), forests=(forest,)), plain)):
        probabilities, reasons = scorer.judge(matrix, 3)
        np.testing.assert_array_equal(probabilities, scorer.probabilities(matrix))
        assert reasons == scorer.reasons(matrix, 3)


def test_a_model_of_the_first_format_loads_and_one_of_the_future_is_refused(candidate, tmp_path):
    candidate.scorer.save(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    first = {key: value for key, value in described.items() if key not in {"forests", "linear"}} | {"format": 1}
    (tmp_path / "model.json").write_text(json.dumps(first))
    matrix = feature_matrix(candidate.held_out, FEATURES)
    np.testing.assert_array_equal(Scorer.load(tmp_path).probabilities(matrix), candidate.scorer.probabilities(matrix))
    (tmp_path / "model.json").write_text(json.dumps({**described, "format": 3}))
    with pytest.raises(ValueError, match=r"format 3; expected one of \(1, 2\)"):
        Scorer.load(tmp_path)


def test_importances_of_a_linear_model_are_its_coefficients():
    scorer = Scorer(("a", "b"), linear=(Linear((3.0, -1.0), (0, 0), (1, 1), (0, 0), 0.0),), calibration=Calibration())
    assert plots.gain_shares(scorer) == {"a": 0.75, "b": 0.25}


def test_an_unknown_family_is_refused_and_the_known_are_named():
    with pytest.raises(ConfigurationError, match=r"training\.family is 'svm': .*'xgboost', 'xgboost_spark'"):
        load_section(TrainingSettings, {"family": "svm"}, "training")


def test_a_parameter_that_a_family_does_not_know_is_refused_and_the_known_are_named():
    with pytest.raises(ConfigurationError, match="of logistic_regression names max_depth; known are C, max_iter"):
        find_family("logistic_regression").complete({"max_depth": 3})
    assert find_family("xgboost").complete({"gamma": 1})["gamma"] == 1


def test_a_family_of_spark_is_not_fitted_on_rows_that_are_here(rows, fold, candidate):
    with pytest.raises(ConfigurationError, match=r"training\.family is spark_gbt, which needs rows in Spark"):
        train_candidate(rows, FEATURES, fold, replace(candidate.settings, family="spark_gbt"))
