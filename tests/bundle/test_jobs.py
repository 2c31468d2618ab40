"""What every job and task of the bundle promises."""

import shutil
import subprocess
from dataclasses import fields
from importlib.metadata import distribution
from itertools import pairwise

import pytest

from fraud_detection.tasks.arguments import Arguments
from runcosts.cluster import ClusterShape, declared_shape
from runcosts.prices import Terms, load_prices

TRAINING = ["data_prep", "feature_build", "train", "validate", "register"]
KNOWN = {field.name for field in fields(Arguments)}


@pytest.fixture(params=["local", "dev", "staging", "prod"])
def target_jobs(request, jobs):
    return jobs(request.param)


def tasks_of(target_jobs):
    tasks = [task for job in target_jobs.values() for task in job["tasks"]]
    assert tasks
    return tasks


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


def test_every_task_has_a_limit_retries_and_someone_to_tell(target_jobs):
    for task in tasks_of(target_jobs):
        assert task["timeout_seconds"] > 0
        assert 1 <= task["max_retries"] <= 2
        assert task["min_retry_interval_millis"] >= 60_000
        assert task["retry_on_timeout"] is False
        assert task["email_notifications"]["on_failure"]
        assert task["notification_settings"]["alert_on_last_attempt"]


def test_a_job_may_take_as_long_as_its_tasks_without_retries(target_jobs):
    for job in target_jobs.values():
        assert max(task["timeout_seconds"] for task in job["tasks"]) < job["timeout_seconds"]


def test_every_task_has_a_cluster_of_its_own_that_names_it(target_jobs):
    for job in target_jobs.values():
        clusters = clusters_of(job)
        assert sorted(clusters) == sorted(task["job_cluster_key"] for task in job["tasks"])
        for task in job["tasks"]:
            tags = clusters[task["job_cluster_key"]]["custom_tags"]
            assert tags["task"] == task["task_key"]
            assert {"project", "cost_center"} <= set(tags)


def test_no_cluster_runs_photon_or_the_ml_runtime_and_every_driver_is_on_demand(target_jobs):
    for job in target_jobs.values():
        for cluster in clusters_of(job).values():
            assert cluster["runtime_engine"] == "STANDARD"
            assert cluster["spark_version"] == "18.x-scala2.13"
            assert cluster["aws_attributes"]["first_on_demand"] >= 1
            assert cluster["data_security_mode"] in {"SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED"}
            assert "autotermination_minutes" not in cluster


def test_every_cluster_knows_the_commit_that_it_runs(root, target_jobs):
    git = shutil.which("git")
    head = subprocess.run([git, "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    for job in target_jobs.values():
        for cluster in clusters_of(job).values():
            assert cluster["spark_env_vars"]["GIT_COMMIT"] == head.stdout.strip()


def test_every_cluster_can_be_estimated(target_jobs):
    prices = load_prices()
    for job in target_jobs.values():
        for cluster in clusters_of(job).values():
            shape = declared_shape(cluster)
            assert isinstance(shape, ClusterShape)
            assert prices.node(Terms(), shape.node_type)


def test_every_entry_point_is_in_the_metadata_of_the_package_that_the_task_names(target_jobs):
    for task in tasks_of(target_jobs):
        wheel = task["python_wheel_task"]
        installed = distribution(wheel["package_name"]).entry_points
        assert wheel["entry_point"] in {entry.name for entry in installed}


def test_every_task_installs_the_lock_and_then_the_wheel(target_jobs):
    for task in tasks_of(target_jobs):
        requirements, wheel = task["libraries"]
        assert requirements["requirements"].endswith("requirements-databricks.txt")
        assert wheel["whl"].endswith("dist/*.whl")


def test_the_training_job_runs_its_tasks_one_after_the_other(target_jobs):
    tasks = {task["task_key"]: task for task in target_jobs["training"]["tasks"]}

    assert set(tasks) == set(TRAINING)
    for before, after in pairwise(TRAINING):
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


def test_every_training_task_knows_its_attempt_and_no_task_parameter_hides_a_jobs(target_jobs):
    job = target_jobs["training"]

    pushed = {parameter["name"] for parameter in job["parameters"]}
    assert {"as_of", "landing", "job_run_id"} <= pushed <= KNOWN
    for task in job["tasks"]:
        named = task["python_wheel_task"]["named_parameters"]
        assert {"task_run_id", "attempt"} <= set(named)
        assert set(named) <= KNOWN - pushed
