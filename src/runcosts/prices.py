"""The price file: what a DBU and a machine cost, by cloud, region, tier, SKU and node type."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from runcosts.errors import NoPriceError, PricesError

Sku = Literal["jobs_compute", "all_purpose", "serverless_jobs", "model_serving"]
Amount = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Multiplier = Annotated[Decimal, Field(ge=1, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class Terms:
    """Where and how a workload is bought: they choose the price of a DBU."""

    cloud: str = "aws"
    region: str = "us-east-1"
    tier: str = "premium"
    sku: Sku = "jobs_compute"

    def __str__(self) -> str:
        """As the messages say it."""
        return f"{self.cloud}/{self.region}/{self.tier}/{self.sku}"


class _Priced(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # at first use: --help needs none


class Source(_Priced):
    """Where figures were taken from, and when."""

    what: Text
    where: Text
    date: dt.date


class Machine(_Priced):
    """What the cloud asks for a machine, for an hour."""

    on_demand: Amount
    spot: Amount | None = None


class Node(_Priced):
    """A node type: the DBU that it emits in an hour, and its machine by region.

    `cpu` matters to what is installed on it: libraries need wheels for it.
    """

    dbu_per_hour: Amount
    cores: Annotated[int, Field(gt=0)]
    memory_gb: Amount
    cpu: Literal["x86", "arm"] = "x86"
    machine: dict[str, Machine]


class Prices(_Priced):
    """Everything that an estimate needs to know about money.

    `sku_regions` is how SKUs that differ by region name it, by cloud and region: for `runcosts prices sync`.
    """

    date: dt.date
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    rates: dict[str, dict[str, dict[str, dict[Sku, Amount]]]]
    photon: dict[str, dict[Sku, Multiplier]]
    nodes: dict[str, dict[str, Node]]
    sku_regions: dict[str, dict[str, Text]] = Field(default_factory=dict)

    def rate(self, terms: Terms) -> Decimal:
        """Price of one DBU."""
        found = self.rates.get(terms.cloud, {}).get(terms.region, {}).get(terms.tier, {}).get(terms.sku)
        if found is None:
            known = ", ".join(map(str, self.known_terms()))
            raise NoPriceError(f"no rate for {terms}; the price file has {known}: add it there")
        return found

    def photon_multiplier(self, terms: Terms) -> Decimal:
        """How many times the DBU of a node Photon emits."""
        found = self.photon.get(terms.cloud, {}).get(terms.sku)
        if found is None:
            raise NoPriceError(f"no Photon multiplier for {terms.sku} on {terms.cloud}: add it to the price file")
        return found

    def node(self, terms: Terms, node_type: str) -> tuple[Node, Machine]:
        """A node type and its machine in the region."""
        node = self.nodes.get(terms.cloud, {}).get(node_type)
        machine = node.machine.get(terms.region) if node else None
        if node is None or machine is None:
            where = f"on {terms.cloud} in {terms.region}"
            raise NoPriceError(f"no price for node type {node_type} {where}: add it to the price file")
        return node, machine

    def known_terms(self) -> list[Terms]:
        """Every combination that has a rate."""
        return [
            Terms(cloud, region, tier, sku)
            for cloud, regions in self.rates.items()
            for region, tiers in regions.items()
            for tier, skus in tiers.items()
            for sku in skus
        ]


def load_prices(path: Path | None = None) -> Prices:
    """Read a price file, by default the one that comes with the package.

    Raises:
        PricesError: the file is not YAML, has unknown or missing keys, or a figure that cannot be.
    """
    source = path or files("runcosts").joinpath("prices.yml")
    try:
        content = YAML(typ="safe", pure=True).load(source.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as unreadable:
        raise PricesError(f"{source}: expected a YAML file of prices, found: {unreadable}") from unreadable
    try:
        return Prices.model_validate(content)
    except ValidationError as invalid:
        raise PricesError(_describe(str(source), invalid)) from invalid


def _describe(source: str, invalid: ValidationError) -> str:
    lines = [
        f"  {'.'.join(str(part) for part in error['loc']) or 'the file'}: found {error['input']!r}; {error['msg']}"
        for error in invalid.errors()
    ]
    return "\n".join(
        [f"{source}: {len(lines)} entries cannot be used; mend them, as prices are never guessed.", *lines]
    )


def gaps(prices: Prices, today: dt.date, oldest_days: int = 365) -> list[str]:
    """What a reader of estimates should know about the file: age, and prices that it lacks."""
    age = (today - prices.date).days
    old = [f"the prices are {age} days old (more than {oldest_days}): renew them"] if age > oldest_days else []
    return old + [
        f"{cloud} {name} in {region}: no spot price, so spot nodes are estimated at the on-demand price"
        for cloud, nodes in prices.nodes.items()
        for name, node in nodes.items()
        for region, machine in node.machine.items()
        if machine.spot is None
    ]
