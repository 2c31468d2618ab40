"""What is simulated: the size of the world, what changes in it, and how dirty its files are."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from fraud_detection.errors import ConfigurationError

PlantKind = Literal["new_fraud", "amount_shift", "broken_amounts", "volume"]
ROUNDING = 1e-9


@dataclass(frozen=True)
class Plant:
    """What changes, and on which day of the world, from 0.

    Attributes:
        kind: `new_fraud`: one transaction in a hundred is a thief testing a card with 1 to 5 units. `amount_shift`:
            all amounts grow by 60 %. `broken_amounts`: a fault upstream makes all amounts 1. `volume`: every other
            transaction is not there.
    """

    kind: PlantKind
    day: int

    def __post_init__(self) -> None:
        """Refuse a day before the world begins."""
        if self.day < 0:
            raise ConfigurationError(f"the change is planted on day {self.day}; expected 0 or later")


@dataclass(frozen=True)
class World:
    """The size of the simulated world; the defaults are the reference problem's (about 1.75 million rows).

    Attributes:
        plant: what changes in it, and from which day on; None for nothing.
    """

    customers: int = 5_000
    terminals: int = 10_000
    days: int = 183
    start: date = date(2018, 4, 1)
    seed: int = 1
    plant: Plant | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that make no world."""
        for name in ("customers", "terminals", "days"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; expected a whole number from 1")


@dataclass(frozen=True)
class Dirt:
    """Shares of lines that arrive broken, twice, late or with a bad amount."""

    broken: float = 0.0005
    duplicate: float = 0.001
    late: float = 0.001
    bad_amount: float = 0.0005

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name, share in vars(self).items():
            if not 0 <= share <= 1:
                raise ConfigurationError(f"dirt {name} is {share}; expected a share from 0 to 1")
        total = sum(vars(self).values())
        if total > 1 + ROUNDING:
            raise ConfigurationError(f"dirt shares add up to {total:g}; expected at most 1: a line is soiled once")
