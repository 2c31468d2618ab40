"""Lines to text fields, by name."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud_detection.data.parsing import parse_csv, parse_json, read_header

FIELDS = {"id": "id", "amount": "amount"}


@pytest.fixture
def parse(make_bronze, collect):
    """Parse lines, as JSON without a header, and keep what parsing adds."""

    def parsed(*lines, header=None):
        bronze = make_bronze(*lines, header=header)
        frame = parse_csv(bronze, FIELDS, header) if header is not None else parse_json(bronze, FIELDS)
        return collect(frame, "line_number").select("readable", *FIELDS)

    return parsed


def frame(*rows):
    schema = {"readable": pl.Boolean, "id": pl.String, "amount": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize(
    ("header", "line", "expected"),
    [
        ("id,amount", "a,1", (True, "a", "1")),
        ("amount,id", "1,a", (True, "a", "1")),
        ("more, amount ,id", "x,1,a", (True, "a", "1")),
        ('"id","amount"', '"a, b","1"', (True, "a, b", "1")),
        ("id", "a", (True, "a", None)),
        ("id,amount,id", "a,1,b", (False, "a", "1")),
        ("id,ID,Amount,amount", "a,b,1,2", (True, "a", "2")),
        ("id,`; drop,amount", "a,x,1", (True, "a", "1")),
        ("id,_corrupt_record,amount", "a,x,1", (True, "a", "1")),
        ("id,amount", "a", (False, "a", None)),
        ("id,amount", "a,1,2", (False, "a", "1")),
        ("", "a,1", (False, None, None)),
        ("id,am\rount", "a,1", (False, None, None)),
    ],
)
def test_csv_fields_are_found_by_their_names(parse, header, line, expected):
    assert_frame_equal(parse(line, header=header), frame(expected))


def test_json_fields_are_texts_as_they_were_written(parse):
    lines = ['{"amount": "12.50", "id": "a"}', '{"id": 7, "amount": 12.25}', '{"id": {"b": [1]}}', '{"id": "é\\n"}']
    expected = frame((True, "a", "12.50"), (True, "7", "12.25"), (True, '{"b":[1]}', None), (True, "é\n", None))
    assert_frame_equal(parse(*lines), expected)


def test_what_is_not_one_json_object_is_not_readable(parse):
    lines = ("{", '{"id": "a"', '{"id": "a"} {"id": "b"}', '{"id": "a"}, {"id": "b"}', "[]", "1", "", "null")
    assert parse(*lines)["readable"].to_list() == [False] * len(lines)


def test_a_header_too_long_to_be_one_names_no_column():
    assert read_header("x" * 200_000) == []
