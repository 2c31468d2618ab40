"""What every job and task of the bundle promises."""

import shutil
import subprocess
from dataclasses import fields, replace
from importlib.metadata import distribution
from itertools import pairwise

import pytest

from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.experiment_queue import LEASE_HOURS
from runcosts.cluster import ClusterShape, declared_shape
from runcosts.prices import load_prices
from runcosts.settings import load_settings

TRAINING = ["data_prep", "feature_build", "train", "validate", "register"]
SCORING = ["data_prep", "feature_build", "score", "monitor"]
WITHOUT_COMPUTE = {"condition_task", "run_job_task"}
KNOWN = {field.name for field in fields(Arguments)}


@pytest.fixture
def target_jobs(jobs, target):
    return jobs(target)


@pytest.fixture
def cluster_jobs(jobs, with_clusters):
    return jobs(with_clusters)


def tasks_of(target_jobs, *, continuous=True):
    """What runs in all jobs; or only in those that are not continuous."""
    wanted = [job for job in target_jobs.values() if continuous or "continuous" not in job]
    tasks = [task for job in wanted for task in workers_of(job)]
    assert tasks
    return tasks


def workers_of(job):
    """The tasks that run on a cluster."""
    tasks = map(work_of, job["tasks"])
    return [task for task in tasks if not WITHOUT_COMPUTE & set(task)]


def work_of(task):
    """What a loop repeats; any other task itself."""
    return task.get("for_each_task", {}).get("task", task)


def clusters_of(job):
    return {cluster["job_cluster_key"]: cluster["new_cluster"] for cluster in job.get("job_clusters", [])}


def test_every_job_is_bounded_queued_tagged_and_tells_of_trouble_and_success(target_jobs):
    for job in target_jobs.values():
        assert job["timeout_seconds"] > 0
        assert job["queue"] == {"enabled": True}
        assert {"project", "cost_center"} <= set(job["tags"])
        assert [rule["metric"] for rule in job["health"]["rules"]] == ["RUN_DURATION_SECONDS"]
        assert job["health"]["rules"][0]["value"] < job["timeout_seconds"]
        told = job["email_notifications"]
        assert all(told[when] for when in ("on_failure", "on_duration_warning_threshold_exceeded", "on_success"))


def test_every_task_has_a_limit_and_someone_to_tell(target_jobs):
    for task in tasks_of(target_jobs):
        assert task["timeout_seconds"] > 0
        assert task["retry_on_timeout"] is False
        assert task["email_notifications"]["on_failure"]
        assert task["notification_settings"]["alert_on_last_attempt"]


def test_every_task_is_tried_again_by_its_job_or_where_that_is_continuous_by_the_platform(target_jobs):
    for task in tasks_of(target_jobs, continuous=False):
        assert 1 <= task["max_retries"] <= 2
        assert task["min_retry_interval_millis"] >= 60_000
    for job in target_jobs.values():
        if "continuous" in job:
            assert job["continuous"]["task_retry_mode"] == "ON_FAILURE"
            assert {task["max_retries"] for task in workers_of(job)} == {0}, "Databricks refuses a retry policy there"


def test_a_job_may_take_as_long_as_its_tasks_without_retries(target_jobs):
    for job in target_jobs.values():
        assert max(task["timeout_seconds"] for task in workers_of(job)) < job["timeout_seconds"]


def test_every_task_has_a_cluster_that_names_it_of_its_own_unless_it_follows_on_a_warm_one(cluster_jobs):
    for job in cluster_jobs.values():
        clusters = clusters_of(job)
        users = [task["job_cluster_key"] for task in workers_of(job)]
        assert set(clusters) == set(users)
        for key, cluster in clusters.items():
            named = cluster["custom_tags"]["task"]
            own = [task for task in workers_of(job) if task["job_cluster_key"] == key]
            followers = [task for task in own if task["task_key"] != named]
            assert len(own) == len(followers) + 1
            assert all({"task_key": named} in task["depends_on"] for task in followers)
            assert {"project", "cost_center"} <= set(cluster["custom_tags"])


