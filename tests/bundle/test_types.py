"""Every resource is what the platform's own types accept, with no field that they don't know."""

import copy

import pytest
from databricks.bundles.alerts import Alert
from databricks.bundles.apps import App
from databricks.bundles.clusters import Cluster
from databricks.bundles.dashboards import Dashboard
from databricks.bundles.database_instances import DatabaseInstance
from databricks.bundles.experiments import MlflowExperiment
from databricks.bundles.instance_pools import InstancePool
from databricks.bundles.jobs import Job
from databricks.bundles.quality_monitors import QualityMonitor
from databricks.bundles.registered_models import RegisteredModel
from databricks.bundles.schemas import Schema
from databricks.bundles.secret_scopes import SecretScope
from databricks.bundles.volumes import Volume
from databricks.sdk.service.jobs import JobSettings

TYPES = {
    "alerts": Alert,
    "apps": App,
    "clusters": Cluster,
    "dashboards": Dashboard,
    "database_instances": DatabaseInstance,
    "experiments": MlflowExperiment,
    "instance_pools": InstancePool,
    "jobs": Job,
    "quality_monitors": QualityMonitor,
    "registered_models": RegisteredModel,
    "schemas": Schema,
    "secret_scopes": SecretScope,
    "volumes": Volume,
}
SET_BY_THE_CLI = {"deployment", "edit_mode", "format", "id", "volume_path", "full_name"}
ONLY_IN_BUNDLES = {"permissions", "lifecycle"}


def without(settings, keys):
    return {key: value for key, value in settings.items() if key not in keys}


def with_ids(job):
    """The job with a number where the CLI puts that of another job, and with somebody to tell by a webhook."""
    numbered = copy.deepcopy(job)
    numbered["webhook_notifications"]["on_failure"] += [{"id": "11111111-2222-3333-4444-555555555555"}]
    for task in numbered["tasks"]:
        if "run_job_task" in task:
            task["run_job_task"]["job_id"] = 1
    return numbered


def test_every_resource_loads_into_its_bundle_type(resolved, target):
    resources = resolved(target)["resources"]

    loaded = [
        TYPES[kind].from_dict(without(settings, SET_BY_THE_CLI))
        for kind, named in resources.items()
        for settings in named.values()
    ]

    assert len(loaded) >= 5


def test_every_job_survives_the_round_trip_through_the_sdk(jobs, target):
    for job in map(with_ids, jobs(target).values()):
        settings = without(job, ONLY_IN_BUNDLES)
        assert JobSettings.from_dict(settings).as_dict() == settings


def in_the_job(job):
    job["timeout_second"] = 1


def in_a_task(job):
    job["tasks"][0]["max_retrys"] = 1


def in_a_wheel_task(job):
    job["tasks"][0]["python_wheel_task"]["entrypoint"] = "train"


def in_a_cluster(job):
    job["job_clusters"][0]["new_cluster"]["node_type"] = "i3.xlarge"


def in_a_library(job):
    job["tasks"][0]["libraries"][0]["requirement"] = "x.txt"


@pytest.mark.parametrize("plant", [in_the_job, in_a_task, in_a_wheel_task, in_a_cluster, in_a_library])
def test_a_planted_typo_is_refused_by_both(jobs, plant):
    job = copy.deepcopy(jobs("prod")["training"])
    plant(job)

    with pytest.raises((TypeError, ValueError)):
        Job.from_dict(without(job, SET_BY_THE_CLI))
    settings = without(with_ids(job), ONLY_IN_BUNDLES)
    assert JobSettings.from_dict(settings).as_dict() != settings
