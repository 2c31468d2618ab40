"""The job of experiments, whole, on the tables that training left: it takes what its budget pays for, and no more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DAY_AFTER_THE_DATA = "2018-06-10"
QUEUED = {"first": '{"training": {"window_days": 21}}', "second": '{"training": {"max_rounds": 20}}', "third": "{}"}


@pytest.fixture(scope="module")
def drained(bundle):
    """A night with a budget for two of three; an experiment is stated to cost .25."""
    if not list(bundle.root.glob(".local/warehouse/*/transaction_features")):
        bundle.run("lenient")
    (features,) = bundle.root.glob(".local/warehouse/*/transaction_features")
    (bundle.root / "small.yml").write_text("training: {window_days: 28, boosters: 1, max_rounds: 40, patience: 10}\n")
    for name, settings in QUEUED.items():
        tool = Path(sys.executable).with_name("fraud-experiments")
        command = [tool, "add", settings, "--id", name, "--schema", features.parent.name]
        subprocess.run(command, cwd=bundle.root, env=bundle.environment, capture_output=True, check=True)
    told = [f"--params=as_of={DAY_AFTER_THE_DATA}", "--params=trials=0", "--params=settings=small.yml"]
    command = [Path(sys.executable).with_name("localjobs"), "run", "experiments", "-t", "local", "-o", "json", *told]
    command.append("--params=budget=0.6")
    done = subprocess.run(command, cwd=bundle.root, env=bundle.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_budget_pays_for_two_and_the_third_waits(bundle, drained):
    assert drained["state"]["result_state"] == "SUCCESS"
    rows = bundle.read("experiments").select("experiment_id", "state", "tries").sort("experiment_id").rows()
    assert rows == [("first", "done", 1), ("second", "done", 1), ("third", "waiting", 0)]


def test_each_experiment_leaves_a_candidate_that_its_result_names(bundle, drained):
    assert drained
    results = bundle.read("experiment_results")
    assert sorted(results["experiment_id"]) == ["first", "second"]
    assert results["succeeded"].all()
    logged = {(run, key): value for run, key, value in bundle.ask_mlflow("SELECT run_uuid, key, value FROM params")}
    runs = dict(results.select("experiment_id", "run_id").iter_rows())
    assert logged[runs["first"], "window_days"] == "21"
    assert logged[runs["second"], "max_rounds"] == "20"


def test_every_experiment_has_its_cost_in_the_ledger(bundle, drained):
    costs = bundle.read("run_costs")
    own = costs.filter(costs["job_run_id"].cast(str) == str(drained["run_id"]))
    assert sorted(own["task_key"].cast(str)) == ["experiment", "experiment", "gate", "settle", "take"]
