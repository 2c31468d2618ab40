"""Two lines by hand: a run here costs .3295 (20 minutes of 3 x m5d.xlarge)."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from runcosts.breakeven import cross, doubts, read_quote
from runcosts.cli import app
from runcosts.errors import SettingsError

SAID = 'date = 2026-11-01\nsource = "quote 17"\n'


@pytest.fixture
def quote(tmp_path):
    def write(text, **amounts):
        items = (f"[{place.replace('_', '.')}.x]\namount = {value}\n{SAID}" for place, value in amounts.items())
        file = tmp_path / "quote.toml"
        file.write_text("\n".join([text or 'name = "Other"\ncurrency = "USD"', *items]), encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize(
    ("amounts", "run", "runs", "below", "above"),
    [
        ({"other_month": 1000}, "2", 500, "here", "Other"),  # 1,000 a month against 2 a run
        ({"other_month": 1000, "here_month": 400, "here_run": 1, "other_run": 0.5}, "2", 240, "here", "Other"),
        ({"here_month": 900, "other_run": 5}, "2", 300, "Other", "here"),  # dearer to have, cheaper to run
        ({"other_month": 1000, "other_run": 3}, "2", None, "here", "here"),
        ({"other_run": 1, "here_month": 10}, "2", None, "Other", "Other"),
        ({"other_run": 2}, "2", None, "Other", "Other"),  # the same in everything
    ],
)
def test_the_lines_cross_where_fixed_costs_are_made_good(quote, amounts, run, runs, below, above):
    found = cross(read_quote(quote("", **amounts)), Decimal(run), "here")
    assert (found.runs, found.below, found.above) == (runs, below, above)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('name = "O"\ncurrency = "USD"\n[other.month.x]\namount = 1\ndate = 2026-01-01', "other.month.x.source"),
        (f'name = "O"\ncurrency = "USD"\n[other.month.x]\n{SAID}', "other.month.x.amount"),
        (f'name = "O"\ncurrency = "USD"\n[other.month.x]\namount = -1\n{SAID}', "greater than or equal to 0"),
        ('name = "O"\ncurrency = "USD"\n[other]', "O has no price"),
        ("no toml", "expected a TOML file"),
    ],
)
def test_a_price_without_amount_date_or_source_is_refused(quote, text, wrong):
    with pytest.raises(SettingsError, match=wrong):
        read_quote(quote(text))


def test_an_old_price_is_doubted(quote):
    found = read_quote(quote("", other_month=1))
    assert doubts(found, dt.date(2027, 11, 1)) == []
    assert doubts(found, dt.date(2027, 11, 2)) == ["other.month.x is 366 days old (quote 17): ask again"]


def test_the_command_counts_runs_of_a_job_and_names_every_source(quote, tmp_path):
    task = {"task_key": "t", "new_cluster": {"node_type_id": "m5d.xlarge", "num_workers": 2}}
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps({"resources": {"jobs": {"j": {"name": "j", "tasks": [task]}}}}), encoding="utf-8")
    options = ["breakeven", str(quote("", other_month=659)), "--job", "j", "--root", str(tmp_path)]
    options += ["--bundle", str(bundle)]
    told = json.loads(CliRunner().invoke(app, [*options, "--minutes", "20", "-o", "json"]).output)
    assert told["breakeven"]["expected"] == {"runs": 2000.0, "cheaper_below": "this platform", "cheaper_above": "Other"}
    shown = " ".join(CliRunner().invoke(app, [*options, "--minutes", "20"]).output.split())
    assert "up to 2,000.0 runs a month, Other beyond" in shown
    assert "other.month.x: 659.00, 2026-11-01, quote 17" in shown
    unknown = CliRunner().invoke(app, options)
    assert unknown.exit_code == 2
    assert "no past runs" in unknown.output
