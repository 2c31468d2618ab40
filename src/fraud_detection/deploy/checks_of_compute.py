"""Machines, runtimes, pools, and the warehouse."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import partial

from databricks.sdk.service.compute import InstancePoolState
from databricks.sdk.service.sql import State

from fraud_detection.deploy.findings import Check, Lacking
from fraud_detection.deploy.needs import Needs, Pool
from fraud_detection.deploy.workspace import Workspace

GONE = {State.DELETED, State.DELETING}


def checks_of_compute(needs: Needs) -> Iterator[Check]:
    """Everything that clusters and the dashboard run on is on offer here."""
    for name in sorted(needs.node_types):
        mend = "set the variables data_node, train_node, small_node to node types of this workspace"
        yield Check("node type", name, "offered in this region", mend, partial(_offers_node, name))
    for name in sorted(needs.runtimes):
        mend = "set the variable spark_version to a version of 18 LTS, or upgrade the workspace"
        yield Check("runtime", name, "on offer", mend, partial(_offers_runtime, name))
    for pool in needs.pools:
        expected = f"active, with {pool.nodes} nodes for the largest cluster"
        mend = "raise its maximum capacity, or name another pool"
        yield Check("pool", f"instance pool {pool.pool_id}", expected, mend, partial(_has_pool, pool))
    for name in sorted(needs.warehouses):
        mend = "set the variable warehouse_id to one of `databricks warehouses list`; it needs *Can use*"
        yield Check(
            "warehouse", f"SQL warehouse {name}", "there, for the dashboard", mend, partial(_has_warehouse, name)
        )


def _offers_node(name: str, workspace: Workspace) -> str:
    offered = workspace.node_types
    if name not in offered:
        raise Lacking(f"not among the {len(offered)} node types offered{_near(name, offered)}")
    node = offered[name]
    problems = [status.value for status in (node.node_info and node.node_info.status) or ()]
    if problems:
        raise Lacking(f"listed, but {', '.join(problems)}")
    size = f"{node.num_cores:g} cores, {node.memory_mb / 1024:g} GiB"
    return f"{size}; deprecated" if node.is_deprecated else size


def _offers_runtime(name: str, workspace: Workspace) -> str:
    if name not in workspace.runtimes:
        raise Lacking(f"not among the {len(workspace.runtimes)} versions on offer{_near(name, workspace.runtimes)}")
    return "on offer"


def _near(name: str, offered: Iterable[str]) -> str:
    near = get_close_matches(name, list(offered))
    return f"; near it are {', '.join(near)}" if near else ""


def _has_pool(pool: Pool, workspace: Workspace) -> str:
    found = workspace.client.instance_pools.get(pool.pool_id)
    if found.state is not InstancePoolState.ACTIVE:
        raise Lacking(f"its state is {found.state.value if found.state else 'unknown'}")
    if found.max_capacity is not None and found.max_capacity < pool.nodes:
        raise Lacking(f"its maximum capacity is {found.max_capacity}")
    return f"active, maximum capacity {found.max_capacity or 'not limited'}"


def _has_warehouse(name: str, workspace: Workspace) -> str:
    found = workspace.client.warehouses.get(name)
    if found.state is None or found.state in GONE:
        raise Lacking(f"its state is {found.state.value if found.state else 'unknown'}")
    return f"{found.name}, {found.state.value}"
