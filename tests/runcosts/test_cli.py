"""The command runcosts."""

import json

import pytest
from typer.testing import CliRunner

from runcosts.cli import app
from runcosts.local_ledger import LocalLedger


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr("runcosts.ledger_cli.console.width", 80)
    monkeypatch.setattr("runcosts.prices_cli.console.width", 200)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_prices_are_shown_with_their_date(run):
    shown = run("prices", "show")

    assert shown.exit_code == 0
    for part in ("2026-04-10", "m5d.xlarge", "0.226", "jobs_compute", "0.15"):
        assert part in shown.output


def test_a_usable_price_file_is_told_with_its_gaps(run):
    checked = run("prices", "check")

    assert checked.exit_code == 0
    assert "no spot price" in checked.output
    assert "usable: 7 node types, 16 rates" in checked.output


def test_an_unusable_price_file_fails_the_check(run, tmp_path):
    path = tmp_path / "prices.yml"
    path.write_text("date: 2026-01-01\n", encoding="utf-8")

    checked = run("prices", "check", path)

    assert checked.exit_code == 1
    assert "rates: found" in checked.output


def test_a_node_type_of_the_bundle_that_has_no_price_fails_the_check_by_its_name(run, tmp_path):
    task = {"task_key": "t", "new_cluster": {"node_type_id": "z9.huge", "driver_node_type_id": "m5d.large"}}
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps({"resources": {"jobs": {"j": {"tasks": [task]}}}}), encoding="utf-8")

    checked = run("prices", "check", "--bundle", bundle)

    assert checked.exit_code == 1
    assert "the bundle uses a node type that is not known: no price for node type z9.huge" in checked.output
    assert "m5d.large:" not in checked.output


def test_the_last_rows_of_every_ledger_are_shown(run, tmp_path, make_row):
    (tmp_path / "pyproject.toml").write_text('[tool.runcosts]\nledger = "w/{schema}/run_costs"\n', encoding="utf-8")
    LocalLedger(tmp_path / "w/one/run_costs").write([make_row(task_key="in_one")])
    LocalLedger(tmp_path / "w/two/run_costs").write([make_row(task_key="in_two")])

    shown = run("ledger", "--root", tmp_path)

    assert shown.exit_code == 0
    assert max(map(len, shown.output.splitlines())) <= 80
    assert "…" not in shown.output
    for part in ("in_one", "in_two", "0.3295 USD", "2018-10-01", "02:50:00", "m5d.xlarge + 2"):
        assert part in shown.output


def test_the_rows_of_the_ledger_are_json_with_every_column(run, tmp_path, make_row):
    (tmp_path / "pyproject.toml").write_text('[tool.runcosts]\nledger = "w/{schema}/run_costs"\n', encoding="utf-8")
    LocalLedger(tmp_path / "w/one/run_costs").write([make_row()])

    (row,) = json.loads(run("ledger", "--root", tmp_path, "-o", "json").output)

    assert (row["task_key"], row["seconds"], row["ended_at"]) == ("train", 1200.0, "2018-10-01T02:50:00+00:00")


def test_the_price_file_is_json(run):
    assert json.loads(run("prices", "show", "-o", "json").output)["currency"] == "USD"


def test_a_bundle_without_a_ledger_is_told_so(run, tmp_path):
    shown = run("ledger", "--root", tmp_path)

    assert shown.exit_code == 1
    assert "no [tool.runcosts] ledger" in shown.output


COMMANDS = ["prices show", "prices check", "ledger", "report", "rightsize", "plan", "breakeven"]


@pytest.mark.parametrize("command", [command.split() for command in COMMANDS])
def test_every_command_has_an_example(run, command):
    assert "Example: runcosts " + " ".join(command) in run(*command, "--help").output
