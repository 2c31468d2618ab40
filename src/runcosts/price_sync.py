"""Renews the rates of a price file from system.billing.list_prices, or a table of its shape.

Machines, DBU of node types and Photon multipliers are not in that table and stay as they are.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from runcosts.prices import Prices, Sku, Terms

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SKU_NAME = re.compile(
    r"(?P<tier>PREMIUM|ENTERPRISE)_(?P<kind>JOBS_COMPUTE|ALL_PURPOSE_COMPUTE|JOBS_SERVERLESS_COMPUTE"
    r"|SERVERLESS_REAL_TIME_INFERENCE)(?P<photon>_\(PHOTON\))?(?:_(?P<region>\w+))?"
)
SKUS: Mapping[str, Sku] = MappingProxyType(
    {
        "JOBS_COMPUTE": "jobs_compute",
        "ALL_PURPOSE_COMPUTE": "all_purpose",
        "JOBS_SERVERLESS_COMPUTE": "serverless_jobs",
        "SERVERLESS_REAL_TIME_INFERENCE": "model_serving",
    }
)


@dataclass(frozen=True)
class ListPrice:
    """What a DBU of a SKU costs at one moment."""

    cloud: str
    sku_name: str
    currency: str
    price: Decimal


@dataclass(frozen=True)
class Renewal:
    """A renewed price file, what changed in it, and which SKUs it could not take, with the reason."""

    prices: Prices
    changes: tuple[str, ...]
    left: tuple[str, ...]


def read_list_prices(spark: "SparkSession", catalog: str, at: dt.datetime) -> list[ListPrice]:
    """The prices of DBU at that moment, from `catalog`.billing.list_prices.

    Raises:
        SettingsError: the catalog's name isn't a plain one.
    """
    from pyspark.sql import functions as F  # noqa: PLC0415 - only this command needs Spark

    from runcosts.spark_ledger import quoted_name  # noqa: PLC0415

    moment, end = F.lit(at), F.col("price_end_time")
    holds = (F.col("price_start_time") <= moment) & (end.isNull() | (moment < end))
    found = (
        spark.table(quoted_name(f"{catalog}.billing.list_prices"))
        .where((F.col("usage_unit") == "DBU") & holds)
        .select(F.lower("cloud"), "sku_name", "currency_code", F.col("pricing.default").cast("DECIMAL(20, 10)"))
        .orderBy("cloud", "sku_name")
    )
    prices = found.collect()  # one row a SKU
    return [ListPrice(cloud, name, currency, price.normalize()) for cloud, name, currency, price in prices]


def renew(prices: Prices, listed: Iterable[ListPrice], where: str, today: dt.date) -> Renewal:
    """Put listed prices into a price file, in the regions that it has.

    Photon's SKUs have the rate of the plain ones and are passed over.
    """
    content = prices.model_dump()
    changes, left = [], []
    for one in listed:
        parts = SKU_NAME.fullmatch(one.sku_name)
        regions = _regions(prices, one, parts)
        if parts is None or isinstance(regions, str):
            left.append(f"{one.cloud} {one.sku_name}: {regions}")
        elif not parts["photon"]:
            terms = (Terms(one.cloud, region, parts["tier"].lower(), SKUS[parts["kind"]]) for region in regions)
            changes += [change for each in terms if (change := _put(content["rates"], each, one.price))]
    content |= {"date": today, "sources": (*content["sources"], {"what": "rates", "where": where, "date": today})}
    return Renewal(Prices.model_validate(content), tuple(changes), tuple(left))


def write_prices(prices: Prices, path: Path) -> None:
    """Write a price file that `load_prices` reads."""
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(_plain(prices.model_dump(exclude_none=True)), file)


def _regions(prices: Prices, one: ListPrice, parts: re.Match[str] | None) -> list[str] | str:
    """The regions of the file that a price holds in, or why there are none."""
    if parts is None:
        return "no estimate uses it"
    if one.currency != prices.currency:
        return f"in {one.currency}, the file is in {prices.currency}"
    there = list(prices.rates.get(one.cloud, {}))
    if parts["region"] is None:
        return there or "the file has no region of that cloud"
    named = [region for region in there if prices.sku_regions.get(one.cloud, {}).get(region) == parts["region"]]
    return named or f"the file's sku_regions don't name {parts['region']}"


def _put(rates: dict[str, Any], terms: Terms, price: Decimal) -> str | None:
    skus = rates[terms.cloud][terms.region].setdefault(terms.tier, {})
    before = skus.get(terms.sku)
    skus[terms.sku] = price
    return None if before == price else f"{terms}: {before or 'new'} → {price}"


def _plain(value: Any) -> Any:
    """With amounts as YAML writes numbers; reading them back gives the same decimals."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, Decimal) else value
