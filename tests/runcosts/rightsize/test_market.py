"""Spot, Photon and sharing by hand: an hour of m5d.xlarge is .1035 of DBU and .226 (spot .116) of machine."""

from decimal import Decimal

import pytest

from runcosts.prices import Terms
from runcosts.rightsize.market import advise_photon, advise_spot
from runcosts.rightsize.sharing import Work, advise_sharing

TERMS, HOUR = Terms(), Decimal(3600)


def make_rows(number, state="SUCCESS", seconds=100, **columns):
    row = {"result_state": state, "seconds": Decimal(seconds), "cluster_id": "c", "spot": False, "photon": False}
    return [row | columns] * number


def test_spot_is_advised_below_the_share_of_lost_attempts_at_which_it_turns(make_shape, prices):
    # 2 workers: 3 x .3295 = .9885 on demand, .9885 - 2 x .11 = .7685 on spot: 28.6 of 100 may be lost.
    rows = [*make_rows(9, spot=True), *make_rows(1, "FAILED", spot=True)]
    hint = advise_spot(make_shape(2), HOUR, 1, rows, prices, TERMS)
    assert hint.text.startswith("spot workers pay while fewer than 29 of 100 attempts are lost")
    assert hint.text.endswith("10 of 100 were (every failed attempt is counted as lost): go spot")
    assert hint.saving == Decimal("0.9885") - Decimal("0.7685") * Decimal("1.1")


def test_on_demand_is_advised_where_too_many_attempts_are_lost(make_shape, prices):
    rows = [*make_rows(2, spot=True), *make_rows(2, "FAILED", spot=True)]
    hint = advise_spot(make_shape(2, spot=True, on_demand_nodes=1), HOUR, 1, rows, prices, TERMS)
    assert hint.text.endswith("go on demand")
    assert hint.saving == Decimal("0.7685") * Decimal("1.5") - Decimal("0.9885")


@pytest.mark.parametrize(
    ("rows", "retries", "said"),
    [([], 1, "no attempt ran on spot"), (make_rows(3, spot=True, cluster_id=None), 1, "no attempt"), ([], 0, "no ret")],
)
def test_what_nobody_knows_of_spot_is_said_and_no_saving_promised(make_shape, prices, rows, retries, said):
    hint = advise_spot(make_shape(2), HOUR, retries, rows, prices, TERMS)
    assert said in hint.text
    assert hint.saving is None


def test_a_single_node_has_no_workers_to_put_on_spot(make_shape, prices):
    assert advise_spot(make_shape(0), HOUR, 1, [], prices, TERMS) is None


@pytest.mark.parametrize(
    ("fast", "photon", "saving"),
    [(50, False, "0.009153 - 0.007308"), (50, True, None), (80, False, None), (80, True, "0.011692 - 0.009153")],
)
def test_photon_turns_at_the_speed_up_that_pays_its_dbu(make_shape, prices, fast, photon, saving):
    # An hour: .3295 without, .226 + 2.9 x .1035 = .52615 with: 1.597 times. 100 s without cost .009153; with it 50 s
    # .007308, 80 s .011692.
    rows = [*make_rows(3), *make_rows(3, seconds=fast, photon=True)]
    hint = advise_photon(make_shape(0, photon=photon), rows, prices, TERMS)
    assert hint.text.startswith("Photon pays from 1.60 times the speed on; past runs were")
    if saving is None:
        assert hint.saving is None
        return
    more, less = map(Decimal, saving.split(" - "))
    assert abs(hint.saving - (more - less)) < Decimal("0.000002")


def test_photon_is_left_open_where_it_was_never_tried(make_shape, prices):
    hint = advise_photon(make_shape(0), make_rows(3), prices, TERMS)
    assert hint.saving is None
    assert hint.text.endswith("try it once")


def test_two_tasks_share_a_node_where_a_start_takes_longer_than_the_dearer_node_costs(make_shape, make_usage, prices):
    # Ten minutes of m5d.large more on r5d.xlarge: (.423 - .164) / 6 = .0432, which .164 an hour are in 15.8 minutes.
    big = Work("train", make_shape(0, "r5d.xlarge"), HOUR, make_usage((1, 20, 0, 0)))
    small = Work("judge", make_shape(0, "m5d.large"), HOUR / 6, make_usage((1, 4, 0, 0)))
    hint = advise_sharing(big, small, prices, TERMS)
    assert hint.text == (
        "train and judge on one r5d.xlarge: costs 0.0432 more; "
        "it pays if a start of judge's own takes more than 15.8 min"
    )
    assert hint.saving is None


def test_equal_nodes_are_shared_for_nothing(make_shape, make_usage, prices):
    one = Work("a", make_shape(0), HOUR, make_usage((1, 4, 0, 0)))
    other = Work("b", make_shape(0), HOUR, make_usage((1, 4, 0, 0)))
    assert advise_sharing(one, other, prices, TERMS).saving == 0


def test_tasks_do_not_share_where_neithers_node_holds_both(make_shape, make_usage, prices):
    roomy = Work("a", make_shape(0, "m5d.xlarge"), HOUR, make_usage((1, 13, 0, 0)))
    wide = Work("b", make_shape(3, "m5d.large"), HOUR, make_usage((5.5, 3, 6, 3)))
    assert advise_sharing(roomy, wide, prices, TERMS) is None
