import pytest

from localjobs.wording import tail, total_columns, word_column, word_number, word_seconds, word_value


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.424, "0.42 s"), (12.34, "12.3 s"), (59.97, "1 m 00 s"), (185, "3 m 05 s"), (7620, "2 h 07 m")],
)
def test_time_reads_in_its_own_unit(seconds, words):
    assert word_seconds(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1750000, "1,750,000"),
        (0.87312, "0.8731"),
        (0.0000421, "0.000042"),
        (-3.0, "-3"),
        (float("nan"), "nan"),
        (0, "0"),
    ],
)
def test_numbers_keep_the_digits_that_help(number, words):
    assert word_number(number) == words


def test_values_are_rounded_inside_structures_too():
    assert word_value({"auc": 0.123456789, "why": ["é", True]}) == '{"auc": 0.123457, "why": ["é", true]}'
    assert word_value(True) == "true"


def test_columns_of_attempts_add_up_and_words_keep_the_last():
    assert total_columns([{"usd": 1, "why": "a"}, {"usd": 2.5, "why": "b"}]) == {"usd": 3.5, "why": "b"}


def test_headings_name_their_unit():
    assert [word_column(name) for name in ("estimated_cost_usd", "dbu", "rows_read")] == [
        "estimated cost (USD)",
        "DBU",
        "rows read",
    ]


def test_the_end_of_a_long_log_is_found_without_reading_all_of_it(tmp_path):
    log = tmp_path / "output.log"
    log.write_text("\n".join(f"line {number} é" for number in range(100_000)))
    assert tail(log, 2) == ["line 99998 é", "line 99999 é"]
    assert tail(tmp_path / "none.log", 2) == []
