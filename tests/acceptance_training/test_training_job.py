"""The training job, twice: a candidate that passes, one that a strict gate rejects; and the jobs that come after it."""

import json

import polars as pl
import pytest
from polars.testing import assert_frame_equal

TASKS = ["data_prep", "feature_build", "train", "validate", "register"]
DAY_AFTER_THE_DATA = "2018-06-10"
QUEUED = {"first": '{"training": {"window_days": 21}}', "second": '{"training": {"max_rounds": 20}}', "third": "{}"}


@pytest.fixture(scope="module")
def passed(bundle):
    """The first run, and what silver was after it."""
    return bundle.run("lenient"), bundle.read("silver_transactions"), bundle.newest_version("silver_transactions")


@pytest.fixture(scope="module")
def rejected(bundle, passed):
    assert passed
    return bundle.run("strict", compute="shared")


def states(run):
    return {task["task_key"]: task["state"]["result_state"] for task in run["tasks"]}


def test_all_five_tasks_succeed(passed):
    assert states(passed[0]) == dict.fromkeys(TASKS, "SUCCESS")
    assert passed[0]["state"]["result_state"] == "SUCCESS"


def test_every_line_that_arrived_is_in_silver_or_in_quarantine(bundle, passed):
    assert passed
    quarantine = bundle.read("quarantine").group_by("dataset").len()
    refused = dict(quarantine.iter_rows())
    for dataset in ("transactions", "labels"):
        silver = bundle.read(f"silver_{dataset}").height
        assert silver > 0
        assert bundle.read(f"bronze_{dataset}").height == silver + refused.get(dataset, 0)
    assert refused["transactions"] > 0


def test_each_transaction_has_its_features(bundle, passed):
    features = bundle.read("transaction_features")
    assert_frame_equal(
        features.select("transaction_id").sort("transaction_id"),
        passed[1].select("transaction_id").sort("transaction_id"),
    )


def test_a_candidate_that_passed_is_the_champion_until_a_better_one_comes(bundle, passed, rejected):
    assert passed
    assert rejected
    assert bundle.ask_mlflow("SELECT alias, version FROM registered_model_aliases") == [("champion", 1)]
    verdicts = bundle.ask_mlflow("SELECT version, value FROM model_version_tags WHERE key = 'verdict' ORDER BY version")
    assert verdicts == [(1, "passed"), (2, "rejected")]


def test_a_rejection_is_no_failure_of_the_job(rejected):
    assert states(rejected) == dict.fromkeys(TASKS, "SUCCESS")


def test_a_version_knows_the_run_and_the_data_that_it_comes_from(bundle, passed):
    assert passed
    tags = dict(bundle.ask_mlflow("SELECT key, value FROM model_version_tags WHERE version = 1"))
    assert tags["run_id"] == bundle.ask_mlflow("SELECT run_id FROM model_versions WHERE version = 1")[0][0]
    assert tags["job_run_id"] == str(passed[0]["run_id"])
    assert {"data_version_transaction_features", "data_version_silver_labels", "test_saving_a_day"} <= tags.keys()


def test_a_version_is_trained_again_bit_for_bit_from_the_tables_of_its_time(bundle, rejected):
    assert rejected
    status, text = bundle.call("fraud-model", "reproduce", "1")
    assert status == 0, text
    assert "predictions of its test week are equal to the last bit" in text


def test_each_version_has_its_card_with_the_cost_of_its_training(bundle, rejected):
    assert rejected
    cards = [
        path.read_text(encoding="utf-8") for path in bundle.root.glob(".local/mlartifacts/*/artifacts/card/card.md")
    ]
    assert sorted("**passed**" in card for card in cards) == [False, True]
    assert all("estimated for the attempt of the task: 0." in card for card in cards)


def test_a_second_run_without_new_files_leaves_silver_as_it_was(bundle, passed, rejected):
    assert rejected
    _, rows, version = passed
    assert_frame_equal(bundle.read("silver_transactions"), rows, check_row_order=False)
    assert bundle.newest_version("silver_transactions") == version


def test_each_attempt_has_one_row_of_costs_that_says_it_is_an_estimate(bundle, passed, rejected):
    costs = bundle.read("run_costs").with_columns(pl.col("job_run_id", "task_key", "label").cast(pl.String))
    runs = [str(run["run_id"]) for run in (passed[0], rejected)]
    expected = [(run, task) for run in runs for task in TASKS]
    assert sorted(costs.select("job_run_id", "task_key").rows()) == sorted(expected)
    assert set(costs["label"]) == {"estimated"}
    assert (costs["estimated_usd"] > 0).all()


