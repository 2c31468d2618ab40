"""Broken files as they come, kept in `corpus`: each line of each is good or refused for the reasons in `expected.yml`.

A file that comes with a new kind of fault is put there, and its line into `expected.yml` by hand.
"""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from fraud_detection.arrow import table_to_spark
from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import check_lines, labels_cleaning, transactions_cleaning
from fraud_detection.data.files import find_format, read_lines
from fraud_detection.data.ingest import lines_as_batch
from fraud_detection.errors import DataError

CORPUS = Path(__file__).parent / "corpus"
EXPECTED = yaml.safe_load((Path(__file__).parent / "expected.yml").read_text())
NOW = datetime(2018, 10, 1, tzinfo=UTC)
GOOD = "good"
SETTINGS = DataSettings()
FILES = sorted(CORPUS.iterdir())


def read(path):
    """The lines, or what the error says."""
    try:
        return read_lines(path.name, path.read_bytes(), find_format(path.name, "json"), SETTINGS.max_file_bytes)
    except DataError as error:
        return str(error)


def judge(spark, cleaning, read_files):
    """File → what became of each of its lines."""
    batches = [lines_as_batch(name, NOW, NOW, lines) for name, lines in read_files.items()]
    bronze = table_to_spark(spark, pa.Table.from_batches(batches))
    headers = list({lines.header for lines in read_files.values() if lines.raw})
    found = {name: [] for name in read_files}
    checked = check_lines(bronze, cleaning, headers).select("source_file", "line_number", "reasons", "raw")
    for row in sorted(checked.collect()):
        assert bool(row.reasons) == (row.raw is not None), "a refused line keeps its text, and no other does"
        found[row.source_file].append(" ".join(sorted(row.reasons)) or GOOD)
    return found


@pytest.fixture(scope="module")
def fates(spark):
    """File → what became of it."""
    content = {path.name: read(path) for path in FILES}
    refused = {name: said for name, said in content.items() if isinstance(said, str)}
    whole = {name: lines for name, lines in content.items() if name not in refused}
    labels = {name: lines for name, lines in whole.items() if name.endswith(".csv")}
    others = {name: lines for name, lines in whole.items() if name not in labels}
    parts = ((labels_cleaning(SETTINGS), labels), (transactions_cleaning(SETTINGS), others))
    return {**refused, **{name: fate for part in parts for name, fate in judge(spark, *part).items()}}


def test_every_file_is_expected():
    assert [path.name for path in FILES] == sorted(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_broken_file_becomes_what_is_expected(fates, name):
    if isinstance(EXPECTED[name], str):
        assert fates[name].startswith(f"{name} ")
        assert EXPECTED[name] in fates[name]
    else:
        assert fates[name] == EXPECTED[name]
