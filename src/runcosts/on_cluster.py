"""On Databricks: a task writes the row of its own attempt, with the shape of the cluster that it ran on."""

import warnings
from dataclasses import replace

from pyspark.sql import SparkSession

from runcosts.attempt import Attempt
from runcosts.cluster import USAGE_TAGS, running_shape
from runcosts.errors import UnpricedWarning
from runcosts.estimate import estimate
from runcosts.ledger import RunCost, run_cost
from runcosts.prices import Prices, Terms, load_prices
from runcosts.spark_ledger import write_rows

TAGS = (
    "cloudProvider",
    "clusterAvailability",
    "clusterFirstOnDemand",
    "clusterId",
    "clusterMaxWorkers",
    "clusterMinWorkers",
    "clusterNodeType",
    "clusterScalingType",
    "clusterTargetWorkers",
    "clusterWorkers",
    "driverNodeType",
    "region",
    "runtimeEngine",
    "sparkVersion",
)


def record_attempt(
    spark: SparkSession, table: str, attempt: Attempt, terms: Terms | None = None, prices: Prices | None = None
) -> RunCost:
    """Write the row of an attempt that ends now, in success or by an error, and return it.

    An attempt that is killed cannot call this. What the session doesn't report leaves the amounts null, with a reason.

    Args:
        spark: a session on the cluster.
        table: full name of the ledger's table.
        attempt: the attempt.
        terms: how compute is bought; cloud and region that the session reports take precedence.
        prices: by default the price file of the package.
    """
    shape, bought = running_shape(_tags(spark)), bought_here(spark, terms or Terms())
    row = run_cost(attempt, shape, estimate(shape, attempt.seconds, prices or load_prices(), bought), bought)
    if row.reason:
        warnings.warn(f"{row.task_key}: no cost estimate: {row.reason}", UnpricedWarning, stacklevel=2)
    write_rows(spark, table, [row])
    return row


def bought_here(spark: SparkSession, terms: Terms) -> Terms:
    """The terms, with the cloud and the region that the session reports."""
    tags = _tags(spark)
    cloud = (tags["cloudProvider"] or terms.cloud).lower()
    return replace(terms, cloud=cloud, region=tags["region"] or terms.region)


def _tags(spark: SparkSession) -> dict[str, str | None]:
    return {tag: spark.conf.get(f"{USAGE_TAGS}{tag}", None) for tag in TAGS}
