"""`fraud-data`, as it is called."""

import polars as pl
import pytest
from typer.testing import CliRunner

from fraud_detection.data.cli import app


@pytest.fixture
def generate(tmp_path):
    """Call the command for a small world in a folder of the test's own."""

    def call(*options):
        out, answers = tmp_path / "landing", tmp_path / "answers.parquet"
        small = ["--customers", "30", "--terminals", "800", "--days", "9"]
        return CliRunner().invoke(app, ["generate", "--out", str(out), "--answers", str(answers), *small, *options])

    return call


def test_it_writes_two_files_a_day_and_the_answers_and_says_how_much(generate, tmp_path):
    done = generate("--start", "2024-02-28")
    assert done.exit_code == 0
    names = sorted(path.name for path in (tmp_path / "landing").glob("*/*"))
    assert (len(names), names[:2], names[-1]) == (18, ["2024-02-28.csv", "2024-02-28.jsonl"], "2024-03-07.jsonl")
    answers = pl.read_parquet(tmp_path / "answers.parquet")
    assert f"{answers.height:,} transactions, {answers['is_fraud'].sum():,} frauds in" in " ".join(done.output.split())


def test_dirt_is_a_parameter(generate, tmp_path):
    clean = ["--broken", "0", "--duplicate", "0", "--bad-amount", "0", "--late", "1"]
    assert generate(*clean).exit_code == 0
    assert (tmp_path / "landing" / "transactions" / "2018-04-01.jsonl").read_text() == ""
    assert (tmp_path / "landing" / "transactions" / "2018-04-03.jsonl").read_text() != ""


def test_a_used_folder_is_refused_and_left_as_it_was(generate, tmp_path):
    assert generate().exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = generate("--seed", "2")
    assert again.exit_code == 2
    assert "holds files already; expected an empty folder" in " ".join(again.output.split())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--customers", "0", "customers is 0; expected a whole number from 1"),
        ("--late", "2", "dirt late is 2.0; expected a share from 0 to 1"),
        ("--days", "many", "Invalid value for '--days'"),
        ("--start", "yesterday", "'yesterday' does not match the format"),
        ("--sed", "1", "No such option"),
    ],
)
def test_what_cannot_be_used_ends_with_status_2_and_a_reason(generate, tmp_path, option, value, message):
    done = generate(option, value)
    assert done.exit_code == 2
    assert message in " ".join(done.output.replace("│", " ").split())
    assert not (tmp_path / "landing").exists()


MAPPED = """
data:
  mapping:
    transactions:
      columns: {transaction_id: ref, event_time: at, amount: value}
      time_zone: Europe/Berlin
      attributes: {channel: via}
    labels: {columns: {known_at: null}}
"""


@pytest.fixture
def check(spark, tmp_path, monkeypatch):
    """Call the command on one file, with the mapping above."""
    monkeypatch.setattr("fraud_detection.data.cli.console.width", 80)

    def call(name, content, *options, settings=MAPPED, before=()):
        (tmp_path / "s.yml").write_text(settings)
        (tmp_path / name).write_text(content)
        files = [str(tmp_path / file) for file in (*before, name)]
        done = CliRunner().invoke(app, ["check", "--mapping", str(tmp_path / "s.yml"), *files, *options])
        return done.exit_code, done.output

    assert spark
    return call


def test_a_check_says_what_becomes_of_each_column_and_shows_rows(check):
    status, output = check(
        "t.csv", "ref,at,customer_id,terminal_id,value,via,more\nT1,2018-07-01T14:00:00,C1,M1,12.5,web,x\n"
    )
    rows = {tuple(part.split("│")[1:3]) for part in output.replace(" ", "").splitlines() if part.startswith("│")}
    assert {("ref", "transaction_id"), ("via", "channel"), ("more", "leftout"), ("unknown_column", "1")} <= rows
    assert "event_time 2018-07-01 12:00:00 UTC" in output
    assert "1 lines: 1 to silver, 0 to quarantine" in output
    assert status == 0
    assert max(map(len, output.splitlines())) <= 80


def test_a_check_reads_what_comes_after_an_empty_file(check, tmp_path):
    content = "ref,at,customer_id,terminal_id,value,via\nT1,2018-07-01T14:00:00,C1,M1,12.5,web\n"
    (tmp_path / "a.csv").write_text(content)
    (tmp_path / "empty.csv").write_text("")
    status, output = check("b.csv", content, before=["a.csv", "empty.csv"])
    assert "2 lines: 2 to silver, 0 to quarantine" in output
    assert status == 0


def test_a_check_names_columns_that_are_missing_and_lines_that_would_be_refused(check):
    status, output = check("t.jsonl", '{"ref": "T1", "customer_id": "C1", "terminal_id": "M1", "value": -1}\n{\n')
    assert status == 1
    assert "no column at" in output
    assert "event_time_missing, amount_negative" in " ".join(output.split())
    assert "2 lines: 0 to silver, 2 to quarantine" in output


def test_a_check_of_labels_without_times_needs_no_transactions(check):
    status, output = check("l.csv", "transaction_id,is_fraud\nT1,1\n", "--dataset", "labels")
    assert (status, "1 lines: 1 to silver" in output) == (0, True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("data: {mapping: {transactions: {colums: {}}}}", "data.mapping.transactions has no setting colums; known are"),
        ("data: {mapping: {transactions: {columns: {id: x}}}}", "transactions have no field id; known are"),
        ("data: {mapping: {transactions: {time_zone: Mars}}}", "time_zone is 'Mars'; expected a name such as"),
        ("data: {mapping: {transactions: {attributes: {amount: x}}}}", "attribute amount is a column"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_by_name(check, settings, message):
    status, output = check("t.csv", "a\n1\n", settings=settings)
    assert status == 2
    assert message in " ".join(output.split())