def test_a_world_that_moved_starts_training_for_the_same_day(target_jobs):
    tasks = {task["task_key"]: task for task in target_jobs["scoring"]["tasks"]}

    assert tasks["has_the_world_moved"]["condition_task"] == {
        "op": "EQUAL_TO",
        "left": "{{tasks.monitor.values.retrain}}",
        "right": "true",
    }
    assert tasks["retrain"]["depends_on"] == [{"task_key": "has_the_world_moved", "outcome": "true"}]
    assert tasks["retrain"]["run_job_task"]["job_parameters"] == {"as_of": "{{job.parameters.as_of}}"}
    assert tasks["retrain"]["email_notifications"]["on_failure"]


def test_no_cluster_runs_photon_or_the_ml_runtime_and_every_driver_is_on_demand(cluster_jobs, with_clusters):
    attributes = "azure_attributes" if with_clusters.endswith("-azure") else "aws_attributes"
    for job in cluster_jobs.values():
        for cluster in clusters_of(job).values():
            assert cluster["runtime_engine"] == "STANDARD"
            assert cluster["spark_version"] == "18.x-scala2.13"
            assert {key for key in cluster if key.endswith("_attributes")} == {attributes}
            assert cluster[attributes]["first_on_demand"] >= 1
            assert cluster["data_security_mode"] in {"SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED"}
            assert "autotermination_minutes" not in cluster


