"""The bundle's own clusters keep the cluster policies that stand beside it."""

import json
import re

import pytest

from fraud_detection.deploy.policies import read_policies
from runcosts.cluster import declared_shape
from runcosts.prices import load_prices

PLATFORMS_OWN = {"cluster_type", "dbus_per_hour"}  # no attributes of a cluster; the second is checked below


def keeps(rule, value):
    """Whether a value keeps a rule of the policy language, as far as the policies use it."""
    match rule["type"]:
        case "fixed":
            return value == rule["value"]
        case "allowlist":
            return value in rule["values"]
        case "regex":
            return re.fullmatch(rule["pattern"], value) is not None
        case "range":
            return rule.get("minValue", value) <= value <= rule.get("maxValue", value)
        case "unlimited":
            return True
        case "forbidden":
            return False
    raise AssertionError(rule)


def flat(cluster, before=""):
    for name, value in cluster.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def violations(definition, cluster):
    values = dict(flat(cluster))
    for name, rule in definition.items():
        if name in PLATFORMS_OWN or "*" in name:
            continue
        if name not in values:
            if not rule.get("isOptional") and rule["type"] != "forbidden":
                yield f"{name} is missing"
        elif not keeps(rule, values[name]):
            yield f"{name} is {values[name]!r}"


@pytest.fixture(scope="module")
def policies(root):
    found = {policy.name: json.loads(policy.definition) for policy in read_policies(root / "resources" / "policies")}
    assert set(found) == {"fraud jobs", "fraud development"}
    return found


@pytest.fixture(scope="module")
def policy_of_jobs(root, policies):
    """The policy of job clusters on a cloud."""
    (azure,) = read_policies(root / "resources" / "policies" / "azure")
    assert azure.name == "fraud jobs"
    return {"aws": policies["fraud jobs"], "azure": json.loads(azure.definition)}


@pytest.fixture
def cloud(with_clusters):
    return "azure" if with_clusters.endswith("-azure") else "aws"


@pytest.fixture
def job_clusters(jobs, with_clusters):
    found = [(key, one["new_cluster"]) for key, job in jobs(with_clusters).items() for one in job["job_clusters"]]
    assert found
    return found


def test_every_job_cluster_keeps_the_policy_of_jobs_on_its_cloud(policy_of_jobs, cloud, job_clusters):
    found = [(job, list(violations(policy_of_jobs[cloud], cluster))) for job, cluster in job_clusters]

    assert [(job, broken) for job, broken in found if broken] == []


def test_no_job_cluster_can_take_more_dbu_an_hour_than_its_policy_allows(policy_of_jobs, cloud, job_clusters):
    limit = policy_of_jobs[cloud]["dbus_per_hour"]["maxValue"]

    assert [job for job, cluster in job_clusters if most_dbu(cluster, cloud) > limit] == []


def most_dbu(cluster, cloud):
    shape, nodes = declared_shape(cluster), load_prices(None).nodes[cloud]
    return nodes[shape.driver_node_type].dbu_per_hour + shape.max_workers * nodes[shape.node_type].dbu_per_hour


def test_the_clouds_differ_in_machines_only(policy_of_jobs):
    def rules(cloud):
        about_machines = ("node_type_id", "driver_node_type_id", "aws_attributes", "azure_attributes")
        return {key: rule for key, rule in policy_of_jobs[cloud].items() if not key.startswith(about_machines)}

    assert rules("aws") == rules("azure")


def test_the_developers_cluster_keeps_its_policy_whose_pool_gives_a_node_that_it_allows(policies, deployed):
    rules, resources = policies["fraud development"], deployed("dev")["resources"]
    node = resources["instance_pools"]["small"]["node_type_id"]

    for cluster in resources["clusters"].values():
        assert list(violations(rules, {**cluster, "node_type_id": node})) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"autotermination_minutes": 0}, "autotermination_minutes is 0"),
        ({"num_workers": 9}, "num_workers is 9"),
        ({"node_type_id": "i3.16xlarge"}, "node_type_id is 'i3.16xlarge'"),
        ({"custom_tags": {"project": "fraud", "cost_center": "risk"}}, "custom_tags.task is missing"),
        ({"spark_version": "15.4.x-scala2.12"}, "spark_version is '15.4.x-scala2.12'"),
    ],
)
def test_what_a_policy_is_there_for_is_refused(change, said, policies, deployed):
    cluster = deployed("dev")["resources"]["clusters"]["dev"]

    assert list(violations(policies["fraud development"], {**cluster, **change})) == [said]
