"""Whether a cluster has the memory that a task used, and how much longer the task would take on it.

Memory: what was used, and a fifth on top, must be there; what workers held is spread over fewer workers, and one node
alone must hold it all. Time: a minute with more busy cores than the other cluster has is stretched in proportion; no
minute ever becomes shorter, so more cores promise nothing.
"""

from decimal import Decimal

from runcosts.cluster import ClusterShape
from runcosts.prices import Node, Prices, Terms
from runcosts.rightsize.usage import Usage

HEADROOM = Decimal("1.2")


def has_memory(shape: ClusterShape, usage: Usage, prices: Prices, terms: Terms, now: ClusterShape) -> bool:
    """Whether the memory that was used fits; where a task swapped, only nodes with more memory than now do."""
    driver, worker = nodes_of(shape, prices, terms)
    needs = [(driver, usage.all_gb if shape.max_workers == 0 else usage.driver_gb)]
    if shape.max_workers:
        needs.append((worker, _of_one_worker(shape, usage)))
    if usage.swapped and _total_gb(shape, prices, terms) <= _total_gb(now, prices, terms):
        return False
    return all(used * HEADROOM <= node.memory_gb for node, used in needs)


def stretch(shape: ClusterShape, usage: Usage, prices: Prices, terms: Terms) -> Decimal:
    """How many times as long the task takes, at least 1."""
    driver, worker = nodes_of(shape, prices, terms)
    longer = Decimal(0)
    for moment in usage.moments:
        many = min(moment.workers or shape.max_workers, shape.max_workers)
        cores = Decimal(worker.cores * many if shape.max_workers else driver.cores)
        longer += moment.seconds * max(Decimal(1), moment.busy_cores / cores)
    return longer / usage.seconds


def mean_workers(usage: Usage, most: int) -> Decimal:
    """The workers that the runs had, had there been at most so many."""
    worked = sum((min(moment.workers, most) * moment.seconds for moment in usage.moments), Decimal(0))
    return worked / usage.seconds


def nodes_of(shape: ClusterShape, prices: Prices, terms: Terms) -> tuple[Node, Node]:
    """Driver and worker."""
    driver, worker = (prices.node(terms, name)[0] for name in (shape.driver_node_type, shape.node_type))
    return driver, worker


def _of_one_worker(shape: ClusterShape, usage: Usage) -> Decimal:
    """Fewer workers hold more each; a run that had none tells only what everything took together."""
    if all(moment.workers == 0 for moment in usage.moments):
        return usage.driver_gb
    return max(usage.worker_gb, usage.workers_gb / shape.max_workers)


def _total_gb(shape: ClusterShape, prices: Prices, terms: Terms) -> Decimal:
    driver, worker = nodes_of(shape, prices, terms)
    return driver.memory_gb + shape.max_workers * worker.memory_gb
