"""Renewing rates from a Delta table with the columns of system.billing.list_prices."""

import datetime as dt
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from runcosts.cli import app
from runcosts.price_sync import ListPrice, read_list_prices, renew, write_prices
from runcosts.prices import Terms, load_prices

TODAY = dt.date(2026, 11, 1)
NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
COLUMNS = (
    "account_id STRING, price_start_time TIMESTAMP, price_end_time TIMESTAMP, sku_name STRING, cloud STRING, "
    "currency_code STRING, usage_unit STRING, pricing STRUCT<default: DECIMAL(38, 18)>"
)


def listed(name, price, start=(2026, 1, 1), end=None, cloud="AWS", currency="USD", unit="DBU"):
    began, ended = (None if day is None else dt.datetime(*day, tzinfo=dt.UTC) for day in (start, end))
    return ("account", began, ended, name, cloud, currency, unit, (Decimal(price),))


@pytest.fixture(scope="module")
def catalog(spark):
    rows = [
        listed("PREMIUM_JOBS_COMPUTE", "0.15", end=(2026, 10, 1)),
        listed("PREMIUM_JOBS_COMPUTE", "0.16", start=(2026, 10, 1), end=(2026, 12, 1)),
        listed("PREMIUM_JOBS_COMPUTE", "0.99", start=(2026, 12, 1)),
        listed("PREMIUM_JOBS_COMPUTE_(PHOTON)", "0.16"),
        listed("PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA", "0.37"),
        listed("PREMIUM_DATABRICKS_STORAGE", "0.02", unit="GB"),
    ]
    spark.sql("CREATE SCHEMA billing")
    spark.createDataFrame(rows, COLUMNS).write.format("delta").saveAsTable("billing.list_prices")
    yield "spark_catalog"
    spark.sql("DROP SCHEMA billing CASCADE")


def test_the_prices_of_a_moment_are_read_and_only_those_of_dbu(spark, catalog):
    found = read_list_prices(spark, catalog, NOW)

    assert [(one.cloud, one.sku_name, one.price) for one in found] == [
        ("aws", "PREMIUM_JOBS_COMPUTE", Decimal("0.16")),
        ("aws", "PREMIUM_JOBS_COMPUTE_(PHOTON)", Decimal("0.16")),
        ("aws", "PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA", Decimal("0.37")),
    ]


def test_a_price_without_a_region_holds_in_all_regions_of_the_file_and_one_with_a_region_there(prices):
    jobs = ListPrice("aws", "PREMIUM_JOBS_COMPUTE", "USD", Decimal("0.16"))
    serverless = ListPrice("aws", "PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA", "USD", Decimal("0.35"))

    renewal = renew(prices, [jobs, serverless], "the account", TODAY)

    assert renewal.changes == ("aws/us-east-1/premium/jobs_compute: 0.15 → 0.16",)
    assert renewal.prices.rate(Terms()) == Decimal("0.16")
    assert renewal.prices.date == TODAY
    assert renewal.prices.sources[-1].where == "the account"
    assert prices.rate(Terms()) == Decimal("0.15")


@pytest.mark.parametrize(
    ("cloud", "sku", "currency", "why"),
    [
        ("aws", "PREMIUM_SQL_COMPUTE", "USD", "no estimate uses it"),
        ("aws", "PREMIUM_JOBS_COMPUTE", "EUR", "in EUR, the file is in USD"),
        ("ibm", "PREMIUM_JOBS_COMPUTE", "USD", "the file has no region of that cloud"),
        ("aws", "PREMIUM_JOBS_SERVERLESS_COMPUTE_EU_MOON", "USD", "the file's sku_regions don't name EU_MOON"),
    ],
)
def test_a_price_that_cannot_be_taken_is_told_with_the_reason(prices, cloud, sku, currency, why):
    renewal = renew(prices, [ListPrice(cloud, sku, currency, Decimal(1))], "the account", TODAY)

    assert renewal.left == (f"{cloud} {sku}: {why}",)
    assert renewal.prices.rates == prices.rates


def test_a_written_file_is_read_back_exactly(prices, tmp_path):
    write_prices(prices, tmp_path / "prices.yml")

    assert load_prices(tmp_path / "prices.yml") == prices


def test_the_command_tells_what_changed_and_writes_the_file_that_it_is_told_to(spark, catalog, tmp_path, monkeypatch):
    monkeypatch.setattr("runcosts.session.open_session", lambda: spark)
    words = ["prices", "sync", "--catalog", catalog, "--out", str(tmp_path / "prices.yml"), "--root", str(tmp_path)]

    done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})

    assert done.exit_code == 0, done.output
    assert "aws/us-east-1/premium/serverless_jobs: 0.35 → 0.37" in done.output
    assert load_prices(tmp_path / "prices.yml").rate(Terms(sku="serverless_jobs")) == Decimal("0.37")
