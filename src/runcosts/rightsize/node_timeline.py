"""Usage from system.compute.node_timeline, or a table of its shape: a row a minute and node."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Any

from pyspark.sql import SparkSession

from runcosts.prices import Prices, Terms
from runcosts.rightsize.usage import Moment, Usage
from runcosts.system_names import NODE_TIMELINE, TASK_TIMELINE
from runcosts.system_tables import open_table

TaskKey = tuple[str, str]
"""Of a job's id and a task."""
Rows = Iterable[Mapping[str, Any]]
UNKNOWN = ("whether local disks were needed", "the network that a node type can carry")


def measured_on_clusters(
    spark: SparkSession, catalog: str, prices: Prices, terms: Terms, last: int
) -> dict[TaskKey, Usage]:
    """What the last runs of every task used, by job id and task.

    Raises:
        SettingsError: a table is missing; the message names it.
        NoPriceError: a node type is not in the price file, which knows its cores and memory.
    """
    query = files("runcosts.rightsize").joinpath("node_timeline.sql").read_text(encoding="utf-8")
    nodes, timeline = (open_table(spark, f"{catalog}.{name}") for name in (NODE_TIMELINE, TASK_TIMELINE))
    found = spark.sql(query, nodes=nodes, timeline=timeline, last=last)
    return usage_of(
        [row.asDict() for row in found.collect()],  # a row a minute and kind of node, of the last runs
        prices,
        terms,
    )


def usage_of(rows: Rows, prices: Prices, terms: Terms) -> dict[TaskKey, Usage]:
    """Rows of node_timeline.sql as usage."""
    tasks: dict[TaskKey, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        tasks[str(row["job_id"]), row["task_key"]].append(row)
    return {key: _usage(found, prices, terms) for key, found in tasks.items()}


def _usage(rows: list[Mapping[str, Any]], prices: Prices, terms: Terms) -> Usage:
    minutes: dict[tuple[str, Any], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        minutes[row["run_id"], row["start_time"]].append(row)
    runs = len({row["run_id"] for row in rows})
    nodes = sum(row["nodes"] for row in rows)
    sent = sum((_decimal(row["network_bytes"]) for row in rows), Decimal(0))
    return Usage(
        runs=runs,
        source=f"{runs} runs on clusters, {len(minutes)} minutes",
        moments=tuple(_moment(parts, prices, terms) for parts in minutes.values()),
        swapped=any(_decimal(row["swap_percent"]) > 0 for row in rows),
        wait_share=sum((_decimal(row["wait_percent"]) for row in rows), Decimal(0)) / nodes / 100,
        network_gb=sent / runs / 10**9,
        unknown=UNKNOWN,
    )


def _moment(parts: list[Mapping[str, Any]], prices: Prices, terms: Terms) -> Moment:
    workers = [part for part in parts if not part["driver"]]
    return Moment(
        seconds=max(_decimal(part["seconds"]) for part in parts),
        busy_cores=sum((_share(part, "busy_percent", prices, terms, "cores") for part in parts), Decimal(0)),
        driver_gb=_fullest([part for part in parts if part["driver"]], prices, terms),
        worker_gb=_fullest(workers, prices, terms),
        workers=sum(part["nodes"] for part in workers),
    )


def _fullest(parts: list[Mapping[str, Any]], prices: Prices, terms: Terms) -> Decimal:
    return max((_share(part, "memory_percent", prices, terms, "memory_gb") for part in parts), default=Decimal(0))


def _share(part: Mapping[str, Any], percent: str, prices: Prices, terms: Terms, of: str) -> Decimal:
    node, _ = prices.node(terms, part["node_type"])
    return _decimal(part[percent]) / 100 * Decimal(getattr(node, of))


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value or 0))