def test_the_mlflow_run_of_each_attempt_carries_its_estimate(bundle, passed, rejected):
    question = """
        SELECT task.value, metrics.value FROM metrics
        JOIN tags AS task ON task.run_uuid = metrics.run_uuid AND task.key = 'task'
        JOIN tags AS job ON job.run_uuid = metrics.run_uuid AND job.key = 'job_run_id'
        WHERE metrics.key = 'estimated_cost_usd' AND job.value = '{run}'
    """
    for run in (passed[0], rejected):
        estimates = dict(bundle.ask_mlflow(question.format(run=run["run_id"])))
        assert estimates.keys() == set(TASKS)
        assert all(value > 0 for value in estimates.values())


def test_each_run_has_its_page(bundle, passed, rejected):
    for run in (passed[0], rejected):
        page = bundle.page(run["run_id"]).read_text(encoding="utf-8")
        assert all(task in page for task in TASKS)


@pytest.fixture(scope="module")
def scored(bundle, passed):
    """The scoring job after training, and its predictions."""
    assert passed
    return bundle.run_job("scoring"), bundle.read("predictions")


def test_the_scoring_job_scores_each_transaction_of_the_last_days_once(bundle, scored):
    run, predictions = scored
    assert states(run).items() >= dict.fromkeys(["data_prep", "feature_build", "score", "monitor"], "SUCCESS").items()
    features = bundle.read("transaction_features")
    last_days = features.filter(pl.col("event_date") > features["event_date"].max() - pl.duration(days=7))
    assert predictions["transaction_id"].sort().to_list() == last_days["transaction_id"].sort().to_list()
    assert predictions.select("model_version", "variant", "scored_by").unique().rows() == [(1, "champion", "batch")]
    assert (predictions["reasons"].is_not_null() == predictions["is_alert"]).all()
    savings = bundle.read("gold_savings")
    assert savings["transactions"].sum() == predictions.height
    assert savings["alerts"].sum() == predictions["is_alert"].sum()


def test_the_streaming_job_scores_what_arrives_after_that(bundle, scored):
    _, predictions = scored
    last = bundle.read("silver_transactions").sort("event_time").tail(1).to_dicts()[0]
    arrived = {"event_time": "2018-06-12T09:00:00Z", "customer_id": last["customer_id"], "terminal_id": "unseen"}
    lines = [json.dumps({"transaction_id": f"new{number}", **arrived, "amount": 10 + number}) for number in range(3)]
    file = bundle.root / ".local" / "landing" / "transactions" / "arrived.jsonl"
    file.write_text("\n".join([*lines, "{cut", ""]))
    run = bundle.run_job("streaming")
    assert states(run) == {"score_stream": "SUCCESS"}
    added = bundle.read("predictions").join(predictions, on="transaction_id", how="anti")
    assert sorted(added["transaction_id"]) == ["new0", "new1", "new2"]
    assert added["scored_by"].unique().to_list() == ["stream"]
    assert "{cut" in bundle.read("quarantine")["raw"].to_list()


@pytest.fixture(scope="module")
def drained(bundle, passed):
    """A night of experiments on the tables of training: its budget pays two of three, stated to cost .25 each."""
    assert passed
    (features,) = bundle.root.glob(".local/warehouse/*/transaction_features")
    (bundle.root / "small.yml").write_text("training: {window_days: 28, boosters: 1, max_rounds: 40, patience: 10}\n")
    for name, settings in QUEUED.items():
        status, said = bundle.call("fraud-experiments", "add", settings, "--id", name, "--schema", features.parent.name)
        assert status == 0, said
    told = {"as_of": DAY_AFTER_THE_DATA, "trials": "0", "settings": "small.yml", "budget": "0.6"}
    return bundle.run_job("experiments", "shared", **told)


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
    own = own.filter(own["result_state"] == "SUCCESS")  # an attempt that was tried again has a row too
    assert sorted(own["task_key"].cast(str)) == ["experiment", "experiment", "gate", "settle", "take"]


def test_commands_find_the_only_schema_by_themselves(bundle, drained):
    assert drained
    status, told = bundle.call("fraud-features", "audit", "--rows", "3")
    assert (status, "3 rows are what was known at their time" in told) == (0, True), told
