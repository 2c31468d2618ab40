"""Changes of the simulated world from a known day on, to see how soon monitoring notices them."""

import numpy as np
import polars as pl

from fraud_detection.data.world import Plant

NEW_FRAUD = 4
NEW_FRAUD_SHARE, NEW_FRAUD_CENTS = 0.01, (100, 500)
SHIFT, BROKEN_CENTS, KEPT_SHARE = 1.6, 100, 0.5


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
