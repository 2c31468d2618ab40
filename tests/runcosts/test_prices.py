"""The price file: what it holds, and what it refuses."""

import datetime as dt
from decimal import Decimal
from importlib.resources import files

import pytest
from ruamel.yaml import YAML

from runcosts.errors import NoPriceError, PricesError
from runcosts.prices import Terms, gaps, load_prices


@pytest.fixture
def changed_prices(tmp_path):
    """Writes the package's prices after a change to them."""

    def write(change):
        yaml = YAML(typ="safe", pure=True)
        content = yaml.load(files("runcosts").joinpath("prices.yml").read_text(encoding="utf-8"))
        change(content)
        path = tmp_path / "prices.yml"
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(content, file)
        return path

    return write


def test_the_file_of_the_package_is_exact_and_dated(prices):
    assert prices.rate(Terms()) == Decimal("0.15")
    assert prices.node(Terms(), "m5d.xlarge")[1].spot == Decimal("0.116")
    assert prices.photon_multiplier(Terms()) == Decimal("2.9")
    assert prices.date == dt.date(2026, 4, 10)
    assert all(source.where and source.date for source in prices.sources)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda p: p.pop("date"), "date"),
        (lambda p: p.update(discount=0.1), "discount"),
        (lambda p: p["nodes"]["aws"]["m5d.large"].update(dbu_per_hour=-1), "nodes.aws.m5d.large.dbu_per_hour"),
        (lambda p: p["nodes"]["aws"]["m5d.large"].update(gpus=1), "nodes.aws.m5d.large.gpus"),
        (lambda p: p["nodes"]["aws"]["m5d.large"]["machine"].update(x={"on_demand": 0}), "machine.x.on_demand"),
        (lambda p: p["rates"]["aws"]["us-east-1"]["premium"].update(jobs=0.1), "rates.aws.us-east-1.premium.jobs"),
        (lambda p: p["rates"]["aws"]["us-east-1"]["premium"].update(jobs_compute="cheap"), "'cheap'"),
        (lambda p: p["photon"]["aws"].update(jobs_compute=0.5), "photon.aws.jobs_compute"),
        (lambda p: p.update(currency="dollars"), "currency"),
        (lambda p: p.update(sources=[]), "sources"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_by_the_name_of_the_entry(changed_prices, change, named):
    with pytest.raises(PricesError) as refused:
        load_prices(changed_prices(change))

    assert named in str(refused.value)
    assert "1 entries cannot be used" in str(refused.value)


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2", "", "- a list"])
def test_a_file_that_is_not_a_mapping_of_prices_is_refused(tmp_path, text):
    path = tmp_path / "prices.yml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(PricesError, match=r"prices\.yml"):
        load_prices(path)


def test_a_missing_file_is_an_error_of_prices(tmp_path):
    with pytest.raises(PricesError, match="nothing"):
        load_prices(tmp_path / "nothing.yml")


def test_a_missing_rate_names_the_rates_that_there_are(prices):
    with pytest.raises(NoPriceError, match="aws/us-east-1/premium/jobs_compute"):
        prices.rate(Terms(cloud="ibm"))


def test_gaps_are_an_old_file_and_missing_spot_prices(prices):
    soon, late = prices.date + dt.timedelta(days=30), prices.date + dt.timedelta(days=400)

    assert any("r5d.xlarge in us-east-1: no spot price" in gap for gap in gaps(prices, soon))
    assert not any("days old" in gap for gap in gaps(prices, soon))
    assert "400 days old" in gaps(prices, late)[0]
