"""Shapes as bundles declare them and as clusters report them."""

from decimal import Decimal

import pytest

from runcosts.cluster import ClusterShape, UnknownShape, declared_shape, running_shape

SPOT = {"first_on_demand": 1, "availability": "SPOT_WITH_FALLBACK"}
RUNNING = {
    "clusterId": "0101-1",
    "clusterNodeType": "i3.xlarge",
    "driverNodeType": "m5d.xlarge",
    "clusterWorkers": "3",
    "clusterScalingType": "autoscaling",
    "clusterMinWorkers": "1",
    "clusterMaxWorkers": "4",
    "clusterAvailability": "SPOT_WITH_FALLBACK",
    "clusterFirstOnDemand": "1",
    "runtimeEngine": "PHOTON",
    "sparkVersion": "18.x-scala2.13",
}


def test_a_declared_autoscaled_spot_cluster_is_expected_at_the_mean_of_its_range():
    declared = {"node_type_id": "i3.xlarge", "autoscale": {"min_workers": 1, "max_workers": 4}, "aws_attributes": SPOT}

    assert declared_shape(declared) == ClusterShape(
        node_type="i3.xlarge",
        driver_node_type="i3.xlarge",
        min_workers=1,
        max_workers=4,
        expected_workers=Decimal("2.5"),
        spot=True,
        falls_back=True,
        on_demand_nodes=1,
    )


@pytest.mark.parametrize(
    ("declared", "workers"),
    [({"num_workers": 3}, 3), ({"num_workers": 0}, 0), ({}, 0), ({"is_single_node": True, "num_workers": 0}, 0)],
)
def test_a_declared_fixed_cluster_has_its_workers(declared, workers):
    shape = declared_shape({"node_type_id": "m5d.large", **declared})

    assert (shape.min_workers, shape.max_workers, shape.expected_workers) == (workers, workers, workers)


def test_a_driver_may_have_a_type_of_its_own():
    shape = declared_shape({"node_type_id": "i3.xlarge", "driver_node_type_id": "m5d.large", "num_workers": 1})

    assert (shape.node_type, shape.driver_node_type) == ("i3.xlarge", "m5d.large")


@pytest.mark.parametrize(
    "declared",
    [{"runtime_engine": "PHOTON"}, {"spark_version": "12.2.x-photon-scala2.12"}],
)
def test_photon_is_told_by_the_engine_or_by_the_version(declared):
    assert declared_shape({"node_type_id": "i3.xlarge", **declared}).photon


def test_a_standard_engine_is_not_photon():
    declared = {"node_type_id": "i3.xlarge", "runtime_engine": "STANDARD", "spark_version": "18.x-scala2.13"}

    assert not declared_shape(declared).photon


@pytest.mark.parametrize(
    "attributes",
    [
        {"azure_attributes": {"availability": "SPOT_WITH_FALLBACK_AZURE"}},
        {"gcp_attributes": {"availability": "PREEMPTIBLE_WITH_FALLBACK_GCP"}},
    ],
)
def test_every_cloud_has_spot(attributes):
    shape = declared_shape({"node_type_id": "n", **attributes})

    assert (shape.spot, shape.falls_back) == (True, True)


def test_a_cluster_from_a_pool_has_the_nodes_of_the_pool():
    declared = {"instance_pool_id": "pool-1", "num_workers": 1}

    assert declared_shape(declared, {"pool-1": "m5d.large"}).node_type == "m5d.large"
    assert declared_shape(declared) == UnknownShape("node type of instance pool pool-1 is not known")


def test_a_driver_from_another_pool_that_is_not_known_is_not_taken_for_a_worker():
    declared = {"node_type_id": "i3.xlarge", "driver_instance_pool_id": "pool-2"}

    assert declared_shape(declared) == UnknownShape("node type of instance pool pool-2 is not known")


def test_a_task_without_a_cluster_has_no_shape():
    assert isinstance(declared_shape(None), UnknownShape)
    assert isinstance(declared_shape({"num_workers": 2}), UnknownShape)


def test_a_running_cluster_is_expected_at_the_workers_that_it_has():
    assert running_shape(RUNNING) == ClusterShape(
        node_type="i3.xlarge",
        driver_node_type="m5d.xlarge",
        min_workers=1,
        max_workers=4,
        expected_workers=Decimal(3),
        photon=True,
        spot=True,
        falls_back=True,
        on_demand_nodes=1,
        cluster_id="0101-1",
    )


def test_a_running_cluster_of_fixed_size_ignores_a_range():
    shape = running_shape(RUNNING | {"clusterScalingType": "fixed_size"})

    assert (shape.min_workers, shape.max_workers) == (3, 3)


def test_a_session_without_usage_tags_has_no_shape():
    assert isinstance(running_shape({}), UnknownShape)
