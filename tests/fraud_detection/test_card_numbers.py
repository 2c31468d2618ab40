"""What counts as a card number, its token, and what happens where there is no key."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fraud_detection.card_numbers import KEYS, CardKeys, holds_card_number, is_card_number, read_keys
from fraud_detection.errors import ConfigurationError

FIRST, SECOND = b"1" * 32, b"2" * 32
ONE, TWO = CardKeys((FIRST,)), CardKeys((FIRST, SECOND))
OF_BRANDS = {
    "Visa": "4111111111111111",
    "Visa, short": "4222222222222",
    "Mastercard": "5555555555554444",
    "Mastercard, new": "2223003122003222",
    "American Express": "378282246310005",
    "Diners Club": "30569309025904",
    "JCB": "3530111333300000",
    "Discover": "6011111111111117",
    "UnionPay": "6200000000000005",
    "Maestro": "6759649826438453",
}
"""The numbers that payment providers publish for tests."""
NUMBER = OF_BRANDS["Visa"]


@pytest.mark.parametrize("number", OF_BRANDS.values(), ids=OF_BRANDS)
def test_a_brands_number_is_one_and_with_another_check_digit_it_is_none(number):
    assert is_card_number(number)
    assert not is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize("text", ["1538784000007", "1538784000000000000", "2018-09-30 12:34:56", "T0000000000000001"])
def test_a_time_or_an_own_number_is_none(text):
    assert not holds_card_number(text)
    assert CardKeys().tokenise(text) == text


@pytest.mark.parametrize(
    "written",
    [NUMBER, "4111 1111 1111 1111", "4111-1111-1111-1111", f" x{NUMBER}.", f'"{NUMBER}"', r"\u00341111" + "1" * 11],
)
def test_the_number_has_one_token_however_it_is_written(written):
    token = ONE.tokenise(NUMBER)
    found = ONE.tokenise(written, is_json=True)
    assert token in found
    assert not holds_card_number(found)


def test_the_groups_of_american_express_are_a_number_too():
    assert ONE.tokenise("3782 822463 10005") == ONE.tokenise(OF_BRANDS["American Express"])


def test_a_number_without_quotes_stays_json():
    line = f'{{"card": {NUMBER}, "cards": [{NUMBER}], "amount": 0.{NUMBER}, "text": "a\\\\{NUMBER}"}}'
    token = ONE.tokenise(NUMBER)
    read = json.loads(ONE.tokenise(line, is_json=True))
    assert (read["card"], read["cards"], read["text"]) == (token, [token], f"a\\{token}")
    assert read["amount"] == json.loads(line)["amount"]


def test_what_is_escaped_and_no_number_stays_as_it_is_written():
    assert ONE.tokenise(r'{"note": "\u0034 and \u0035"}', is_json=True) == r'{"note": "\u0034 and \u0035"}'


def test_tokens_tell_numbers_and_keys_apart():
    tokens = {keys.tokenise(number) for keys in (ONE, TWO, CardKeys((SECOND,))) for number in OF_BRANDS.values()}
    assert len(tokens) == 3 * len(OF_BRANDS)


def test_a_stored_token_and_the_number_meet_under_a_new_key():
    assert TWO.renew(f'{{"card":"{ONE.tokenise(NUMBER)}"}}') == f'{{"card":"{TWO.tokenise(NUMBER)}"}}'
    assert TWO.renew(TWO.tokenise(NUMBER)) == TWO.tokenise(NUMBER)


def test_a_token_of_more_keys_than_there_are_is_refused():
    with pytest.raises(ConfigurationError, match="made by 2 keys; expected at most the 1 in FRAUD_CARD_KEYS"):
        ONE.renew(TWO.tokenise(NUMBER))


def test_without_a_key_a_number_is_refused_and_not_repeated():
    with pytest.raises(ConfigurationError, match="expected none without keys") as refused:
        CardKeys().tokenise(f"card {NUMBER}")
    assert not holds_card_number(str(refused.value))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("ab" * 31, "key 1 in FRAUD_CARD_KEYS is not 32 bytes in hexadecimal"),
        ("ab" * 32 + ",no hexadecimal", "key 2 in"),
        ("ab" * 32 + "," + "AB" * 32, "has a key twice"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_by_its_place_alone(monkeypatch, told, said):
    monkeypatch.setenv(KEYS, told)
    with pytest.raises(ConfigurationError, match=said) as refused:
        read_keys()
    assert told[:8] not in str(refused.value)


def test_keys_come_from_the_environment_and_are_never_shown(monkeypatch):
    monkeypatch.setenv(KEYS, f"{FIRST.hex()}, {SECOND.hex()}")
    keys = read_keys()
    assert keys == TWO
    assert FIRST.hex()[:8] not in f"{keys!r} {keys.marks}"
    assert "1111" not in repr(keys)
    monkeypatch.delenv(KEYS)
    assert read_keys() == CardKeys()


@example("\\u003", False)
@given(st.text(alphabet='0123456789 -.,:"\\[]{}ux4', max_size=80), st.booleans())
def test_whatever_the_text_is_no_number_stays(text, is_json):
    assert not holds_card_number(ONE.tokenise(text + NUMBER + text, is_json=is_json))
