"""The cheapest cluster that a task fits on: node type, workers, single node."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from runcosts.cluster import ClusterShape
from runcosts.errors import NoPriceError
from runcosts.estimate import Estimate, estimate
from runcosts.prices import Prices, Terms
from runcosts.rightsize.fit import HEADROOM, has_memory, mean_workers, nodes_of, stretch
from runcosts.rightsize.usage import Usage

LEAST_SAVING = Decimal("0.05")
MOST_STRETCH = Decimal("1.5")
"""A task may become so many times as long, and never longer than its timeout."""


@dataclass(frozen=True)
class Sized:
    """A cluster, how long the task takes on it, and what that costs."""

    shape: ClusterShape
    seconds: Decimal
    cost: Decimal


@dataclass(frozen=True)
class SizeAdvice:
    """What a task runs on now, what it should run on (None: nothing better is known), and why."""

    now: Sized
    better: Sized | None
    reasons: tuple[str, ...]

    @property
    def saving(self) -> Decimal:
        """Of a run; below 0 where the task needs more than it has."""
        return self.now.cost - self.better.cost if self.better else Decimal(0)


def advise_size(
    now: ClusterShape,
    usage: Usage,
    seconds: Decimal,
    timeout: int,
    prices: Prices,
    terms: Terms,
    *,
    arm: bool = False,
) -> SizeAdvice:
    """Choose among all node types with a price, and all numbers of workers up to the present one.

    Args:
        now: the declared cluster.
        usage: of past runs.
        seconds: of a run on it.
        timeout: seconds that an attempt may take, 0 for ever.
        prices: the price file.
        terms: how compute is bought.
        arm: whether what the task installs runs on ARM too; else its processors stay of their kind.

    Raises:
        NoPriceError: the present cluster has no price.
    """
    names = _allowed_nodes(now, prices, terms, arm=arm)
    present = _sized(_as_it_was(now, usage), usage, seconds, prices, terms)
    longest = min(seconds * MOST_STRETCH, Decimal(timeout or "Infinity"))
    fitting = [
        one
        for one in (_sized(shape, usage, seconds, prices, terms) for shape in _others(now, usage, names))
        if one.seconds <= longest and has_memory(one.shape, usage, prices, terms, now)
    ]
    best = min(fitting, key=lambda one: (one.cost, one.seconds), default=None)
    short = not has_memory(now, usage, prices, terms, now)
    pays = best is not None and present.cost - best.cost >= LEAST_SAVING * present.cost
    better = best if short or pays else None
    return SizeAdvice(present, better, tuple(_reasons(present, better, usage, prices, terms, short=short)))


def _allowed_nodes(now: ClusterShape, prices: Prices, terms: Terms, *, arm: bool) -> list[str]:
    """Node types with a price in the region, with processors that the task's libraries are there for."""
    _, worker = nodes_of(now, prices, terms)
    nodes = prices.nodes[terms.cloud].items()
    return [name for name, node in nodes if terms.region in node.machine and (arm or node.cpu == worker.cpu)]


def _others(now: ClusterShape, usage: Usage, names: list[str]) -> Iterator[ClusterShape]:
    """Every other cluster, on the same market; one node alone is always on demand, for nothing would restart it."""
    for name in names:
        for workers in range(now.max_workers + 1):
            driver = name if workers == 0 or now.driver_node_type == now.node_type else now.driver_node_type
            shape = replace(
                now,
                node_type=name,
                driver_node_type=driver,
                min_workers=min(now.min_workers, workers),
                max_workers=workers,
                on_demand_nodes=max(now.on_demand_nodes, int(workers == 0)),
            )
            if shape != now:
                yield _as_it_was(shape, usage)


def _as_it_was(shape: ClusterShape, usage: Usage) -> ClusterShape:
    """With the workers that the runs really had, where they had some; else as the estimate takes them."""
    middle = Decimal(shape.min_workers + shape.max_workers) / 2
    seen = any(moment.workers for moment in usage.moments)
    return replace(shape, expected_workers=mean_workers(usage, shape.max_workers) if seen else middle)


def _sized(shape: ClusterShape, usage: Usage, seconds: Decimal, prices: Prices, terms: Terms) -> Sized:
    longer = (seconds * stretch(shape, usage, prices, terms)).quantize(Decimal("0.001"))
    found = estimate(shape, longer, prices, terms)
    if not isinstance(found, Estimate):
        raise NoPriceError(found.reason)
    return Sized(shape, longer, found.usd)


def _reasons(
    now: Sized, better: Sized | None, usage: Usage, prices: Prices, terms: Terms, *, short: bool
) -> Iterator[str]:
    driver, worker = nodes_of(now.shape, prices, terms)
    cores = worker.cores * now.shape.max_workers or driver.cores
    yield f"{usage.busy_cores:.1f} of {cores} cores were busy on average ({usage.source})"
    workers = f" and {usage.worker_gb:.1f} GB a worker" if usage.worker_gb else ""
    yield f"memory peaked at {usage.driver_gb:.1f} GB on the driver{workers}; {HEADROOM} times that must fit"
    if usage.swapped:
        yield "it swapped, so memory was short and the peak is not known: only more memory is safe"
    elif short:
        yield "that is more than the nodes have: the task may be killed"
    if usage.wait_share is not None:
        yield f"processors waited for disks {100 * usage.wait_share:.0f} % of the time"
    if usage.network_gb:
        yield f"nodes sent and received {usage.network_gb:.1f} GB a run"
    if better is not None and better.seconds > now.seconds:
        yield f"there it takes {better.seconds / now.seconds:.2f} times as long: busy minutes have fewer cores"
    if better is not None and now.shape.max_workers > 0 == better.shape.max_workers:
        yield f"one node holds all {usage.all_gb:.1f} GB"
    if better is None:
        yield "no cluster with a price that its memory allows is cheaper by 5 %" if not short else "no node has enough"
