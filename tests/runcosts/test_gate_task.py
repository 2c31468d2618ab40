"""The task gate_costs, on a ledger that is a table of Spark."""

import datetime as dt
import logging

import pytest

from runcosts.errors import BudgetError, SettingsError
from runcosts.gate_task import Arguments, check_run
from runcosts.spark_ledger import write_rows

NOW = dt.datetime(2018, 10, 20, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def schema(spark):
    spark.sql("CREATE SCHEMA gated")
    yield "gated"
    spark.sql("DROP SCHEMA gated CASCADE")


def make_arguments(**changes):
    return Arguments(**({"schema": "gated", "job_name": "nightly", "job_run_id": "now"} | changes))


def test_a_run_that_would_pass_a_limit_fails_or_warns_before_it_starts(spark, schema, make_row, caplog):
    # Two runs of October cost .3295 each; the attempt of the run that asks is not one of them. A third makes .9885.
    ids = ({"job_run_id": name, "task_run_id": name, "job_name": "nightly"} for name in ("1", "2", "now"))
    write_rows(spark, f"{schema}.run_costs", [make_row(**each) for each in ids])

    check_run(spark, make_arguments(run_limit="0.33", month_limit="0.99"), NOW)
    with pytest.raises(
        BudgetError, match=r"nightly: over budget: 2018-10 with this run is 0\.9885, the limit is 0\.98"
    ):
        check_run(spark, make_arguments(month_limit="0.98"), NOW)
    check_run(spark, make_arguments(month_limit="0.98", action="warn"), NOW)
    with pytest.raises(BudgetError, match="there is no forecast"):
        check_run(spark, make_arguments(job_name="other", run_limit="9"), NOW)

    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "nightly: 2018-10 with this run is 0.9885, the limit is 0.98" in warned


@pytest.mark.parametrize("wrong", [{"run_limit": "x"}, {"month_limit": "0"}, {"action": "shout", "run_limit": "1"}, {}])
def test_a_parameter_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(SettingsError, match="expected"):
        _ = make_arguments(**wrong).budget


def test_a_job_that_keeps_a_limit_of_its_own_passes_before_its_first_run(spark, tmp_path):
    spark.sql(f"CREATE SCHEMA unspent LOCATION '{tmp_path / 'unspent'}'")
    check_run(spark, make_arguments(schema="unspent", month_limit="30", expected="10"), NOW)
    with pytest.raises(BudgetError, match=r"with this run is 31\.0000, the limit is 30"):
        check_run(spark, make_arguments(schema="unspent", month_limit="30", expected="31"), NOW)
    spark.sql("DROP SCHEMA unspent CASCADE")
