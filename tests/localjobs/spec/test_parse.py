import dataclasses

import pytest
from databricks.sdk.service import compute, jobs

from localjobs.bundle.resolve import Request, deploy
from localjobs.errors import BundleError
from localjobs.spec import compute as our_compute
from localjobs.spec import job as our_job
from localjobs.spec import notices as our_notices
from localjobs.spec import task as our_task
from localjobs.spec.parse import parse_job

BUNDLE_ONLY = {"id", "lifecycle", "permissions"}
PAIRS = [
    (our_job.Job, jobs.JobSettings),
    (our_job.Schedule, jobs.CronSchedule),
    (our_job.Trigger, jobs.TriggerSettings),
    (our_job.Periodic, jobs.PeriodicTriggerConfiguration),
    (our_job.FileArrival, jobs.FileArrivalTriggerConfiguration),
    (our_job.Continuous, jobs.Continuous),
    (our_job.RunAs, jobs.JobRunAs),
    (our_task.Task, jobs.Task),
    (our_task.Dependency, jobs.TaskDependency),
    (our_task.PythonWheelTask, jobs.PythonWheelTask),
    (our_task.SparkPythonTask, jobs.SparkPythonTask),
    (our_task.NotebookTask, jobs.NotebookTask),
    (our_task.ConditionTask, jobs.ConditionTask),
    (our_task.RunJobTask, jobs.RunJobTask),
    (our_task.SqlTask, jobs.SqlTask),
    (our_task.ForEachTask, jobs.ForEachTask),
    (our_notices.EmailNotifications, jobs.JobEmailNotifications),
    (our_notices.WebhookNotifications, jobs.WebhookNotifications),
    (our_notices.TaskNotificationSettings, jobs.TaskNotificationSettings),
    (our_compute.JobCluster, jobs.JobCluster),
    (our_compute.NewCluster, compute.ClusterSpec),
    (our_compute.AwsAttributes, compute.AwsAttributes),
    (our_compute.AzureAttributes, compute.AzureAttributes),
    (our_compute.GcpAttributes, compute.GcpAttributes),
    (our_compute.EnvironmentSpec, compute.Environment),
    (our_compute.Library, compute.Library),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda model: model.__name__)
def test_the_known_settings_are_those_of_the_sdk(ours, theirs):
    assert set(ours.model_fields) - BUNDLE_ONLY == {field.name for field in dataclasses.fields(theirs)}


@pytest.fixture
def problem(bench, wheel):
    """What is said of a job with these settings."""

    def parse(task=None, **settings):
        bench.write([wheel("a", **(task or {}))], **settings)
        with pytest.raises(BundleError) as caught:
            parse_job("job", bench.deploy().jobs["job"])
        return str(caught.value)

    return parse


def test_an_unknown_setting_is_refused_with_its_line_and_the_known_ones(problem):
    message = problem(task={"max_retrys": 2})
    assert "databricks.yml:1: jobs.job.tasks.0.max_retrys: unknown setting 'max_retrys'; known are:" in message
    assert "max_retries" in message


def test_an_unknown_setting_deep_inside_is_refused(problem):
    cluster = {"job_cluster_key": "c", "new_cluster": {"aws_attributes": {"zone": "a"}}}
    assert "aws_attributes.zone: unknown setting 'zone'; known are: availability," in problem(job_clusters=[cluster])


def test_every_problem_is_told_at_once(problem):
    message = problem(task={"run_if": "SOMETIMES", "max_retries": -2}, timeout_seconds="soon")
    assert len(message.splitlines()) == 3
    assert "'SOMETIMES'" in message


def test_numbers_become_text_where_text_is_wanted(bench, wheel):
    bench.write([wheel("a")], parameters=[{"name": "n", "default": 3}, {"name": "flag", "default": True}])
    job = parse_job("job", bench.deploy().jobs["job"])
    assert [parameter.default for parameter in job.parameters] == ["3", "true"]


def test_a_task_knows_the_compute_that_databricks_would_give_it(cli_bundle):
    bundle = deploy(Request(cli_bundle, "dev", environment={}))
    job = parse_job("training", bundle.jobs["training"])
    assert job.compute_of(job.task("data_prep"))["autoscale"] == {"min_workers": 1, "max_workers": 4}
    assert job.compute_of(job.task("passed")) is None
    one = parse_job("experiments", bundle.jobs["experiments"]).task("each").for_each_task.task
    assert parse_job("experiments", bundle.jobs["experiments"]).compute_of(one)["environment_version"] == "4"
