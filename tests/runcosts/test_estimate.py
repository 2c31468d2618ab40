"""Estimates against figures computed by hand from the price file's numbers."""

from decimal import Decimal

import pytest

from runcosts.cluster import UnknownShape
from runcosts.estimate import Estimate, Unpriced, estimate
from runcosts.prices import Terms

ALL_PURPOSE = Terms(sku="all_purpose")
AZURE = Terms(cloud="azure", region="eastus")

# node, workers, minutes, Photon, terms -> DBU, dollars for DBU, dollars for machines
BY_HAND = [
    # 3 nodes x .69 DBU/h x 1/3 h = .69; x .15; 3 x .226 x 1/3
    ("m5d.xlarge", 2, 20, False, Terms(), "0.69", "0.1035", "0.226"),
    # the same DBU x .55
    ("m5d.xlarge", 2, 20, False, ALL_PURPOSE, "0.69", "0.3795", "0.226"),
    # .69 x 2.9 = 2.001; x .15
    ("m5d.xlarge", 2, 20, True, Terms(), "2.001", "0.30015", "0.226"),
    # .69 x 2.0 = 1.38; x .55
    ("m5d.xlarge", 2, 20, True, ALL_PURPOSE, "1.38", "0.759", "0.226"),
    # a single node for an hour
    ("m5d.large", 0, 60, False, Terms(), "0.34", "0.051", "0.113"),
    ("r5d.xlarge", 0, 30, False, Terms(), "0.45", "0.0675", "0.144"),
    # Enterprise: .45 x .20
    ("r5d.xlarge", 0, 30, False, Terms(tier="enterprise"), "0.45", "0.09", "0.144"),
    # Azure: 2 x .75 x 1 h = 1.5; x .30; 2 x .23
    ("Standard_DS3_v2", 1, 60, False, AZURE, "1.5", "0.45", "0.46"),
    # Azure with Photon: 1.5 x 2.5 = 3.75; x .30
    ("Standard_DS3_v2", 1, 60, True, AZURE, "3.75", "1.125", "0.46"),
    # nothing ran
    ("i3.xlarge", 4, 0, False, Terms(), "0", "0", "0"),
]


@pytest.mark.parametrize("by_hand", BY_HAND, ids=lambda case: " ".join(map(str, case[:5])))
def test_an_estimate_equals_the_hand_computed_one(make_shape, prices, by_hand):
    node, workers, minutes, photon, terms, *expected = by_hand
    dbu, dbu_usd, machine_usd = map(Decimal, expected)

    found = estimate(make_shape(workers, node, photon=photon), Decimal(minutes * 60), prices, terms)

    assert isinstance(found, Estimate)
    assert (found.dbu, found.dbu_usd, found.machine_usd) == (dbu, dbu_usd, machine_usd)
    assert found.usd == found.low == found.high == dbu_usd + machine_usd


def test_three_m5d_xlarge_for_twenty_minutes_cost_33_cents_as_a_job_and_61_interactively(make_shape, prices):
    job, interactive = (estimate(make_shape(), Decimal(1200), prices, terms) for terms in (Terms(), ALL_PURPOSE))

    assert (round(job.usd, 2), round(interactive.usd, 2)) == (Decimal("0.33"), Decimal("0.61"))


def test_an_autoscaled_spot_cluster_lies_between_its_smallest_and_its_largest_on_demand(make_shape, prices):
    shape = make_shape(
        node="i3.xlarge",
        min_workers=1,
        max_workers=4,
        expected_workers=Decimal("2.5"),
        spot=True,
        falls_back=True,
        on_demand_nodes=1,
    )

    found = estimate(shape, Decimal(3600), prices, Terms())

    # DBU: driver 1 + 2.5 workers, x .15; machines: driver .312 + 2.5 x spot .124
    assert found.usd == Decimal("3.5") * Decimal("0.15") + Decimal("0.312") + Decimal("2.5") * Decimal("0.124")
    assert found.low == 2 * Decimal("0.15") + Decimal("0.312") + Decimal("0.124")
    assert found.high == 5 * Decimal("0.15") + 5 * Decimal("0.312")
    assert found.assumptions == ("2.5 workers, between 1 and 4",)


def test_spot_without_fallback_is_never_on_demand_and_a_driver_may_be_spot_too(make_shape, prices):
    found = estimate(make_shape(1, "i3.xlarge", spot=True), Decimal(3600), prices, Terms())

    assert found.usd == found.high == 2 * (Decimal("0.15") + Decimal("0.124"))


def test_on_demand_nodes_beyond_the_driver_are_workers(make_shape, prices):
    found = estimate(make_shape(3, "i3.xlarge", spot=True, on_demand_nodes=2), Decimal(3600), prices, Terms())

    assert found.machine_usd == 2 * Decimal("0.312") + 2 * Decimal("0.124")


def test_spot_without_a_spot_price_is_taken_on_demand_and_says_so(make_shape, prices):
    found = estimate(make_shape(1, "r5d.xlarge", spot=True, on_demand_nodes=1), Decimal(3600), prices, Terms())

    assert found.machine_usd == 2 * Decimal("0.288")
    assert found.assumptions == ("no spot price of r5d.xlarge: the on-demand price is taken",)


def test_driver_and_workers_may_differ(make_shape, prices):
    found = estimate(make_shape(2, driver_node_type="m5d.large"), Decimal(3600), prices, Terms())

    assert found.dbu == Decimal("0.34") + 2 * Decimal("0.69")
    assert found.machine_usd == Decimal("0.113") + 2 * Decimal("0.226")


def test_an_estimate_carries_its_label_currency_and_price_date(make_shape, prices):
    found = estimate(make_shape(), Decimal(60), prices, Terms())

    assert (found.label, found.currency, found.price_date) == ("estimated", "USD", prices.date)


@pytest.mark.parametrize(
    ("changes", "terms", "reason"),
    [
        ({"node": "z9.huge"}, Terms(), "no price for node type z9.huge on aws in us-east-1"),
        ({"driver_node_type": "z9.huge"}, Terms(), "no price for node type z9.huge on aws in us-east-1"),
        ({}, Terms(region="eu-west-1"), "in eu-west-1"),
        ({"photon": True}, Terms(sku="model_serving"), "no Photon multiplier for model_serving on aws"),
        ({}, Terms(tier="standard"), "no rate for aws/us-east-1/standard/jobs_compute"),
    ],
)
def test_a_price_that_is_not_listed_is_not_guessed(make_shape, prices, changes, terms, reason):
    found = estimate(make_shape(**changes), Decimal(60), prices, terms)

    assert isinstance(found, Unpriced)
    assert reason in found.reason


def test_a_shape_that_is_not_known_has_no_estimate(prices):
    assert estimate(UnknownShape("serverless"), Decimal(60), prices, Terms()) == Unpriced("serverless")
