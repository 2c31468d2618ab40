"""Families that Spark fits, on tiny frames: the numbers that are kept give Spark's own probabilities."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import xgboost as xgb

from fraud_detection.config import load_section
from fraud_detection.errors import MachineError, ModelError
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.models.boosting import feature_matrix
from fraud_detection.models.costs import CostSettings
from fraud_detection.models.families import spark_ml, spark_numbers, xgboost_spark
from fraud_detection.models.families.family import hold_out
from fraud_detection.models.families.registry import find_family
from fraud_detection.models.families.spark_rows import IS_HELD_OUT, LABEL, WEIGHT, RowsInSpark, window_in_spark
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.spark_training import train_in_spark
from fraud_detection.models.split import Fold, training_rows
from fraud_detection.models.where import Room

FEATURES = ("amount", "count", "share", "always")
GB = 10**9
ROOM = Room(memory_bytes=16 * GB, result_bytes=GB, cores=2, spark_cores=2)
FOLD = Fold(datetime(2018, 5, 22, tzinfo=UTC).date())
SETTINGS = TrainingSettings(
    window_days=28,
    held_out_days=7,
    negative_share=0.5,
    boosters=1,
    max_rounds=12,
    patience=12,
    trials=0,
    search_folds=2,
    seed=3,
)
SMALL = {
    "spark_logistic_regression": {"maxIter": 20},
    "spark_random_forest": {"numTrees": 4, "maxDepth": 4, "minInstancesPerNode": 1},
    "spark_gbt": {"maxIter": 4, "maxDepth": 3, "minInstancesPerNode": 1},
    "xgboost": {"min_child_weight": 1, "learning_rate": 0.3, "colsample_bytree": 1},
    "xgboost_spark": {"min_child_weight": 1, "learning_rate": 0.3, "colsample_bytree": 1},
}
RECIPES = {recipe.family: recipe for recipe in spark_ml.RECIPES}


def make_rows(count=2_400, seed=5):
    """A window, its delay and a week more: long tails, gaps, a constant, late labels; a fifth is fraud."""
    draw = np.random.default_rng(seed)
    amount, number = draw.exponential(40, count), draw.integers(0, 6, count)
    share = np.where(draw.random(count) < 0.3, np.nan, draw.random(count))
    fraud = amount / 40 + 2 * np.nan_to_num(share) + draw.normal(0, 0.5, count) > 2.6
    times = [datetime(2018, 5, 1, tzinfo=UTC) + timedelta(minutes=int(m)) for m in draw.integers(0, 42 * 1440, count)]
    rows = pl.DataFrame({"event_time": times, "amount": amount, "count": number, "share": share, "is_fraud": fraud})
    keys = {"customer_id": pl.lit("c") + (pl.int_range(pl.len()) % 50).cast(pl.String), "terminal_id": pl.lit("t")}
    return rows.with_columns(
        **keys,
        transaction_id=pl.int_range(pl.len()).cast(pl.String),
        amount_cents=(pl.col("amount") * 100).cast(pl.Int64),
        known_at=pl.col("event_time")
        + pl.duration(days=pl.when(pl.int_range(pl.len()) % 9 == 0).then(40).otherwise(7)),
        share=pl.col("share").fill_nan(None),
        always=pl.lit(1.0),
    )


@pytest.fixture(scope="module")
def rows():
    return make_rows()


@pytest.fixture(scope="module")
def in_spark(spark, rows):
    return to_spark(spark, rows).persist()


@pytest.fixture(scope="module")
def part(in_spark, tmp_path_factory):
    window = window_in_spark(in_spark, FEATURES, FOLD, SETTINGS).persist()
    held_out = to_polars(window.where(IS_HELD_OUT))
    return RowsInSpark(window, FEATURES, hold_out(held_out, FEATURES), ROOM, tmp_path_factory.mktemp("scratch"))


def train(in_spark, family, tmp_path, **changed):
    settings = load_section(TrainingSettings, {**vars(SETTINGS), "family": family, **changed}, "training")
    return train_in_spark(in_spark, FEATURES, FOLD, settings, CostSettings(), ROOM, tmp_path)


def given_by_spark(model, drawn):
    """Probabilities of fraud by Spark's own transform, beside the features that they were made from."""
    found = model.transform(drawn).select(*FEATURES, "probability").toPandas()
    return feature_matrix(pl.from_pandas(found[list(FEATURES)]), FEATURES), np.array([p[1] for p in found.probability])


def given_by_scorer(scorer, matrix):
    return 1 / (1 + np.exp(-scorer.margins(matrix).astype(np.float64)))


@pytest.mark.parametrize("family", RECIPES)
def test_the_numbers_of_a_pipeline_give_the_probabilities_of_spark_also_after_they_were_stored(part, family, tmp_path):
    recipe = RECIPES[family]
    parameters = {**recipe.start, **SMALL[family]}
    drawn = part.draw_in_spark(0.5, 3)
    model = recipe.pipeline(FEATURES, parameters, 3).fit(drawn)
    recipe.read(model, part).save(tmp_path)
    scorer = Scorer.load(tmp_path)
    matrix, expected = given_by_spark(model, drawn)
    assert np.isnan(matrix).any()
    np.testing.assert_allclose(given_by_scorer(scorer, matrix), expected, atol=1e-6)
    assert expected.max() - expected.min() > 0.3
    added = scorer.contributions(matrix)
    assert np.ptp(added.sum(axis=1) - scorer.margins(matrix)) < 1e-3
    assert np.abs(added[:, FEATURES.index("always")]).max() == 0
    assert list(part.scratch.iterdir()) == []


