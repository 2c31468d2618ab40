"""A task that writes its own row, in a session that reports a cluster."""

from decimal import Decimal

import pytest

from runcosts.cluster import USAGE_TAGS
from runcosts.errors import UnpricedWarning
from runcosts.on_cluster import record_attempt
from runcosts.prices import Terms

CLUSTER = {
    "cloudProvider": "AWS",
    "region": "us-east-1",
    "clusterId": "0101-1",
    "clusterNodeType": "m5d.xlarge",
    "clusterWorkers": "2",
    "clusterScalingType": "fixed_size",
    "runtimeEngine": "STANDARD",
}


@pytest.fixture
def report(spark):
    """Makes the session report a cluster."""
    keys = []

    def set_tags(tags):
        for tag, value in tags.items():
            keys.append(f"{USAGE_TAGS}{tag}")
            spark.conf.set(keys[-1], value)

    yield set_tags
    for key in keys:
        spark.conf.unset(key)


def test_an_attempt_writes_the_row_of_the_cluster_that_it_ran_on(spark, report, make_attempt):
    report(CLUSTER)

    row = record_attempt(spark, "costs.own_rows", make_attempt(workspace="1", result_state="FAILED"))
    record_attempt(spark, "costs.own_rows", make_attempt(workspace="1", result_state="FAILED"))

    assert row.estimated_usd == Decimal("0.3295")
    found = spark.table("costs.own_rows").collect()
    assert [(r.cluster_id, r.node_type, r.workers, r.result_state, r.estimated_usd) for r in found] == [
        ("0101-1", "m5d.xlarge", 2, "FAILED", Decimal("0.3295"))
    ]


def test_cloud_and_region_that_the_session_reports_win(spark, report, make_attempt):
    report(CLUSTER | {"cloudProvider": "Azure", "region": "eastus", "clusterNodeType": "Standard_DS3_v2"})

    row = record_attempt(spark, "costs.azure_rows", make_attempt(), Terms(tier="premium"))

    assert (row.cloud, row.region, row.dbu_usd) == ("azure", "eastus", Decimal("0.225"))


def test_serverless_leaves_a_row_with_a_reason(spark, make_attempt):
    with pytest.warns(UnpricedWarning, match="train: no cost estimate: the session reports no clusterNodeType"):
        row = record_attempt(spark, "costs.serverless_rows", make_attempt())

    assert row.estimated_usd is None
    assert spark.table("costs.serverless_rows").first().reason == row.reason