@pytest.fixture
def head(root):
    git = shutil.which("git")
    asked = subprocess.run(
        [git, "-C", root, "rev-parse", "--verify", "--quiet", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def test_every_cluster_knows_the_commit_that_it_runs(head, cluster_jobs):
    for job in cluster_jobs.values():
        for cluster in clusters_of(job).values():
            assert cluster["spark_env_vars"]["GIT_COMMIT"] == head


def test_without_clusters_every_task_has_the_one_environment_which_knows_the_commit_too(head, jobs, serverless):
    for job in jobs(serverless).values():
        assert "job_clusters" not in job
        (environment,), (variables,) = job["environments"], job["environment_variables"]
        assert variables["spec"]["variables"]["GIT_COMMIT"] == head
        for task in workers_of(job):
            assert not {"job_cluster_key", "libraries"} & set(task)
            assert task["environment_key"] == environment["environment_key"]
            assert task["environment_variables_key"] == variables["environment_variables_key"]


def test_every_cluster_can_be_estimated(root, with_clusters, cluster_jobs):
    prices, terms = load_prices(), load_settings(root, with_clusters).terms
    for job in cluster_jobs.values():
        for cluster in clusters_of(job).values():
            shape = declared_shape(cluster)
            assert isinstance(shape, ClusterShape)
            assert prices.node(terms, shape.node_type)


def test_serverless_can_be_estimated_by_what_was_stated(root, serverless):
    settings = load_settings(root, serverless)

    assert settings.serverless_dbu_per_hour
    assert load_prices().rate(replace(settings.terms, sku="serverless_jobs"))


def test_every_entry_point_is_in_the_metadata_of_the_package_that_the_task_names(target_jobs):
    for task in tasks_of(target_jobs):
        wheel = task["python_wheel_task"]
        installed = distribution(wheel["package_name"]).entry_points
        assert wheel["entry_point"] in {entry.name for entry in installed}


def test_every_task_on_a_cluster_installs_the_lock_and_then_the_wheel(cluster_jobs):
    for task in tasks_of(cluster_jobs):
        requirements, wheel = task["libraries"]
        assert requirements["requirements"].endswith("requirements-databricks.txt")
        assert wheel == {"whl": "dist/*.whl"}


def test_without_clusters_the_environment_installs_a_lock_without_hashes_and_the_wheel(root, jobs, serverless):
    for job in jobs(serverless).values():
        assert job["environments"][0]["spec"]["dependencies"] == ["-r ./requirements-serverless.txt", "./dist/*.whl"]
    # With one hash pip demands one of everything, and the wheel has none.
    assert "--hash" not in (root / "requirements-serverless.txt").read_text(encoding="utf-8")


def test_jobs_of_all_targets_do_the_same_work_on_other_compute(jobs, target):
    def works(name):
        return {
            (key, task["task_key"]): work_of(task).get("python_wheel_task")
            for key, job in jobs(name).items()
            for task in job["tasks"]
        }

    assert works(target) == works("prod")


def test_a_stream_without_a_cluster_is_started_by_files_and_ends(deployed, serverless):
    job = deployed(serverless)["resources"]["jobs"]["streaming"]
    defaults = {parameter["name"]: parameter["default"] for parameter in job["parameters"]}

    assert "continuous" not in job
    assert job["trigger"]["file_arrival"]["url"] == f"{defaults['landing']}/"
    assert defaults["trigger"] == "availableNow"


def test_without_a_cluster_bills_are_read_when_they_have_come_and_no_job_is_started_by_what_it_writes(
    deployed, serverless
):
    tree = deployed(serverless)["resources"]
    watched = [
        name
        for job in tree["jobs"].values()
        for name in job.get("trigger", {}).get("table_update", {}).get("table_names", [])
    ]

    assert watched == ["system.billing.usage"]


def test_a_job_is_started_in_one_way_at_most(target_jobs):
    for job in target_jobs.values():
        assert len({"schedule", "trigger", "continuous"} & set(job)) == 1
        assert job["webhook_notifications"] == {"on_failure": []}


@pytest.mark.parametrize(("key", "order"), [("training", TRAINING), ("scoring", SCORING)])
def test_training_and_scoring_run_their_tasks_one_after_the_other(target_jobs, key, order):
    tasks = {task["task_key"]: task for task in target_jobs[key]["tasks"]}

    assert set(tasks) >= set(order)
    for before, after in pairwise(order):
        assert tasks[after]["depends_on"] == [{"task_key": before}]


def test_the_gate_fails_closed_because_register_needs_a_validation_that_succeeded(target_jobs):
    register = next(task for task in target_jobs["training"]["tasks"] if task["task_key"] == "register")

    assert register["run_if"] == "ALL_SUCCESS"
    assert register["python_wheel_task"]["named_parameters"] == {
        "workspace_id": "{{workspace.id}}",
        "task_run_id": "{{task.run_id}}",
        "attempt": "{{task.execution_count}}",
        "candidate": "{{tasks.train.values.run_id}}",
        "verdict": "{{tasks.validate.values.verdict}}",
    }


@pytest.mark.parametrize("key", ["training", "scoring", "streaming"])
def test_every_task_knows_its_attempt_and_no_task_parameter_hides_a_jobs(target_jobs, key):
    job = target_jobs[key]

    pushed = {parameter["name"] for parameter in job["parameters"]}
    assert {"as_of", "landing", "job_run_id"} <= pushed <= KNOWN
    for task in workers_of(job):
        named = task["python_wheel_task"]["named_parameters"]
        assert {"task_run_id", "attempt"} <= set(named)
        assert set(named) <= KNOWN - pushed


def test_the_gate_stands_before_the_experiments_and_no_two_nights_spend_one_budget(target_jobs):
    job = target_jobs["experiments"]
    tasks = {task["task_key"]: task for task in job["tasks"]}

    assert job["max_concurrent_runs"] == 1
    assert tasks["gate"]["python_wheel_task"]["entry_point"] == "gate_costs"
    assert tasks["take"]["depends_on"] == [{"task_key": "gate"}]
    assert tasks["each"]["depends_on"] == [{"task_key": "take"}]
    assert tasks["each"]["for_each_task"]["inputs"] == "{{tasks.take.values.experiments}}"
    assert tasks["settle"]["run_if"] == "ALL_DONE"
    assert job["timeout_seconds"] < LEASE_HOURS * 3600
