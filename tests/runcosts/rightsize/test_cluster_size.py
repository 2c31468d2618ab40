"""Made histories whose best cluster is known by hand; prices are those of the package, us-east-1 premium.

An hour on demand costs, at .15 a DBU: m5d.large .164, m5d.xlarge .3295, m6gd.xlarge .2965, i3.xlarge .462, r5d.xlarge
.423.
"""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runcosts.cluster import ClusterShape
from runcosts.prices import Terms, load_prices
from runcosts.rightsize.cluster_size import advise_size
from runcosts.rightsize.fit import HEADROOM, nodes_of
from runcosts.rightsize.usage import Moment, Usage

TERMS, PRICES, HOUR = Terms(), load_prices(), Decimal(3600)


def advise(now, usage, seconds=HOUR, timeout=0, *, arm=True):
    return advise_size(now, usage, seconds, timeout, PRICES, TERMS, arm=arm)


def chosen(advice):
    return advice.better and (advice.better.shape.node_type, advice.better.shape.max_workers)


def test_an_idle_node_with_little_memory_becomes_the_smallest_and_saves_the_difference(alone, make_usage):
    # 6 GB x 1.2 = 7.2 GB fit into the 8 of m5d.large; 1.5 busy cores into its 2. .423 - .164 an hour.
    found = advise(alone("r5d.xlarge"), make_usage((1.5, 6, 0, 0)))
    assert chosen(found) == ("m5d.large", 0)
    assert found.saving == Decimal("0.259")
    assert found.better.seconds == HOUR


def test_a_cheaper_node_that_memory_forbids_is_not_suggested(alone, make_usage):
    # 7 GB x 1.2 = 8.4 GB: m5d.large is out, and the cheapest with 16 GB is m6gd.xlarge.
    found = advise(alone("r5d.xlarge"), make_usage((1.5, 7, 0, 0)))
    assert chosen(found) == ("m6gd.xlarge", 0)
    assert found.saving == Decimal("0.1265")


def test_nodes_with_other_processors_are_suggested_only_if_the_libraries_run_there(alone, make_usage):
    assert chosen(advise(alone("r5d.xlarge"), make_usage((1.5, 7, 0, 0)), arm=False)) == ("m5d.xlarge", 0)


def test_a_node_with_fewer_cores_is_priced_with_the_time_that_busy_minutes_then_take(alone, make_usage):
    # Of two minutes one has 3 busy cores: on 2 cores it takes 1.5 times as long, the run 1.25 times. .164 x 1.25 = .205
    found = advise(alone("m5d.xlarge"), make_usage((3, 4, 0, 0), (1, 4, 0, 0)))
    assert chosen(found) == ("m5d.large", 0)
    assert found.better.seconds == Decimal(4500)
    assert found.better.cost == Decimal("0.205")
    assert found.saving == Decimal("0.1245")
    assert any("1.25 times as long" in reason for reason in found.reasons)


def test_a_node_that_would_pass_the_tasks_timeout_is_not_suggested(alone, make_usage):
    found = advise(alone("m5d.xlarge"), make_usage((3, 4, 0, 0), (1, 4, 0, 0)), timeout=4000)
    assert chosen(found) == ("m6gd.xlarge", 0)


def test_a_task_that_uses_what_it_has_keeps_it(alone, make_usage):
    found = advise(alone("m6gd.xlarge"), make_usage((3.9, 13, 0, 0)))
    assert chosen(found) is None
    assert found.saving == 0
    assert found.reasons[-1] == "no cluster with a price that its memory allows is cheaper by 5 %"


def test_workers_that_idle_are_let_go(make_shape, make_usage):
    # 12 cores of 3 workers, 3.2 busy: one worker has 4, and would hold 3 x 4 GB x 1.2 = 14.4 of its 16 GB.
    # All together are 14 GB x 1.2 = 16.8 GB: too much for one m5d.xlarge alone, and for nothing cheaper than 2 x m6gd:
    # an r5d.xlarge alone (.423) is cheaper than those (.593).
    found = advise(make_shape(3), make_usage((3.2, 2, 4, 3)))
    assert chosen(found) == ("r5d.xlarge", 0)
    assert found.saving == Decimal("1.318") - Decimal("0.423")
    assert "one node holds all 14.0 GB" in found.reasons


