"""Files to lines, byte by byte."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import polars as pl
import pyarrow as pa
import pytest
from pyarrow.parquet import write_table

from fraud_detection.data.files import ROWS_AT_A_TIME, Lines, find_format, read_lines
from fraud_detection.errors import DataError

LIMIT = 10_000


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\ntwo", ["one", "two"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("one\rtwo\r", ["one", "two"]),
        ("\ufeffone\ntwo\n", ["one", "two"]),
        ("one\n\ntwo\n", ["one", "", "two"]),
        ("one\n\n", ["one", ""]),
        ("\n", [""]),
        ("", []),
        ("\ufeff", []),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_every_line_counts_and_the_end_of_a_file_is_none(content, lines, packed):
    name, data = ("day.jsonl.gz", gzip.compress(content.encode())) if packed else ("day.jsonl", content.encode())
    assert read_lines(name, data, "json", LIMIT) == Lines(lines)


@pytest.mark.parametrize(
    ("content", "header", "lines"),
    [
        ("a,b\n1,2\n3,4\n", "a,b", ["1,2", "3,4"]),
        ("\ufeffa,b\r\n1,2\r\n", "a,b", ["1,2"]),
        ("a,b\r1,2\r3,4\r", "a,b", ["1,2", "3,4"]),
        ("a,b\n", "a,b", []),
        ("a,b", "a,b", []),
        ("\n1,2\n", "", ["1,2"]),
        ("", None, []),
    ],
)
def test_the_first_line_of_a_csv_file_is_its_header_and_no_row(content, header, lines):
    assert read_lines("day.csv", content.encode(), "csv", LIMIT) == Lines(lines, 2, header)


def test_a_byte_that_is_no_utf_8_is_kept_and_marked():
    assert read_lines("a.json", "Müller\nMüller".encode("latin-1"), "json", LIMIT).raw == ["M\ufffd<fc>ller"] * 2
    assert read_lines("a.json", "Müller\n€".encode(), "json", LIMIT).raw == ["Müller", "€"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("transactions/2018/day.jsonl", "json"),
        ("DAY.CSV", "csv"),
        ("day.csv.gz", "csv"),
        ("day.parquet", "parquet"),
        ("part-0001", "json"),
        ("day.gz", "json"),
        ("day.txt", "json"),
    ],
)
def test_the_extension_says_the_format_and_where_it_does_not_the_usual_one_is_meant(name, found):
    assert find_format(name, "json") == found


def parquet(**columns):
    buffer = BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def test_a_row_of_parquet_is_a_json_object_that_loses_no_digit_and_no_nanosecond():
    time = pl.Series([datetime(2018, 4, 1, 12, tzinfo=UTC), None]).dt.replace_time_zone(None)
    content = parquet(
        id=["é\n", None],
        number=[2**53 + 1, 0],
        money=pl.Series([Decimal("12345678901234567890.10"), Decimal(0)], dtype=pl.Decimal(38, 2)),
        double=[0.1, float("nan")],
        nanos=(time.cast(pl.Int64) * 1000 + 1).cast(pl.Datetime("ns")),
        berlin=time.dt.replace_time_zone("Europe/Berlin"),
        day=[datetime(2018, 4, 1, tzinfo=UTC).date(), None],
        data=[b"\xff", b""],
        yes=[True, False],
        tags=[["a"], []],
    )
    first, second = (json.loads(line) for line in read_lines("a.parquet", content, "parquet", LIMIT).raw)
    assert first == {
        "id": "é\n",
        "number": 2**53 + 1,
        "money": "12345678901234567890.10",
        "double": "0.1",
        "nanos": "2018-04-01T12:00:00.000000001",
        "berlin": "2018-04-01T10:00:00Z",
        "day": "2018-04-01",
        "data": "ff",
        "yes": True,
        "tags": ["a"],
    }
    assert (second["double"], second["nanos"], second["id"]) == ("NaN", None, None)


def test_a_small_parquet_file_that_unpacks_to_too_much_stops_at_the_limit():
    content = parquet(note=["x" * 100] * 1_000_000)
    assert len(content) < 100_000
    with pytest.raises(DataError, match=r"a\.parquet has \d+ bytes or more; expected at most 5000000"):
        read_lines("a.parquet", content, "parquet", 5_000_000)


def test_notes_in_the_schema_of_parquet_may_be_no_text():
    buffer = BytesIO()
    write_table(pa.table({"id": ["a"]}).replace_schema_metadata({b"note": b"\xff"}), buffer)
    assert read_lines("a.parquet", buffer.getvalue(), "parquet", LIMIT).raw == ['{"id":"a"}']


def test_parquet_is_read_in_parts_and_keeps_its_order():
    count = 2 * ROWS_AT_A_TIME + 1
    lines = read_lines("a.parquet", parquet(id=list(range(count))), "parquet", 10 * LIMIT + 10**8).raw
    assert [json.loads(line)["id"] for line in lines] == list(range(count))


def test_a_parquet_file_without_rows_has_no_lines():
    assert read_lines("a.parquet", parquet(id=[]), "parquet", LIMIT) == Lines([])


@pytest.mark.parametrize(
    ("name", "content", "kind", "message"),
    [
        ("big.json", b"x" * 11, "json", "big.json has 11 bytes or more; expected at most 10: split it, or raise"),
        ("big.json.gz", gzip.compress(b"xx", mtime=0)[:9], "json", "big.json.gz is no whole gzip file: .*deliver it"),
        ("a.csv.gz", b"id,x\n", "csv", "a.csv.gz is no whole gzip file: Not a gzipped file"),
        ("a.parquet", b"PAR1\x00", "parquet", "a.parquet cannot be read as Parquet: .*deliver it again, whole"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_named(name, content, kind, message):
    with pytest.raises(DataError, match=message):
        read_lines(name, content, kind, 10)


def test_a_packed_file_counts_by_what_is_in_it():
    packed = gzip.compress(b"x" * 1000)
    assert len(packed) < 100
    with pytest.raises(DataError, match=r"has 101 bytes or more; expected at most 100"):
        read_lines("bomb.json.gz", packed, "json", 100)
