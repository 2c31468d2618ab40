"""Advice that hangs on what only past runs can tell, each with the figure at which it turns: spot and Photon."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import median
from typing import Any

from runcosts.cluster import ClusterShape
from runcosts.errors import NoPriceError
from runcosts.estimate import Estimate, estimate
from runcosts.prices import Prices, Terms
from runcosts.tracking import SUCCESS_STATES

HOUR = Decimal(3600)
Rows = Iterable[Mapping[str, Any]]
"""Of a ledger; those without a cluster_id ran on a laptop, which tells nothing of spot and Photon."""


@dataclass(frozen=True)
class Hint:
    """Advice that hangs on something; `saving` of a run where past runs decide it, None where nobody can know."""

    kind: str
    text: str
    saving: Decimal | None = None


def advise_spot(
    shape: ClusterShape, seconds: Decimal, retries: int, rows: Rows, prices: Prices, terms: Terms
) -> Hint | None:
    """Workers on spot pay unless so many attempts are lost that doing them again costs more; None without workers."""
    if shape.max_workers == 0:
        return None
    safe = cost_of(replace(shape, spot=False), seconds, prices, terms)
    cheap = cost_of(replace(shape, spot=True, on_demand_nodes=max(shape.on_demand_nodes, 1)), seconds, prices, terms)
    if cheap >= safe:
        return Hint("spot", f"no spot price of {shape.node_type} is known")
    limit = safe / cheap - 1
    turns = f"spot workers pay while fewer than {100 * limit:.0f} of 100 attempts are lost and done again"
    if retries == 0:
        return Hint("spot", f"{turns}; the task has no retries, so a lost worker may cost the run")
    lost = _lost_share([row for row in rows if row.get("spot") and row.get("cluster_id")])
    if lost is None:
        return Hint("spot", f"{turns}; how many are is not known: no attempt ran on spot")
    expected = cheap * (1 + lost)
    said = f"{turns}; {100 * lost:.0f} of 100 were (every failed attempt is counted as lost)"
    better, other = (expected, safe) if expected < safe else (safe, expected)
    already = shape.spot == (expected < safe)
    word = "spot" if expected < safe else "on demand"
    return Hint("spot", f"{said}: {'stay' if already else 'go'} {word}", None if already else other - better)


def advise_photon(shape: ClusterShape, rows: Rows, prices: Prices, terms: Terms) -> Hint:
    """Photon multiplies the DBU; it pays from a certain speed-up on, which only a trial can tell."""
    without, having = (cost_of(replace(shape, photon=on), HOUR, prices, terms) for on in (False, True))
    even = having / without
    succeeded = [row for row in rows if row.get("cluster_id") and row["result_state"].upper() in SUCCESS_STATES]
    times = {on: [row["seconds"] for row in succeeded if row.get("photon") is on] for on in (False, True)}
    turns = f"Photon pays from {even:.2f} times the speed on"
    if not times[False] or not times[True]:
        return Hint("photon", f"{turns}; how much faster it is here is not known: try it once")
    plain, fast = (median(times[on]) for on in (False, True))
    costs = {False: without * plain / HOUR, True: having * fast / HOUR}
    best = costs[True] < costs[False]
    said = f"{turns}; past runs were {plain / fast:.2f} times as fast with it: {'on' if best else 'off'}"
    saving = None if best == shape.photon else (costs[shape.photon] - costs[best]).quantize(Decimal("0.000001"))
    return Hint("photon", said, saving)


def cost_of(shape: ClusterShape, seconds: Decimal, prices: Prices, terms: Terms) -> Decimal:
    """The expected cost.

    Raises:
        NoPriceError: a node type has no price.
    """
    found = estimate(shape, seconds, prices, terms)
    if not isinstance(found, Estimate):
        raise NoPriceError(found.reason)
    return found.usd


def _lost_share(rows: list[Mapping[str, Any]]) -> Decimal | None:
    if not rows:
        return None
    lost = sum(row["result_state"].upper() not in SUCCESS_STATES for row in rows)
    return Decimal(lost) / len(rows)
