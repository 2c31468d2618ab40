"""From how many runs a month on another platform is cheaper: two straight lines, and where they cross.

Each platform costs an amount a month whatever runs, and an amount a run. What the other one asks, and what this one
costs beside its runs, are inputs: each with a date and a source, none with a default.
"""

import datetime as dt
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runcosts.errors import SettingsError

OLDEST_DAYS = 365
RUNS = (1, 10, 30, 100, 300, 1000)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # at first use: --help needs none


class Item(_Read):
    """An amount, of which day it is, and who says so."""

    amount: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
    date: dt.date
    source: Annotated[str, Field(min_length=3)]


class Side(_Read):
    """What a platform costs: items a month, and items a run, by name."""

    month: dict[str, Item] = Field(default_factory=dict)
    run: dict[str, Item] = Field(default_factory=dict)

    @property
    def a_month(self) -> Decimal:
        """Whatever runs."""
        return sum((item.amount for item in self.month.values()), Decimal(0))

    @property
    def a_run(self) -> Decimal:
        """Each run."""
        return sum((item.amount for item in self.run.values()), Decimal(0))


class Quote(_Read):
    """The inputs: the other platform by name, and what this one costs beside the estimate of a run."""

    name: Annotated[str, Field(min_length=1)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    other: Side
    here: Side = Field(default_factory=Side)

    @property
    def items(self) -> list[tuple[str, Item]]:
        """Every input with its place."""
        sides = (("other", self.other), ("here", self.here))
        return [
            (f"{side}.{kind}.{name}", item)
            for side, found in sides
            for kind in ("month", "run")
            for name, item in getattr(found, kind).items()
        ]


@dataclass(frozen=True)
class Crossing:
    """Where the lines cross, and who is cheaper below and above; `runs` is None where that is one, however many."""

    runs: Decimal | None
    below: str
    above: str


def read_quote(file: Path) -> Quote:
    """Read the inputs.

    Raises:
        SettingsError: the file is no TOML, lacks an amount, a date or a source, or has a key that is not known.
    """
    try:
        quote = Quote.model_validate(tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal))
    except (OSError, tomllib.TOMLDecodeError) as unreadable:
        raise SettingsError(f"{file}: expected a TOML file of prices, found: {unreadable}") from unreadable
    except ValidationError as invalid:
        lines = [f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors()]
        raise SettingsError("\n".join([f"{file} cannot be used; no price has a default:", *lines])) from invalid
    if not quote.other.month and not quote.other.run:
        raise SettingsError(f"{file}: {quote.name} has no price; expected [other.month.NAME] or [other.run.NAME]")
    return quote


def cross(quote: Quote, run: Decimal, name: str) -> Crossing:
    """Where this platform, at that cost of a run, and the other one cost the same."""
    fixed = quote.other.a_month - quote.here.a_month
    each = run + quote.here.a_run - quote.other.a_run
    if each == 0 or fixed / each <= 0:
        cheaper = name if fixed > 0 or (fixed == 0 and each < 0) else quote.name
        return Crossing(None, cheaper, cheaper)
    below, above = (name, quote.name) if each > 0 else (quote.name, name)
    return Crossing(fixed / each, below, above)


def months(quote: Quote, run: Decimal, runs: Sequence[int] = RUNS) -> list[tuple[int, Decimal, Decimal]]:
    """For numbers of runs a month: what this platform costs, and the other one."""
    each = run + quote.here.a_run
    return [(many, quote.here.a_month + many * each, quote.other.a_month + many * quote.other.a_run) for many in runs]


def doubts(quote: Quote, today: dt.date) -> list[str]:
    """What makes the inputs doubtful."""
    return [
        f"{place} is {(today - item.date).days} days old ({item.source}): ask again"
        for place, item in quote.items
        if (today - item.date).days > OLDEST_DAYS
    ]
