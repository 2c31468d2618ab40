"""What each task of a resolved bundle runs on."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from runcosts.bundle import Tree, resources_by_id
from runcosts.cluster import (
    CLOUD_ATTRIBUTES,
    ClusterShape,
    ServerlessShape,
    UnknownShape,
    declared_shape,
)
from runcosts.prices import Sku

NOT_SERVERLESS = ("pipeline_task", "sql_task", "dbt_task", "run_job_task", "dashboard_task", "power_bi_task")
NODE_TYPES = ("node_type_id", "driver_node_type_id")
POOLS = ("instance_pool_id", "driver_instance_pool_id")


@dataclass(frozen=True)
class TaskCompute:
    """A task's compute. Tasks of a job with the same `cluster` share one; None is one of the task's own."""

    sku: Sku
    shape: ClusterShape | ServerlessShape | UnknownShape
    cluster: str | None = None
    assumptions: tuple[str, ...] = ()


def task_compute(
    tree: Tree, job: Mapping[str, Any], task: Mapping[str, Any], serverless: Decimal | None = None
) -> TaskCompute | None:
    """What a task of a job runs on; None for a condition, which uses nothing.

    Args:
        tree: the resolved bundle, for its pools and clusters.
        job: the job's settings.
        task: the task's settings; of a loop what it repeats counts.
        serverless: DBU an hour that serverless compute is assumed to take, if anyone said.
    """
    work = inner_task(task)
    if "condition_task" in work:
        return None
    if "job_cluster_key" in work:
        return _job_cluster(tree, job, work["job_cluster_key"])
    if "new_cluster" in work:
        return TaskCompute("jobs_compute", shape_of(tree, work["new_cluster"]))
    if "existing_cluster_id" in work:
        return _all_purpose(tree, str(work["existing_cluster_id"]))
    other = next((kind for kind in NOT_SERVERLESS if kind in work), None)
    if other:
        return TaskCompute("jobs_compute", UnknownShape(f"a {other} runs on compute that the task does not declare"))
    return TaskCompute("serverless_jobs", _serverless(serverless))


def declared_task_shape(tree: Tree, job_key: str, task_key: str) -> ClusterShape | UnknownShape | None:
    """The shape of the cluster of a task; None if the bundle has no such task on a cluster."""
    job = (tree["resources"].get("jobs") or {}).get(job_key, {})
    for task in job.get("tasks", []):
        if task_key in {task["task_key"], inner_task(task)["task_key"]}:
            compute = task_compute(tree, job, task)
            return compute.shape if compute and not isinstance(compute.shape, ServerlessShape) else None
    return None


def inner_task(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a loop repeats; any other task itself."""
    inner: Mapping[str, Any] = task.get("for_each_task", {}).get("task", task)
    return inner


def shape_of(tree: Tree, cluster: Mapping[str, Any]) -> ClusterShape | UnknownShape:
    """The shape of a cluster's settings, its nodes and their market taken from its pools where it names some."""
    return declared_shape(with_pools(cluster, resources_by_id(tree, "instance_pools")))


def with_pools(cluster: Mapping[str, Any], pools: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The cluster's settings with what its pools decide: node types, and spot or on demand.

    Args:
        cluster: the settings, which name pools by id.
        pools: settings of pools, by id.
    """
    of_workers, of_driver = (pools.get(str(cluster.get(name)), {}) for name in POOLS)
    decided: dict[str, Any] = {key: of_workers[key] for key in CLOUD_ATTRIBUTES if of_workers.get(key)}
    for name, pool in zip(NODE_TYPES, (of_workers, of_driver), strict=True):
        if pool.get("node_type_id"):
            decided[name] = pool["node_type_id"]
    return {**cluster, **decided}


def _job_cluster(tree: Tree, job: Mapping[str, Any], key: str) -> TaskCompute:
    found = next((one for one in job.get("job_clusters", []) if one.get("job_cluster_key") == key), None)
    shape = shape_of(tree, found["new_cluster"]) if found else UnknownShape(f"the job has no cluster {key}")
    return TaskCompute("jobs_compute", shape, key)


def _all_purpose(tree: Tree, cluster_id: str) -> TaskCompute:
    cluster = resources_by_id(tree, "clusters").get(cluster_id)
    if cluster is None:
        return TaskCompute("all_purpose", UnknownShape(f"cluster {cluster_id} is not declared in this bundle"))
    idle = cluster.get("autotermination_minutes")
    note = f"all-purpose cluster: up to {idle} min of idling are not counted" if idle else "all-purpose cluster: idling"
    return TaskCompute("all_purpose", shape_of(tree, cluster), cluster_id, (note,))


def _serverless(dbu_per_hour: Decimal | None) -> ServerlessShape | UnknownShape:
    if dbu_per_hour is None:
        return UnknownShape("serverless declares no size: state [tool.runcosts] serverless_dbu_per_hour")
    return ServerlessShape(dbu_per_hour)
