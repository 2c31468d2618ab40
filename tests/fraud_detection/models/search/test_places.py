"""The search on Spark's workers: other processes, the same trials."""

import os
import signal
import time
from dataclasses import replace

import mlflow
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from fraud_detection.errors import ConfigurationError, ModelError
from fraud_detection.models import boosting
from fraud_detection.models.search.grid import search_grid, split_rows
from fraud_detection.models.search.joblib_backend import register_spark
from fraud_detection.models.search.space import Plan, name_worker
from fraud_detection.models.search.study import search
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import validation_folds
from fraud_detection.models.training import find_parameters

START = dict(boosting.STARTING_POINT)
TIMES = ("seconds", "began", "workers")


def make_judge(pause):
    """A judge that Spark's workers get by value, since they cannot import this module."""

    def judge(parameters, step):
        time.sleep(pause)
        return parameters["subsample"] - parameters["max_depth"] / 10 + step / 100

    return judge


def workers_of(trials):
    return {worker for cell in trials["workers"] for worker in cell.split()}


def test_joblib_runs_the_same_trials_on_several_processes_of_spark(spark, rows, fold, candidate):
    assert spark
    settings = replace(candidate.settings, trials=5, search_workers=2)
    here = find_parameters(rows, candidate.scorer.features, fold, settings)
    there = find_parameters(rows, candidate.scorer.features, fold, replace(settings, search_in="joblib_spark"))
    assert there.trials.drop(TIMES).equals(here.trials.drop(TIMES))
    assert len(workers_of(there.trials)) == 2
    processes = {worker.split(":")[1] for worker in workers_of(there.trials)}
    assert processes.isdisjoint({name_worker().split(":")[1]})


@pytest.fixture
def below(store):
    """A run of a copied tracking database, in which a search may run."""
    with mlflow.start_run() as run:
        yield store, run.info.run_id


def children(client, run_id):
    experiment = client.get_run(run_id).info.experiment_id
    return client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'")


def test_mlflows_study_runs_on_several_processes_prunes_and_goes_on_where_it_was_killed(spark, below, tmp_path):
    assert spark
    client, run_id = below
    found = search(Plan(make_judge(0.1), 2, 5, 0, START), "mlflow_spark", 2, tmp_path / "abc")
    assert found.trials.height == 5
    assert len({worker.split(":")[1] for worker in workers_of(found.trials)}) == 2
    (study,) = children(client, run_id)
    runs = children(client, study.info.run_id)
    assert len(runs) == 5
    assert all({"user_steps", "numbers"} <= run.data.tags.keys() for run in runs)
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}

    client.update_run(runs[0].info.run_id, status="RUNNING")  # as a worker that was killed leaves it
    again = search(Plan(lambda *_: -9.0, 2, 5, 0, START), "mlflow_spark", 2, tmp_path / "abc")
    states = dict(again.trials["state"].value_counts().iter_rows())
    assert (again.trials.height, states["fail"]) == (6, 1)
    failed = again.trials.filter(pl.col("state") == "fail")["subsample"][0]
    assert again.trials["subsample"].to_list().count(failed) == 2
    bad = again.trials.filter(pl.col("mean_after_1") == -9)
    assert bad["state"].to_list() == ["pruned"]
    assert bad["mean_after_2"].to_list() == [None]
    assert len(children(client, run_id)) == 1
    search(Plan(make_judge(0), 1, 1, 0, START), "mlflow_spark", 2, tmp_path / "other")
    assert len(children(client, run_id)) == 2


def test_what_fails_on_a_worker_is_told_as_it_is_and_spark_is_of_use_afterwards(spark):
    assert spark

    def judge(_, step):
        if step:
            raise KeyError("the week is lost")
        return 1.0

    with pytest.raises(Exception, match="the week is lost"):
        search(Plan(judge, 2, 2, 0, START), "joblib_spark", 2)
    assert search(Plan(judge, 1, 2, 0, START), "joblib_spark", 2).trials["state"].to_list() == ["complete"] * 2


