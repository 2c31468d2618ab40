"""Card numbers to tokens by keyed HMAC, where text comes in: nothing behind that place knows a card number.

What counts as one: 13 to 19 digits that begin as a brand's numbers do, with a right check digit (ISO/IEC 7812), in one
piece or in the groups that are printed on cards. A number has one token, so histories, joins and splits stay as they
are. A token made by n keys goes through the next key when one is added, and a number goes through all of them: so what
is stored can be keyed anew, though nobody can go back from a token to its number.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

from fraud_detection.errors import ConfigurationError

KEYS: Final = "FRAUD_CARD_KEYS"
KEY_BYTES: Final = 32
TOKEN: Final = re.compile(r"card-([0-9]+)-([0-9a-f]{32})")
CANDIDATE: Final = r"[0-9]{13}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -]|[0-9]{4}[ -][0-9]{6}[ -]|\\u003[0-9]"
"""What a line must hold to be looked at; without look-around, so that Polars can search for it."""
NUMBER: Final = re.compile(
    r"(?<![0-9])(?<![0-9][.])"
    r"[0-9]{4}(?:[0-9]{9,15}|(?:[ -][0-9]{4}){3}(?:[ -][0-9]{1,3})?|[ -][0-9]{6}[ -][0-9]{5})"
    r"(?![.]?[0-9])"
)
ESCAPED_DIGIT: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u003([0-9])")
BRAND: Final = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|6[0-9]|[89][0-9])[0-9]{11,16}"  # Diners Club
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|62[0-9]{2})[0-9]{12,15}"  # Discover, UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])[0-9]{9,15}"  # Maestro
)
DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
CACHED: Final = 100_000
NEAR: Final = 16


def is_card_number(digits: str) -> bool:
    """Whether digits are a brand's and pass the check of Luhn."""
    if not BRAND.fullmatch(digits):
        return False
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(DOUBLED[int(digit)] for digit in even)) % 10 == 0


def holds_card_number(text: str) -> bool:
    """Whether there is one anywhere in a text."""
    return any(is_card_number(_digits(found[0])) for found in NUMBER.finditer(_unescaped(text)))


@dataclass(frozen=True)
class CardKeys:
    """The keys in the order in which they came into use; none where no card numbers are expected.

    Attributes:
        keys: never shown.
    """

    keys: tuple[bytes, ...] = field(default=(), repr=False)

    @cached_property
    def marks(self) -> str:
        """What tells each key from others and gives nothing of it away, with commas, to be kept beside the tokens."""
        return ",".join(hmac.digest(key, b"mark", hashlib.sha256).hex()[:16] for key in self.keys)

    def tokenise(self, text: str, *, is_json: bool = False) -> str:
        """The text with a token for each card number in it.

        Raises:
            ConfigurationError: there is a card number, and no key.
        """
        if "\\u003" in text and holds_card_number(text):
            text = _unescaped(text)
        return NUMBER.sub(lambda found: self._replaced(found[0], quote=is_json and _is_bare(found)), text)

    def renew(self, text: str) -> str:
        """The text with each token brought to the newest key; newest ones stay as they are."""
        return TOKEN.sub(self._renewed, text)

    def _replaced(self, written: str, *, quote: bool = False) -> str:
        token = _token(_digits(written), self.keys)
        if token is None:
            return written
        if not token:
            raise ConfigurationError(
                f"a card number, by its check digit; expected none without keys: set {KEYS}, by which card numbers "
                "become tokens before anything is stored, or let the source deliver tokens"
            )
        return f'"{token}"' if quote else token

    def _renewed(self, found: re.Match[str]) -> str:
        generation = int(found[1])
        if generation < 1 or generation > len(self.keys):
            raise ConfigurationError(
                f"found a token made by {generation} keys; expected at most the {len(self.keys)} in {KEYS}: name all "
                "keys there, the oldest first"
            )
        return _chain(found[2], self.keys[generation:], len(self.keys))


def read_keys() -> CardKeys:
    """The keys in the environment, separated by commas, the oldest first; none where the variable is empty.

    Raises:
        ConfigurationError: a key is not 32 bytes in hexadecimal, or stands there twice. It isn't shown.
    """
    told = [part.strip() for part in os.environ.get(KEYS, "").split(",")] if os.environ.get(KEYS) else []
    keys = tuple(_read_key(text, place) for place, text in enumerate(told, start=1))
    if len(set(keys)) < len(keys):
        raise ConfigurationError(f"{KEYS} has a key twice; expected each once, the oldest first")
    return CardKeys(keys)


def _read_key(text: str, place: int) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"key {place} in {KEYS} is not {KEY_BYTES} bytes in hexadecimal; make one by: openssl rand -hex {KEY_BYTES}"
        )
    return key


@lru_cache(CACHED)
def _token(digits: str, keys: tuple[bytes, ...]) -> str | None:
    """None for digits that are no card number; empty where there is no key."""
    if not is_card_number(digits):
        return None
    if not keys:
        return ""
    first, *later = keys
    return _chain(_sign(first, digits), later, len(keys))


def _chain(signed: str, keys: Sequence[bytes], generation: int) -> str:
    for key in keys:
        signed = _sign(key, signed)
    return f"card-{generation}-{signed}"


def _sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()[:32]


def _is_bare(found: re.Match[str]) -> bool:
    """Whether it is a number of JSON that stands without quotes, which its token needs."""
    before = found.string[max(0, found.start() - NEAR) : found.start()].rstrip()
    after = found.string[found.end() : found.end() + NEAR].lstrip()
    return before.endswith((":", "[", ",")) and after.startswith((",", "}", "]"))


def _digits(written: str) -> str:
    return written.replace(" ", "").replace("-", "")


def _unescaped(text: str) -> str:
    """JSON may write a digit by its number in Unicode."""
    return ESCAPED_DIGIT.sub(r"\1\2", text) if "\\u003" in text else text