def test_a_cluster_that_no_single_node_can_hold_loses_only_workers(make_shape, make_usage):
    # All nodes held 3 + 4 x 7 = 31 GB: x 1.2 = 37.2 GB fits no node. Over w workers each holds max(7, 28 / w) GB x 1.2:
    # 3 hold 11.2, within the 16 GB of m6gd.xlarge; 2 hold 16.8, which needs the larger nodes:
    # 4 x m6gd.xlarge 1.186 an hour; 3 x r5d.xlarge 1.269.
    found = advise(make_shape(4), make_usage((7, 3, 7, 4)))
    assert chosen(found) == ("m6gd.xlarge", 3)
    assert found.better.cost == Decimal("1.186")
    assert found.now.cost == Decimal("1.6475")


def test_workers_that_are_busy_stay(make_shape, make_usage):
    # 15 of 16 cores: 3 workers would take 1.25 times as long and 4 nodes of 1.25 h cost what 5 of 1 h do.
    found = advise(make_shape(4, "m6gd.xlarge"), make_usage((15, 3, 12, 4)))
    assert chosen(found) is None


def test_an_autoscaled_cluster_is_priced_by_the_workers_that_it_had(make_shape, make_usage):
    # It had 1 and 3 workers, 2 on average, not the 2.5 that an estimate takes: 3 nodes x .3295.
    now = replace(make_shape(4), min_workers=1, expected_workers=Decimal("2.5"))
    found = advise(now, make_usage((4, 12, 12, 1), (12, 12, 12, 3)))
    assert found.now.cost == Decimal("0.9885")


@pytest.mark.parametrize("swapped", [True, False])
def test_a_task_that_swapped_gets_more_memory_even_if_it_costs_more(alone, make_usage, swapped):
    found = advise(alone("m5d.large"), make_usage((1, 6, 0, 0), swapped=swapped))
    if not swapped:
        assert chosen(found) is None
        return
    assert chosen(found) == ("m6gd.xlarge", 0)
    assert found.saving == Decimal("0.164") - Decimal("0.2965")


def test_where_no_node_has_enough_nothing_is_suggested(alone, make_usage):
    found = advise(alone("r5d.xlarge"), make_usage((1, 30, 0, 0)))
    assert chosen(found) is None
    assert "no node has enough" in found.reasons


amounts = st.decimals("0.1", "40", places=1)
minutes = st.builds(Moment, st.just(Decimal(60)), amounts, amounts, amounts, st.integers(1, 6))


@given(st.lists(minutes, min_size=1, max_size=4), st.sampled_from(sorted(PRICES.nodes["aws"])), st.booleans())
def test_nothing_is_ever_suggested_that_memory_forbids(make_shape_once, moments, node, swapped):
    now, usage = make_shape_once(6, node), Usage(1, "made", tuple(moments), swapped=swapped)
    found = advise(now, usage)
    if found.better is None:
        return
    shape = found.better.shape
    driver, worker = nodes_of(shape, PRICES, TERMS)
    room = driver.memory_gb + shape.max_workers * worker.memory_gb
    workers = max(moment.worker_gb * moment.workers for moment in moments)
    assert driver.memory_gb >= HEADROOM * max(moment.driver_gb for moment in moments)
    assert room >= HEADROOM * workers
    if shape.max_workers == 0:
        assert room >= HEADROOM * max(moment.driver_gb + moment.worker_gb * moment.workers for moment in moments)
    if swapped:
        assert room > 7 * PRICES.nodes["aws"][node].memory_gb


@pytest.fixture(scope="session")
def make_shape_once():
    return lambda workers, node: ClusterShape(node, node, workers, workers, Decimal(workers))
