from dataclasses import replace

import polars as pl

from fraud_detection.models.search.runs import log_trials


def test_each_trial_is_a_run_below_the_candidates_with_its_steps_and_its_worker(store, run_id, candidate):
    experiment = store.get_run(run_id).info.experiment_id
    runs = store.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'", order_by=["attribute.start_time"])
    trials = candidate.study.trials
    assert [run.info.run_name for run in runs] == [f"trial {number}" for number in trials["trial"]]
    for run, trial in zip(runs, trials.iter_rows(named=True), strict=True):
        assert run.info.status == "FINISHED"
        assert (run.data.tags["state"], run.data.tags["workers"]) == ("complete", trial["workers"])
        assert run.data.params["learning_rate"] == str(trial["learning_rate"])
        assert run.data.metrics["value"] == trial["value"]
        assert run.data.metrics["seconds"] == trial["seconds"]
        means = store.get_metric_history(run.info.run_id, "average_precision_so_far")
        assert {mean.step: mean.value for mean in means} == {1: trial["mean_after_1"], 2: trial["mean_after_2"]}


def test_trials_that_were_given_up_or_interrupted_say_so(store, run_id, candidate):
    states = pl.Series("state", ["pruned", "fail"])
    trials = candidate.study.trials.with_columns(states, value=pl.lit(None, pl.Float64))
    log_trials(store, run_id, replace(candidate.study, trials=trials))
    experiment = store.get_run(run_id).info.experiment_id
    runs = store.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}' AND tags.state != 'complete'")
    assert {run.info.status: run.data.tags["state"] for run in runs} == {"KILLED": "pruned", "FAILED": "fail"}
    assert all("value" not in run.data.metrics for run in runs)