@pytest.mark.parametrize("single", [True, False])
def test_below_the_first_single_number_above_a_threshold_lie_those_that_are_at_most_the_threshold(single):
    thresholds = np.random.default_rng(0).normal(0, 50, 500)
    thresholds = thresholds.astype(np.float32).astype(np.float64) if single else thresholds
    near = thresholds.astype(np.float32)
    for value in (near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))):
        goes_left_in_spark = value.astype(np.float64) <= thresholds
        np.testing.assert_array_equal(value < spark_numbers._first_above(thresholds), goes_left_in_spark)


def test_the_numbers_of_xgboost_in_spark_are_its_best_trees(part):
    parameters = find_family("xgboost_spark").complete(SMALL["xgboost_spark"])
    drawn = xgboost_spark.draw_and_hold_out(part, SETTINGS, 3)
    model = xgboost_spark.make_estimator(SETTINGS, parameters, 3).fit(drawn)
    booster, best = xgboost_spark.read_booster(model), model.get_booster().best_iteration
    found = model.transform(drawn).select("features", "probability").toPandas()
    matrix = np.array(found["features"].to_list(), dtype=np.float32)
    expected = np.array([probability[1] for probability in found["probability"]])
    assert np.isnan(matrix).any()
    np.testing.assert_allclose(given_by_scorer(Scorer(FEATURES, (booster,)), matrix), expected, atol=1e-6)
    assert booster.predict(xgb.DMatrix(matrix), pred_contribs=True).shape == (matrix.shape[0], len(FEATURES) + 1)
    assert booster.num_boosted_rounds() == best + 1 > 1


def test_a_sample_drawn_in_spark_holds_every_fraud_and_keeps_the_sums_of_the_classes(part, rows):
    window = training_rows(rows, FOLD, SETTINGS.window_days)
    fitted = window.filter(pl.col("event_time") < FOLD.train_end - timedelta(days=SETTINGS.held_out_days))
    drawn = to_polars(part.draw_in_spark(0.25, seed=3, fraud_weight=10))
    frauds = drawn.filter(pl.col(LABEL) == 1)
    others = drawn.filter(pl.col(LABEL) == 0)
    assert frauds.height == fitted["is_fraud"].sum()
    assert frauds[WEIGHT].sum() == 10 * frauds.height
    assert others.height < 0.4 * (~fitted["is_fraud"]).sum()
    assert others[WEIGHT].sum() == pytest.approx((~fitted["is_fraud"]).sum(), rel=0.15)
    assert drawn[IS_HELD_OUT].any() is False
    assert drawn["known_at"].max() <= FOLD.test_start
    assert to_polars(part.draw_in_spark(0.25, seed=4)).height != drawn.height


def test_xgboost_on_one_node_learns_from_a_sample_that_spark_drew(in_spark, rows, tmp_path):
    candidate = train(in_spark, "xgboost", tmp_path, parameters=SMALL["xgboost"], negative_share=1)
    assert candidate.held_out["event_time"].min() >= FOLD.train_end - timedelta(days=SETTINGS.held_out_days)
    window = training_rows(rows, FOLD, SETTINGS.window_days)
    assert candidate.rows + candidate.held_out.height == window.height
    assert 0 < candidate.frauds < candidate.rows
    assert 0 < candidate.scorer.threshold < 1
    scores = candidate.held_out["score"]
    labels = candidate.held_out["is_fraud"]
    assert scores.filter(labels).mean() > 3 * scores.filter(~labels).mean()


def test_with_trials_spark_ml_keeps_the_best_of_its_grid_and_fits_several_at_once(in_spark, tmp_path, monkeypatch):
    real, made = spark_ml.cross_validator, []
    monkeypatch.setattr(spark_ml, "cross_validator", lambda *told: made.append(real(*told)) or made[-1])
    told = {"trials": 2, "parallelism": 3, "parameters": {"maxIter": 10}}
    candidate = train(in_spark, "spark_logistic_regression", tmp_path, **told)
    assert [one.getParallelism() for one in made] == [3]
    assert candidate.tried["regParam"].to_list() == [1e-5, 1e-3]
    best = candidate.tried.sort("value")["regParam"][-1]
    assert candidate.parameters == {"regParam": best, "elasticNetParam": 0.0, "maxIter": 10, "scale_pos_weight": 1}
    assert candidate.scorer.linear


def test_what_does_not_fit_does_not_come_to_this_node(in_spark, tmp_path):
    small = Room(memory_bytes=200_000, result_bytes=GB, cores=2, spark_cores=2)
    with pytest.raises(MachineError, match=r"(held-out days|sample that is fitted on): .* need .*; expected it to fit"):
        train_in_spark(in_spark, FEATURES, FOLD, SETTINGS, CostSettings(), small, tmp_path)


def test_a_sample_that_does_not_fit_does_not_come_to_this_node_either(part):
    small = replace(part, room=Room(memory_bytes=200_000, result_bytes=GB, cores=2, spark_cores=2))
    with pytest.raises(MachineError, match=r"the sample that is fitted on: .* rows need "):
        small.draw(1, seed=3)


def test_a_window_of_one_class_is_refused(in_spark, tmp_path):
    with pytest.raises(ModelError, match="the training window holds 0 frauds"):
        train(in_spark.where("not is_fraud"), "xgboost", tmp_path)