def make_deadly(note, trials):
    """A judge that kills its worker once, by SIGKILL, at the step after so many trials; `note` tells that it did."""
    folder, driver = str(note), os.getpid()

    def judge(parameters, step):
        place = os.path.join(folder, f"{time.monotonic_ns()}")  # noqa: PTH118  imports nothing on the worker
        open(place, "w").close()  # noqa: PTH123
        seen = os.listdir(folder)  # noqa: PTH208
        if len(seen) > 2 * trials and "killed" not in seen and os.getpid() != driver:
            open(os.path.join(folder, "killed"), "w").close()  # noqa: PTH118, PTH123
            os.kill(os.getpid(), signal.SIGKILL)
        return parameters["subsample"] - parameters["max_depth"] / 10 + step / 100

    return judge


def test_a_worker_that_is_killed_ends_the_search_by_joblib_and_the_next_one_goes_on(spark, tmp_path):
    assert spark
    undisturbed = search(Plan(make_judge(0), 2, 6, 0, START), "joblib_spark", 2)
    calls = tmp_path / "calls"
    calls.mkdir()
    plan = Plan(make_deadly(calls, 4), 2, 6, 0, START)
    with pytest.raises(Exception, match="Python worker exited unexpectedly"):
        search(plan, "joblib_spark", 2, tmp_path / "study")
    assert (calls / "killed").exists()
    before = len(list(calls.iterdir()))
    found = search(plan, "joblib_spark", 2, tmp_path / "study")
    ended = found.trials.filter(pl.col("state") != "fail")
    assert ended.drop(*TIMES, "trial").equals(undisturbed.trials.drop(*TIMES, "trial"))
    assert len(list(calls.iterdir())) - before <= 2 * 2  # the last batch, and none before it


def test_a_worker_that_is_killed_leaves_mlflows_study_to_go_on(spark, below, tmp_path):
    assert spark
    assert below
    calls = tmp_path / "calls"
    calls.mkdir()
    plan = Plan(make_deadly(calls, 3), 2, 6, 0, START)
    with pytest.raises(Exception, match=r"(?i)worker|abort"):
        search(plan, "mlflow_spark", 2, tmp_path / "abc")
    assert (calls / "killed").exists()
    found = search(plan, "mlflow_spark", 2, tmp_path / "abc")
    ended = found.trials.filter(pl.col("state") != "fail")
    assert ended.height in (6, 7)  # the other worker may have ended its trial after the attempt had failed
    for subsample in found.trials.filter(pl.col("state") == "fail")["subsample"].drop_nulls():
        assert subsample in ended["subsample"]  # what was cut is tried again


def test_mlflows_study_wants_a_run_to_keep_its_trials_below(spark):
    assert spark
    assert mlflow.active_run() is None
    with pytest.raises(ModelError, match="found no active MLflow run"):
        search(Plan(make_judge(0), 1, 2, 0, START), "mlflow_spark", 2)


def test_a_grid_is_searched_on_spark_as_it_is_here(spark, rows, fold):
    assert spark
    labelled = rows.drop_nulls("is_fraud")
    folds = split_rows(labelled, validation_folds(fold, 2), 20)
    asked = (LogisticRegression(), {"C": [1e-6, 1.0]}, labelled, ("amount", "is_night"), folds)
    there, here = search_grid(*asked, workers=2, backend=register_spark()), search_grid(*asked)
    assert there.best_params_ == {"C": 1.0}
    np.testing.assert_array_equal(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])
    (fitted, judged), _ = folds
    assert labelled[fitted]["event_time"].max() < labelled[judged]["event_time"].min()


def test_spark_with_one_worker_is_refused():
    with pytest.raises(ConfigurationError, match="search_workers is 1; expected a whole number from 2 where search_in"):
        TrainingSettings(search_in="joblib_spark")
