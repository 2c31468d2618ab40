"""Whatever bytes lie in the landing folder, a file is lines or an error that names it.

FUZZ_EXAMPLES says how many files of each kind are tried; `make faults` tries very many.
"""

import gzip
import json
from io import BytesIO

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_detection.data.files import read_lines
from fraud_detection.errors import DataError
from fuzzing import fuzz

LIMIT = 100_000
ROWS = pl.DataFrame({"id": ["a", "b", None], "amount": [1.5, float("nan"), None], "count": [1, 2, 3]})


def parquet():
    buffer = BytesIO()
    ROWS.write_parquet(buffer)
    return buffer.getvalue()


WHOLE = parquet()


def change(content, edits, length):
    changed = bytearray(content)
    for place, byte in edits:
        changed[place % len(changed)] = byte
    return bytes(changed[:length])


def read(name, content, kind):
    """The lines, or None where the file is refused by its name."""
    try:
        return read_lines(name, content, kind, LIMIT)
    except DataError as refused:
        error = str(refused)
    assert error.startswith(name)
    return None


@fuzz()
@given(content=st.binary(max_size=300), kind=st.sampled_from(["json", "csv", "parquet"]), packed=st.booleans())
def test_any_bytes_are_lines_or_a_named_error(content, kind, packed):
    read("a.gz" if packed else "a", content, kind)


@fuzz()
@given(content=st.binary(max_size=300))
def test_each_line_of_a_text_file_counts(content):
    lines = read_lines("a", content, "json", LIMIT)
    ends = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert len(lines.raw) == ends.count(b"\n") + bool(ends and not ends.endswith(b"\n") and lines.raw)


EDITS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4)


@fuzz()
@given(edits=EDITS, length=st.none() | st.integers(0, len(WHOLE)))
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_parquet_file_is_rows_or_a_named_error(edits, length, packed):
    content = change(gzip.compress(WHOLE, mtime=0) if packed else WHOLE, edits, length)
    lines = read("a.parquet.gz" if packed else "a.parquet", content, "parquet")
    assert lines is None or all(isinstance(json.loads(line), dict) for line in lines.raw)
