"""The time line of a run: how long each cluster is up when several tasks share it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter

from runcosts.errors import BundleError


def billed_seconds(
    depends_on: Mapping[str, Sequence[str]], seconds: Mapping[str, Decimal], clusters: Mapping[str, str]
) -> dict[str, Decimal]:
    """Seconds of its cluster that each task pays for.

    A cluster is up from its first task's start to its last one's end, waiting included; tasks that share it pay in
    proportion to their own time. A task alone on a cluster pays its own time.

    Args:
        depends_on: the tasks that each task waits for.
        seconds: how long each task takes; the others take no time.
        clusters: the cluster of each task that shares one.
    """
    starts, ends = times_of(depends_on, seconds)
    members: dict[str, list[str]] = defaultdict(list)
    for task in seconds:
        members[clusters.get(task, f"own cluster of {task}")].append(task)
    billed: dict[str, Decimal] = {}
    for tasks in members.values():
        up = max(ends[task] for task in tasks) - min(starts[task] for task in tasks)
        worked = sum((seconds[task] for task in tasks), Decimal(0))
        billed |= {task: seconds[task] * up / worked if worked else Decimal(0) for task in tasks}
    return billed


def times_of(
    depends_on: Mapping[str, Sequence[str]], seconds: Mapping[str, Decimal]
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Start and end of every task, in seconds from the start of the run, each as early as it can."""
    starts: dict[str, Decimal] = {}
    ends: dict[str, Decimal] = {}
    try:
        order = list(TopologicalSorter(depends_on).static_order())
    except CycleError as cycle:
        raise BundleError(f"tasks wait for each other in a circle: {' → '.join(cycle.args[1])}") from cycle
    for task in order:
        starts[task] = max((ends[before] for before in depends_on.get(task, ())), default=Decimal(0))
        ends[task] = starts[task] + seconds.get(task, Decimal(0))
    return starts, ends
