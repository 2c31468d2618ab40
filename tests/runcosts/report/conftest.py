"""Made rows of a ledger and of bills."""

import datetime as dt
from decimal import Decimal

import pytest

from runcosts.report.facts import gather

TODAY = dt.date(2026, 11, 20)


@pytest.fixture
def make_attempt_row():
    def make(day=20, amount="1", task="train", run="r", state="SUCCESS", job="[dev me] fraud training", currency="USD"):
        moment = dt.datetime(2026, 11, day, 23, 59, tzinfo=dt.UTC)
        priced = None if amount is None else Decimal(amount)
        row = {"started_at": moment, "ended_at": moment, "estimated_usd": priced, "currency": currency}
        names = {"job_name": job, "task_key": task, "job_run_id": run, "result_state": state}
        return row | names | {"price_date": dt.date(2026, 4, 10)}

    return make


@pytest.fixture
def make_bill():
    def make(run="r", startup="0.25", idle="0", day=20):
        zero = dict.fromkeys(("billed", "estimated", "failed"), Decimal(0))
        names = {"job_name": "fraud training", "job_id": "1", "job_run_id": run, "currency": "USD"}
        moment = dt.datetime(2026, 11, day, 2, tzinfo=dt.UTC)
        return zero | names | {"first_used": moment, "startup": Decimal(startup), "idle": Decimal(idle)}

    return make


@pytest.fixture
def make_facts():
    return lambda rows, bills=(), days=10: gather(rows, bills, TODAY, days, "USD")
