"""`fraud-data generate`, as it is called."""

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
