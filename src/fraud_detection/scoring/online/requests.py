"""Bodies of requests to transactions: the contract of the landing files, and limits that are settings."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from fraud_detection.card_numbers import CardKeys
from fraud_detection.errors import ConfigurationError
from fraud_detection.features.online import Incoming
from fraud_detection.features.ratios import CENTS
from fraud_detection.scoring.online.problems import Fault, Problem
from fraud_detection.scoring.online.settings import ServingSettings

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
LONGEST: Final = 128
SHOWN: Final = 20
SHORTEST_NUMBER: Final = 13
NO_KEYS: Final = CardKeys()
PRINTABLE: Final = r"^[^\x00-\x1f\x7f]+$"


def _require_iso(value: object) -> object:
    """Seconds since 1970 would pass as a time; which unit they have nobody knows."""
    if not isinstance(value, str) or not ISO.match(value):
        raise ValueError("expected ISO 8601 such as 2018-09-30T12:34:56Z")
    return value


Identifier = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST, pattern=PRINTABLE)
]
Amount = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2, allow_inf_nan=False)]
EventTime = Annotated[datetime, Field(strict=False), BeforeValidator(_require_iso)]


class Transaction(BaseModel):
    """A card transaction as it happens."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "transaction_id": "T00001234",
                    "event_time": "2018-09-30T12:34:56Z",
                    "customer_id": "C000042",
                    "terminal_id": "M000007",
                    "amount": 57.25,
                }
            ]
        },
    )

    transaction_id: Identifier = Field(description="unique; sent again, it is scored again and counts once")
    event_time: EventTime = Field(description="ISO 8601; UTC where no zone is given")
    customer_id: Identifier = Field(description="the card")
    terminal_id: Identifier = Field(description="where it is used")
    amount: Amount = Field(description="in major units, with two decimals at most")


ONE: Final = TypeAdapter(Transaction)
MANY: Final = TypeAdapter(list[Transaction])


def read_transactions(
    body: bytes, settings: ServingSettings, now: datetime, keys: CardKeys = NO_KEYS
) -> list[Incoming]:
    """An object, or an array of them, to transactions within the limits; a card number becomes its token.

    Raises:
        Problem: not_json, or invalid with every fault and where it is.
    """
    many = is_many(body)
    transactions = _hide_card_numbers(_parse(body, many=many), keys, many=many)
    if not 1 <= len(transactions) <= settings.max_transactions:
        raise Problem(
            "invalid", f"{len(transactions)} transactions; expected 1 to {settings.max_transactions} in a request"
        )
    faults = [
        fault
        for place, one in enumerate(transactions)
        for fault in _find_faults(one, f"/{place}" if many else "", settings, now)
    ]
    faults += _find_doubles(transactions)
    if faults:
        raise _invalid(faults)
    return [_to_incoming(one) for one in transactions]


def is_many(body: bytes) -> bool:
    """Whether a body holds an array."""
    return body.lstrip()[:1] == b"["


def _parse(body: bytes, *, many: bool) -> list[Transaction]:
    try:
        return MANY.validate_json(body) if many else [ONE.validate_json(body)]
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        raise Problem("not_json", str(found[0]["msg"]))
    raise _invalid([_to_fault(each) for each in found])


def _hide_card_numbers(transactions: list[Transaction], keys: CardKeys, *, many: bool) -> list[Transaction]:
    faults, hidden = [], list(transactions)
    for place, one in enumerate(transactions):
        for name in ("transaction_id", "customer_id", "terminal_id"):
            text = getattr(one, name)
            if len(text) < SHORTEST_NUMBER:
                continue
            try:
                token = keys.tokenise(text)
            except ConfigurationError:
                pointer = f"/{place}/{name}" if many else f"/{name}"
                detail = "a card number, which is taken in by an app with keys only; expected its token"
                faults.append(Fault(pointer, "card_number", detail))
                continue
            if token != text:
                hidden[place] = hidden[place].model_copy(update={name: token})
    if faults:
        raise _invalid(faults)
    return hidden


def _find_faults(one: Transaction, pointer: str, settings: ServingSettings, now: datetime) -> Iterable[Fault]:
    ahead = _utc(one.event_time) - now
    if ahead > timedelta(hours=settings.future_hours):
        limit = f"expected at most {settings.future_hours:g} hours after now"
        yield Fault(f"{pointer}/event_time", "future_time", f"{one.event_time.isoformat()} lies in the future; {limit}")
    if -ahead > timedelta(days=settings.max_age_days):
        limit = f"expected at most {settings.max_age_days:g} days before now; older ones are scored in batch"
        yield Fault(f"{pointer}/event_time", "ancient_time", f"{one.event_time.isoformat()} is too old; {limit}")
    if one.amount > settings.max_amount:
        limit = f"expected at most {settings.max_amount:.2f}"
        yield Fault(f"{pointer}/amount", "huge_amount", f"{one.amount} is too much; {limit}")


def _find_doubles(transactions: list[Transaction]) -> Iterable[Fault]:
    seen: set[str] = set()
    for place, one in enumerate(transactions):
        if one.transaction_id in seen:
            detail = f"{one.transaction_id} is in the request already; expected each transaction once"
            yield Fault(f"/{place}/transaction_id", "double", detail)
        seen.add(one.transaction_id)


def _to_incoming(one: Transaction) -> Incoming:
    time = (_utc(one.event_time) - EPOCH) // MICROSECOND
    return Incoming(one.transaction_id, time, one.customer_id, one.terminal_id, int(one.amount * CENTS))


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _to_fault(error: Any) -> Fault:
    pointer = "".join(f"/{part}" for part in error["loc"])
    return Fault(pointer, str(error["type"]), str(error["msg"]))


def _invalid(faults: list[Fault]) -> Problem:
    first = faults[0]
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    return Problem("invalid", f"{first.pointer or '/'}: {first.detail}{more}", faults[:SHOWN])
