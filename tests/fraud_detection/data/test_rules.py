"""One literal line for each rule. All are judged at once; each test looks at its own."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import check_lines, labels_cleaning, transactions_cleaning

GOOD = {
    "transaction_id": "T1",
    "event_time": "2018-04-01T12:30:00Z",
    "customer_id": "C1",
    "terminal_id": "M1",
    "amount": 12.5,
}
NAMES = "transaction_id,is_fraud,known_at"
NOON = datetime(2018, 4, 1, 12, 30, tzinfo=UTC)


def line(**changes):
    """A transaction as JSON; a field that is None is left out, a text in angle brackets is written as it is."""
    fields = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    parts = [
        f'"{key}": {value[1:-1] if _is_bare(value) else json.dumps(value, ensure_ascii=False)}'
        for key, value in fields.items()
    ]
    return "{" + ", ".join(parts) + "}"


def _is_bare(value):
    return isinstance(value, str) and value.startswith("<")


TRANSACTIONS_BY_REASON = {
    "a whole transaction": (line(), []),
    "a field that nobody asked for": (line(channel="web"), []),
    "fields in another order": ("{" + ", ".join(reversed(line()[1:-1].split(", "))) + "}", []),
    "an amount as text": (line(amount="12.50"), []),
    "an amount with an exponent": (line(amount="<1.25e1>"), []),
    "the largest amount": (line(amount="<9999999999>"), []),
    "an amount of nothing": (line(amount=0), []),
    "the smallest amount": (line(amount="<0.01>"), []),
    "trailing zeros": (line(amount="<12.5000000000>"), []),
    "a number as id": (line(transaction_id=17), []),
    "a time within the tolerance": (line(event_time="2018-04-03T02:59:59Z"), []),
    "a cut line": (line()[:40], ["unreadable"]),
    "no object": ('["T1", 12.5]', ["unreadable"]),
    "an object in a list": (f"[{line()}]", ["unreadable"]),
    "a bare word": ("hello", ["unreadable"]),
    "a bare number": ("17", ["unreadable"]),
    "null": ("null", ["unreadable"]),
    "a blank line": ("", ["unreadable"]),
    "only spaces": ("   ", ["unreadable"]),
    "two objects in one line": (line() + line(transaction_id="T2"), ["unreadable"]),
    "words after the object": (line() + " and more", ["unreadable"]),
    "an empty object": ("{}", [f"{name}_missing" for name in GOOD]),
    "no transaction id": (line(transaction_id=None), ["transaction_id_missing"]),
    "a blank transaction id": (line(transaction_id="  "), ["transaction_id_missing"]),
    "no event time": (line(event_time=None), ["event_time_missing"]),
    "no customer": (line(customer_id=None), ["customer_id_missing"]),
    "an empty terminal": (line(terminal_id=""), ["terminal_id_missing"]),
    "a tab behind an id": (line(customer_id="C1\t"), ["id_not_printable"]),
    "a NUL in an id": (line(terminal_id="M\u00001"), ["id_not_printable"]),
    "letters of every script": (line(customer_id="Ж東é"), []),
    "no amount": (line(amount=None), ["amount_missing"]),
    "an amount that is null": (line(amount="<null>"), ["amount_missing"]),
    "an amount with a comma": (line(amount="12,50"), ["amount_not_a_number"]),
    "an amount with a type letter": (line(amount="12.5d"), ["amount_not_a_number"]),
    "a hexadecimal amount": (line(amount="0x1p3"), ["amount_not_a_number"]),
    "NaN": (line(amount="<NaN>"), ["amount_not_a_number"]),
    "infinity": (line(amount="<Infinity>"), ["amount_not_a_number"]),
    "minus infinity": (line(amount="<-Infinity>"), ["amount_not_a_number"]),
    "a negative amount": (line(amount=-12.5), ["amount_negative"]),
    "an amount that no card has": (line(amount="<1e15>"), ["amount_too_large"]),
    "an amount beyond every number": (line(amount="<1e400>"), ["amount_not_a_number"]),
    "three decimals": (line(amount="<12.505>"), ["amount_too_precise"]),
    "seven decimals": (line(amount="<12.5000001>"), ["amount_too_precise"]),
    "an amount that would round to nothing": (line(amount="<0.0000001>"), ["amount_too_precise"]),
    "more digits than a double holds": (line(amount="<12.500000000000000001>"), ["amount_too_precise"]),
    "more digits than a double holds, as text": (line(amount="12.500000000000000001"), ["amount_too_precise"]),
    "many zeros": (line(amount="<12.50000000000000000000>"), []),
    "an amount next to nothing": (line(amount="<1e-30>"), ["amount_too_precise"]),
    "a byte that is no UTF-8": (line(customer_id="M\ufffd<fc>ller"), ["not_utf8"]),
    "a cut line that is no UTF-8": (line(customer_id="M\ufffd<fc>ller")[:-1], ["unreadable", "not_utf8"]),
    "a word as time": (line(event_time="yesterday"), ["event_time_not_a_time"]),
    "a day without a time": (line(event_time="2018-04-01"), ["event_time_not_a_time"]),
    "seconds since 1970": (line(event_time=1522584000), ["event_time_not_a_time"]),
    "a day that does not exist": (line(event_time="2018-02-30T12:00:00Z"), ["event_time_not_a_time"]),
    "an hour that does not exist": (line(event_time="2018-04-01T24:30:00Z"), ["event_time_not_a_time"]),
    "an event of the future": (line(event_time="2018-04-03T03:00:01Z"), ["event_time_in_the_future"]),
    "several faults": (
        line(transaction_id=None, amount=-1, event_time="soon"),
        ["transaction_id_missing", "event_time_not_a_time", "amount_negative"],
    ),
}
LABELS_BY_REASON = {
    "a whole label": ("T1,true,2018-04-08T12:30:00Z", []),
    "one and zero": ("T1,0,2018-04-08T12:30:00Z", []),
    "capitals": ("T1,FALSE,2018-04-08T12:30:00Z", []),
    "quoted values": ('"T1","true","2018-04-08T12:30:00Z"', []),
    "too few values": ("T1,true", ["unreadable"]),
    "too many values": ("T1,true,2018-04-08T12:30:00Z,more", ["unreadable"]),
    "a blank line": ("", ["transaction_id_missing", "is_fraud_missing", "known_at_missing"]),
    "no id": (",true,2018-04-08T12:30:00Z", ["transaction_id_missing"]),
    "a bell in an id": ("T\a1,true,2018-04-08T12:30:00Z", ["id_not_printable"]),
    "no verdict": ("T1,,2018-04-08T12:30:00Z", ["is_fraud_missing"]),
    "no time": ("T1,true,", ["known_at_missing"]),
    "perhaps": ("T1,perhaps,2018-04-08T12:30:00Z", ["is_fraud_not_a_boolean"]),
    "a number other than one and zero": ("T1,2,2018-04-08T12:30:00Z", ["is_fraud_not_a_boolean"]),
    "a word as time": ("T1,true,next week", ["known_at_not_a_time"]),
    "a time after the file": ("T1,true,2018-04-12T12:30:00Z", ["known_at_in_the_future"]),
}
TIMES = {
    "2018-04-01T12:30:00Z": NOON,
    "2018-04-01T12:30:00": NOON,
    "2018-04-01 12:30": NOON,
    "2018-04-01T14:30:00+02:00": NOON,
    "2018-04-01T02:30:00-10:00": NOON,
    "2018-04-01T12:30:00.25Z": NOON.replace(microsecond=250_000),
    "2018-04-01T01:30:00+02:00": datetime(2018, 3, 31, 23, 30, tzinfo=UTC),
    "2018-03-25T02:30:00": datetime(2018, 3, 25, 2, 30, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def judged(make_bronze):
    """Every line above, judged: by dataset and number."""
    lines = [text for text, _ in TRANSACTIONS_BY_REASON.values()] + [line(event_time=time) for time in TIMES]
    labels = [text for text, _ in LABELS_BY_REASON.values()]
    arrived = datetime(2018, 4, 10, tzinfo=UTC)
    frames = (
        check_lines(make_bronze(*lines), transactions_cleaning(DataSettings()), [None]),
        check_lines(make_bronze(*labels, header=NAMES, arrived=arrived), labels_cleaning(DataSettings()), [NAMES]),
    )
    return [{row.line_number: row.asDict() for row in frame.collect()} for frame in frames]


@pytest.mark.parametrize("what", TRANSACTIONS_BY_REASON)
def test_a_transaction_breaks_exactly_these_rules(judged, what):
    text, expected = TRANSACTIONS_BY_REASON[what]
    row = judged[0][list(TRANSACTIONS_BY_REASON).index(what) + 1]
    assert row["reasons"] == expected
    assert row["raw"] == (text if expected else None)


@pytest.mark.parametrize("what", LABELS_BY_REASON)
def test_a_label_breaks_exactly_these_rules(judged, what):
    text, expected = LABELS_BY_REASON[what]
    row = judged[1][list(LABELS_BY_REASON).index(what) + 1]
    assert row["reasons"] == expected
    assert row["raw"] == (text if expected else None)


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_read_as_utc_unless_it_names_its_zone(judged, text):
    row = judged[0][len(TRANSACTIONS_BY_REASON) + list(TIMES).index(text) + 1]
    assert row["reasons"] == []
    assert row["event_time"].astimezone(UTC) == TIMES[text]
    assert row["event_date"] == TIMES[text].date()


def test_a_good_line_becomes_typed_columns(judged):
    row = judged[0][1]
    assert row.pop("event_time").astimezone(UTC) == NOON
    assert row.pop("file_modified_at").astimezone(UTC) == datetime(2018, 4, 2, 3, tzinfo=UTC)
    assert row.pop("updated_at")
    assert row == {
        "transaction_id": "T1",
        "event_date": date(2018, 4, 1),
        "customer_id": "C1",
        "terminal_id": "M1",
        "amount": Decimal("12.50"),
        "source_file": "f",
        "line_number": 1,
        "raw": None,
        "reasons": [],
        "warnings": [],
    }


def test_no_good_line_has_a_null_in_it(judged):
    for rows in judged:
        good = [row for row in rows.values() if not row["reasons"]]
        assert good
        assert not [row for row in good if None in {name: v for name, v in row.items() if name != "raw"}.values()]


def test_the_tolerance_for_clocks_is_a_setting(make_bronze):
    late = make_bronze(line(event_time="2018-04-02T03:30:00Z"))
    strict, lax = DataSettings(future_tolerance_hours=0), DataSettings(future_tolerance_hours=1)
    found = [
        check_lines(late, transactions_cleaning(settings), [None]).select(F.col("reasons")).collect()[0].reasons
        for settings in (strict, lax)
    ]
    assert found == [["event_time_in_the_future"], []]
