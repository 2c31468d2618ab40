"""Changes of the simulated world from a known day on, to see how soon monitoring notices them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from fraud_detection.errors import ConfigurationError

PlantKind = Literal["new_fraud", "amount_shift", "broken_amounts", "volume"]
NEW_FRAUD = 4
NEW_FRAUD_SHARE, NEW_FRAUD_CENTS = 0.01, (100, 500)
SHIFT, BROKEN_CENTS, KEPT_SHARE = 1.6, 100, 0.5


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


def apply_plant(rows: pl.DataFrame, plant: Plant, seed: int) -> pl.DataFrame:
    """The rows with the change; those before its day are the same as without.

    Args:
        rows: day, amount_cents, scenario.
        plant: what changes.
        seed: of what is drawn.
    """
    since, cents = pl.col("day") >= plant.day, pl.col("amount_cents")
    if plant.kind == "amount_shift":
        grown = (cents * SHIFT).round().cast(pl.Int64)
        return rows.with_columns(pl.when(since).then(grown).otherwise(cents).alias("amount_cents"))
    if plant.kind == "broken_amounts":
        same = pl.lit(BROKEN_CENTS, pl.Int64)
        return rows.with_columns(pl.when(since).then(same).otherwise(cents).alias("amount_cents"))
    rng = np.random.default_rng([seed, plant.day])
    drawn = pl.Series("drawn", rng.random(rows.height))
    if plant.kind == "volume":
        return rows.filter(~since | (drawn < KEPT_SHARE))
    thief = since & (drawn < NEW_FRAUD_SHARE)
    tests = pl.Series("tests", rng.integers(*NEW_FRAUD_CENTS, rows.height))
    return rows.with_columns(
        pl.when(thief).then(tests).otherwise(cents).alias("amount_cents"),
        pl.when(thief).then(pl.lit(NEW_FRAUD, pl.Int8)).otherwise("scenario").alias("scenario"),
    )
