"""The row and the schema that every writer shares."""

import datetime as dt
from dataclasses import fields
from decimal import Decimal

from runcosts.cluster import UnknownShape
from runcosts.estimate import Unpriced, estimate
from runcosts.ledger import RunCost, columns, one_row_each, run_cost
from runcosts.prices import Terms


def test_a_row_holds_the_attempt_the_shape_and_the_estimate(make_row):
    row = make_row(task_key="train", attempt=1, result_state="FAILED")

    assert (row.task_key, row.attempt, row.result_state) == ("train", 1, "FAILED")
    assert (row.node_type, row.driver_node_type, row.workers) == ("m5d.xlarge", "m5d.xlarge", 2)
    assert (row.seconds, row.dbu, row.estimated_usd) == (1200, Decimal("0.69"), Decimal("0.3295"))
    assert (row.currency, row.price_date, row.label) == ("USD", dt.date(2026, 4, 10), "estimated")
    assert row.reason is None


def test_a_row_without_an_estimate_has_null_amounts_and_a_reason(make_attempt):
    row = run_cost(make_attempt(), UnknownShape("serverless"), Unpriced("serverless"), Terms())

    assert row.reason == "serverless"
    assert {row.dbu, row.estimated_usd, row.low_usd, row.high_usd, row.currency, row.label} == {None}
    assert row.metrics() == {}


def test_what_an_estimate_takes_for_granted_stands_in_the_row(make_attempt, make_shape, prices):
    shape = make_shape(1, "r5d.xlarge", min_workers=0, spot=True, on_demand_nodes=1)

    row = run_cost(make_attempt(), shape, estimate(shape, Decimal(60), prices, Terms()), Terms())

    said = "1 workers, between 0 and 1; no spot price of r5d.xlarge: the on-demand price is taken"
    assert row.assumptions == said


def test_the_metrics_of_a_row_are_the_estimate(make_row):
    assert make_row().metrics() == {"estimated_cost_usd": 0.3295, "estimated_dbu": 0.69}


def test_every_field_of_a_row_is_a_column_with_a_type():
    assert list(columns()) == [field.name for field in fields(RunCost)]
    assert columns()["estimated_usd"] == "DECIMAL(18,6)"
    assert columns()["attempt"] == "INT"
    assert columns()["started_at"] == "TIMESTAMP"


def test_the_last_row_of_a_key_stays(make_row):
    first, other, again = make_row(), make_row(attempt=1), make_row(result_state="FAILED")

    assert one_row_each([first, other, again]) == [again, other]
