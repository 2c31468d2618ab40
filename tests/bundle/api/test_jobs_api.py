"""The jobs as the bundle defines them, created, run, cancelled and repaired by the SDK."""

import time
from datetime import timedelta

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.errors.platform import BadRequest
from databricks.sdk.service.jobs import RunLifeCycleState, RunResultState

TARGETS = ["dev", "staging", "prod"]
SOON = timedelta(seconds=120)
TRAINING = ["data_prep", "feature_build", "train", "validate", "register"]


def ended(client, started):
    """The run once it has ended; the SDK's own waiting, which another test uses, sleeps for ever longer."""
    deadline = time.monotonic() + SOON.total_seconds()
    while time.monotonic() < deadline:
        run = client.jobs.get_run(started.run_id)
        if run.state.life_cycle_state in {RunLifeCycleState.TERMINATED, RunLifeCycleState.SKIPPED}:
            return run
        time.sleep(0.2)
    raise AssertionError(f"run {started.run_id} has not ended: {run.state}")


def results(run):
    return {task.task_key: task.state.result_state and task.state.result_state.value for task in run.tasks}


@pytest.mark.parametrize("target", TARGETS)
def test_every_job_of_every_target_is_created_and_read_back_without_losing_a_field(
    target, client, as_settings, deployed
):
    ids = {}
    for key in sorted(deployed(target)["resources"]["jobs"], key=lambda key: key != "training"):
        wanted = as_settings(target, key, ids)
        ids[key] = client.jobs.create(**wanted.as_shallow_dict()).job_id
        assert client.jobs.get(ids[key]).settings.as_dict() == wanted.as_dict()

    assert {job.job_id for job in client.jobs.list()} == set(ids.values())
    for number in ids.values():
        client.jobs.delete(number)
    assert list(client.jobs.list()) == []


def test_training_runs_its_tasks_in_order_and_hands_on_the_candidate_and_the_verdict(client, create, order, told):
    order("train", values={"run_id": "a1b2"})
    order("validate", values={"verdict": "passed"})

    run = client.jobs.run_now(create("prod", "training"), job_parameters={"as_of": "2018-10-01"}).result(SOON)

    words, times = told()
    assert run.state.result_state is RunResultState.SUCCESS
    assert [task.task_key for task in sorted(run.tasks, key=lambda task: task.start_time)] == TRAINING
    assert (words["register"]["candidate"], words["register"]["verdict"]) == ("a1b2", "passed")
    assert all(words[name]["as_of"] == "2018-10-01" for name in TRAINING)
    assert words["train"]["schema"] == "fraud"
    assert words["train"]["job_run_id"] == str(run.run_id)
    assert set(times.values()) == {1}


def test_a_run_is_cancelled_and_what_had_not_begun_never_does(client, create, order, told, wheel):
    order("data_prep", seconds=100)
    started = client.jobs.run_now(create("prod", "training"), job_parameters={"as_of": "2018-10-01"})
    while not (wheel / "told.jsonl").exists():
        time.sleep(0.1)

    run = client.jobs.cancel_run(started.run_id).result(SOON)

    assert run.state.result_state is RunResultState.CANCELED
    assert set(results(run)) == set(TRAINING)
    assert not {"SUCCESS", "FAILED"} & set(results(run).values())
    assert set(told()[1]) == {"data_prep"}


def test_a_repair_runs_what_failed_and_what_waited_for_it_and_nothing_else(client, create, order, told):
    order("train", values={"run_id": "a1b2"})
    order("validate", fail=True)
    job = create("prod", "training", retries=False)
    failed = ended(client, client.jobs.run_now(job, job_parameters={"as_of": "2018-10-01"}))
    assert failed.state.result_state is RunResultState.FAILED
    assert results(failed) | {"register": None} == dict.fromkeys(TRAINING[:3], "SUCCESS") | {
        "validate": "FAILED",
        "register": None,
    }
    assert "register" not in told()[1]

    order("validate", values={"verdict": "rejected"})
    repair = client.jobs.repair_run(failed.run_id, rerun_all_failed_tasks=True)
    mended = ended(client, repair)

    words, times = told()
    assert mended.run_id == failed.run_id
    assert results(mended) == dict.fromkeys(TRAINING, "SUCCESS")
    assert times == {"data_prep": 1, "feature_build": 1, "train": 1, "validate": 2, "register": 1}
    assert words["register"]["candidate"] == "a1b2"
    assert words["register"]["verdict"] == "rejected"
    history = client.jobs.get_run(mended.run_id, include_history=True).repair_history
    assert [one.type.value for one in history] == ["ORIGINAL", "REPAIR"]
    with pytest.raises(InvalidParameterValue, match="latest_repair_id"):
        client.jobs.repair_run(mended.run_id, rerun_tasks=["register"])


@pytest.mark.parametrize(("retrain", "trained"), [("true", 1), ("false", 0)])
def test_scoring_starts_the_job_of_training_only_where_the_world_has_moved(
    retrain, trained, client, create, order, told
):
    order("monitor", values={"retrain": retrain})
    order("train", values={"run_id": "a1b2"})
    order("validate", values={"verdict": "passed"})
    ids = {"training": create("prod", "training")}

    run = ended(client, client.jobs.run_now(create("prod", "scoring", ids), job_parameters={"as_of": "2018-10-02"}))

    words, times = told()
    assert run.state.result_state is RunResultState.SUCCESS
    assert results(run)["retrain"] == ("SUCCESS" if trained else "EXCLUDED")
    assert (times["score"], times["train"]) == (1, trained)
    assert not trained or words["train"]["as_of"] == "2018-10-02"


def test_the_loop_of_experiments_runs_once_for_each_one_taken_and_is_settled(client, create, order, told):
    order("take_experiments", values={"experiments": ["7", "9"]})

    run = ended(client, client.jobs.run_now(create("prod", "experiments"), job_parameters={"as_of": "2018-10-02"}))

    assert run.state.result_state is RunResultState.SUCCESS
    assert told()[1]["run_experiment"] == 2
    assert told()[1]["settle_experiments"] == 1


def test_a_field_that_no_job_has_and_a_job_that_is_not_there_are_refused(client, as_settings):
    body = as_settings("prod", "training").as_dict() | {"max_retries": 1}

    with pytest.raises(BadRequest, match="a field that no job has"):
        client.api_client.do("POST", "/api/2.2/jobs/create", body=body)
    with pytest.raises(InvalidParameterValue, match="Job 7 does not exist"):
        client.jobs.run_now(7)
