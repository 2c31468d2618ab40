"""A cluster's shape, as a bundle declares it or as a running cluster reports it.

An autoscaled cluster is between two sizes and nothing records how long it had which. Decision: low is the minimum,
high the maximum, and expected their mean (an equal time at each size). On Databricks expected is the number of workers
that the cluster had when it was asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

USAGE_TAGS = "spark.databricks.clusterUsageTags."
CLOUD_ATTRIBUTES = ("aws_attributes", "azure_attributes", "gcp_attributes")


@dataclass(frozen=True)
class ClusterShape:
    """One driver and its workers. The first `on_demand_nodes` nodes, driver first, are never spot."""

    node_type: str
    driver_node_type: str
    min_workers: int
    max_workers: int
    expected_workers: Decimal
    photon: bool = False
    spot: bool = False
    falls_back: bool = False
    on_demand_nodes: int = 0
    cluster_id: str | None = None


@dataclass(frozen=True)
class ServerlessShape:
    """Compute without a size of its own: somebody states what it takes."""

    dbu_per_hour: Decimal


@dataclass(frozen=True)
class UnknownShape:
    """Why the shape of a cluster cannot be told."""

    reason: str


def declared_shape(
    new_cluster: Mapping[str, Any] | None, pool_nodes: Mapping[str, str] | None = None
) -> ClusterShape | UnknownShape:
    """The shape of a resolved `new_cluster` of a bundle.

    Args:
        new_cluster: the mapping, or None for a task without a cluster of its own.
        pool_nodes: node type of each instance pool, by the id that `new_cluster` names.
    """
    if new_cluster is None:
        return UnknownShape("the task declares no cluster (serverless, or compute that others own)")
    pools = pool_nodes or {}
    node_type = _node_type(new_cluster, "", pools, otherwise=UnknownShape("no node_type_id is declared"))
    driver_node_type = _node_type(new_cluster, "driver_", pools, otherwise=node_type)
    if isinstance(node_type, UnknownShape):
        return node_type
    if isinstance(driver_node_type, UnknownShape):
        return driver_node_type
    low, high = _declared_workers(new_cluster)
    spot, falls_back, on_demand_nodes = _declared_market(new_cluster)
    return ClusterShape(
        node_type=node_type,
        driver_node_type=driver_node_type,
        min_workers=low,
        max_workers=high,
        expected_workers=Decimal(low + high) / 2,
        photon=_is_photon(new_cluster.get("runtime_engine"), new_cluster.get("spark_version")),
        spot=spot,
        falls_back=falls_back,
        on_demand_nodes=on_demand_nodes,
    )


def running_shape(usage_tags: Mapping[str, str | None]) -> ClusterShape | UnknownShape:
    """The shape of the cluster that the session runs on, from the values under `spark.databricks.clusterUsageTags`."""
    node_type = usage_tags.get("clusterNodeType")
    if not node_type:
        return UnknownShape("the session reports no clusterNodeType (serverless, or not Databricks)")
    now = int(usage_tags.get("clusterWorkers") or usage_tags.get("clusterTargetWorkers") or 0)
    scales = usage_tags.get("clusterScalingType") == "autoscaling"
    availability = str(usage_tags.get("clusterAvailability") or "")
    return ClusterShape(
        node_type=node_type,
        driver_node_type=usage_tags.get("driverNodeType") or node_type,
        min_workers=int(usage_tags.get("clusterMinWorkers") or now) if scales else now,
        max_workers=int(usage_tags.get("clusterMaxWorkers") or now) if scales else now,
        expected_workers=Decimal(now),
        photon=_is_photon(usage_tags.get("runtimeEngine"), usage_tags.get("sparkVersion")),
        spot=_is_spot(availability),
        falls_back="FALLBACK" in availability,
        on_demand_nodes=int(usage_tags.get("clusterFirstOnDemand") or 0),
        cluster_id=usage_tags.get("clusterId"),
    )


def _node_type(
    new_cluster: Mapping[str, Any], role: str, pools: Mapping[str, str], otherwise: str | UnknownShape
) -> str | UnknownShape:
    """The node type that is named, or that of the pool that is named, or else the other."""
    named: str | None = new_cluster.get(f"{role}node_type_id")
    pool: str | None = new_cluster.get(f"{role}instance_pool_id")
    if named or not pool:
        return named or otherwise
    return pools.get(pool) or UnknownShape(f"node type of instance pool {pool} is not known")


def _declared_workers(new_cluster: Mapping[str, Any]) -> tuple[int, int]:
    if new_cluster.get("is_single_node"):
        return 0, 0
    autoscale = new_cluster.get("autoscale")
    if autoscale:
        return int(autoscale["min_workers"]), int(autoscale["max_workers"])
    fixed = int(new_cluster.get("num_workers") or 0)
    return fixed, fixed


def _declared_market(new_cluster: Mapping[str, Any]) -> tuple[bool, bool, int]:
    """Spot or not, whether it falls back to on demand, and how many nodes are on demand in any case."""
    attributes: Mapping[str, Any] = next((new_cluster[key] for key in CLOUD_ATTRIBUTES if new_cluster.get(key)), {})
    availability = str(attributes.get("availability", ""))
    return _is_spot(availability), "FALLBACK" in availability, int(attributes.get("first_on_demand") or 0)


def _is_spot(availability: str) -> bool:
    return availability.startswith(("SPOT", "PREEMPTIBLE"))


def _is_photon(runtime_engine: str | None, spark_version: str | None) -> bool:
    return runtime_engine == "PHOTON" or "-photon-" in (spark_version or "")
