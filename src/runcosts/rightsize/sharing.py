"""One cluster for two tasks in a row: it saves a start, and pays if a start takes longer than a certain time."""

from dataclasses import dataclass
from decimal import Decimal

from runcosts.cluster import ClusterShape
from runcosts.prices import Prices, Terms
from runcosts.rightsize.cluster_size import MOST_STRETCH
from runcosts.rightsize.fit import has_memory, stretch
from runcosts.rightsize.market import HOUR, Hint, cost_of
from runcosts.rightsize.usage import Usage


@dataclass(frozen=True)
class Work:
    """A task, its own cluster, how many seconds it takes there, and what it used."""

    task_key: str
    shape: ClusterShape
    seconds: Decimal
    usage: Usage


def advise_sharing(first: Work, second: Work, prices: Prices, terms: Terms) -> Hint | None:
    """Both tasks on the cluster of one of them; None where neither's has room for both."""
    works = (first, second)
    shapes = [shape for shape in (first.shape, second.shape) if all(_fits(one, shape, prices, terms) for one in works)]
    if not shapes:
        return None
    costs = {shape: sum((_cost(one, shape, prices, terms) for one in works), Decimal(0)) for shape in shapes}
    together = min(costs, key=lambda shape: costs[shape])
    more = costs[together] - sum((_cost(one, one.shape, prices, terms) for one in works), Decimal(0))
    what = f"{first.task_key} and {second.task_key} on one {together.node_type}"
    if more <= 0:
        return Hint("shared", f"{what}: costs no more, and saves a start", -more)
    minutes = more / cost_of(second.shape, HOUR, prices, terms) * 60
    turns = f"it pays if a start of {second.task_key}'s own takes more than {minutes:.1f} min"
    return Hint("shared", f"{what}: costs {more:.4f} more; {turns}")


def _fits(work: Work, shape: ClusterShape, prices: Prices, terms: Terms) -> bool:
    roomy = has_memory(shape, work.usage, prices, terms, work.shape)
    return roomy and stretch(shape, work.usage, prices, terms) <= MOST_STRETCH


def _cost(work: Work, shape: ClusterShape, prices: Prices, terms: Terms) -> Decimal:
    longer = Decimal(1) if shape == work.shape else stretch(shape, work.usage, prices, terms)
    return cost_of(shape, work.seconds * longer, prices, terms)
