"""What an attempt costs by the price file: DBU times rate, plus the machines. Exact decimals, rounded once."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from runcosts.cluster import ClusterShape, ServerlessShape, UnknownShape
from runcosts.errors import NoPriceError
from runcosts.prices import Prices, Terms

SECONDS_PER_HOUR = 3600
SMALLEST = Decimal("0.000001")


@dataclass(frozen=True)
class Estimate:
    """Cost of one attempt, in the currency of the price file; low and high as cluster.py says.

    It covers the time that the attempt ran: not the start of the cluster, its idling, or any discount.
    """

    dbu: Decimal
    dbu_usd: Decimal
    machine_usd: Decimal
    usd: Decimal
    low: Decimal
    high: Decimal
    currency: str
    price_date: dt.date
    assumptions: tuple[str, ...] = ()
    label: str = "estimated"


@dataclass(frozen=True)
class Unpriced:
    """Why there is no estimate: a cost is never guessed."""

    reason: str


@dataclass(frozen=True)
class _NodeHour:
    """What a node takes in an hour."""

    dbu: Decimal
    on_demand: Decimal
    spot: Decimal | None


@dataclass(frozen=True)
class _Rates:
    """The prices that a shape needs."""

    dbu: Decimal
    driver: _NodeHour
    worker: _NodeHour


def estimate(
    shape: ClusterShape | ServerlessShape | UnknownShape, seconds: Decimal, prices: Prices, terms: Terms
) -> Estimate | Unpriced:
    """Estimate an attempt of that many seconds on a cluster of that shape."""
    if isinstance(shape, UnknownShape):
        return Unpriced(shape.reason)
    hours = seconds / SECONDS_PER_HOUR
    try:
        if isinstance(shape, ServerlessShape):
            return _serverless(shape, hours, prices, terms)
        rates = _rates(shape, prices, terms)
    except NoPriceError as missing:
        return Unpriced(str(missing))
    return _classic(shape, hours, prices, rates)


def _serverless(shape: ServerlessShape, hours: Decimal, prices: Prices, terms: Terms) -> Estimate:
    """The machines are part of the rate."""
    dbu = shape.dbu_per_hour * hours
    usd = _rounded(dbu * prices.rate(terms))
    said = (f"serverless at {shape.dbu_per_hour} DBU an hour, as stated",)
    return Estimate(_rounded(dbu), usd, Decimal(0), usd, usd, usd, prices.currency, prices.date, said)


def _classic(shape: ClusterShape, hours: Decimal, prices: Prices, rates: _Rates) -> Estimate:
    dbu = _dbu_an_hour(shape.expected_workers, rates) * hours
    dbu_usd = _rounded(dbu * rates.dbu)
    machine_usd = _rounded(_machines_an_hour(shape, shape.expected_workers, rates, at_spot=shape.spot) * hours)
    at_spot_in_the_worst_case = shape.spot and not shape.falls_back
    usd = dbu_usd + machine_usd  # rounded in parts, it may be a millionth off the bounds, which are rounded whole
    return Estimate(
        dbu=_rounded(dbu),
        dbu_usd=dbu_usd,
        machine_usd=machine_usd,
        usd=usd,
        low=min(usd, _bound(shape, shape.min_workers, rates, hours, at_spot=shape.spot)),
        high=max(usd, _bound(shape, shape.max_workers, rates, hours, at_spot=at_spot_in_the_worst_case)),
        currency=prices.currency,
        price_date=prices.date,
        assumptions=tuple(_assumptions(shape, rates)),
    )


def _rates(shape: ClusterShape, prices: Prices, terms: Terms) -> _Rates:
    multiplier = prices.photon_multiplier(terms) if shape.photon else Decimal(1)
    driver, worker = (
        _NodeHour(node.dbu_per_hour * multiplier, machine.on_demand, machine.spot)
        for node, machine in (prices.node(terms, name) for name in (shape.driver_node_type, shape.node_type))
    )
    return _Rates(prices.rate(terms), driver, worker)


def _dbu_an_hour(workers: Decimal, rates: _Rates) -> Decimal:
    return rates.driver.dbu + workers * rates.worker.dbu


def _machines_an_hour(shape: ClusterShape, workers: Decimal, rates: _Rates, *, at_spot: bool) -> Decimal:
    """Machines of driver and workers; the first `on_demand_nodes` of them, driver first, at the on-demand price."""
    driver_at_spot = at_spot and shape.on_demand_nodes == 0
    safe_workers = min(workers, Decimal(max(shape.on_demand_nodes - 1, 0))) if at_spot else workers
    return (
        _machine(rates.driver, at_spot=driver_at_spot)
        + safe_workers * rates.worker.on_demand
        + (workers - safe_workers) * _machine(rates.worker, at_spot=at_spot)
    )


def _machine(node: _NodeHour, *, at_spot: bool) -> Decimal:
    return node.spot if at_spot and node.spot is not None else node.on_demand


def _bound(shape: ClusterShape, workers: int, rates: _Rates, hours: Decimal, *, at_spot: bool) -> Decimal:
    size = Decimal(workers)
    machines = _machines_an_hour(shape, size, rates, at_spot=at_spot)
    return _rounded((_dbu_an_hour(size, rates) * rates.dbu + machines) * hours)


def _assumptions(shape: ClusterShape, rates: _Rates) -> Iterator[str]:
    if shape.min_workers != shape.max_workers:
        yield f"{shape.expected_workers} workers, between {shape.min_workers} and {shape.max_workers}"
    if shape.spot and rates.worker.spot is None and shape.max_workers > 0:
        yield f"no spot price of {shape.node_type}: the on-demand price is taken"


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(SMALLEST)
