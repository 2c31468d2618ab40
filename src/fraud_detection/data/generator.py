"""Simulated card transactions with three kinds of fraud, vectorised and repeatable by seed.

The rules are those of the transaction simulator in the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot,
Bontempi, 2022, chapter 3.2), written anew from their description.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from fraud_detection.data.planting import apply_plant
from fraud_detection.data.world import World

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SECONDS_A_DAY = 86_400
TIME_OF_DAY_SIGMA = 20_000
REACH = 5.0
LARGE_AMOUNT = 220.0
TERMINALS_A_DAY, TERMINAL_FRAUD_DAYS = 2, 28
CUSTOMERS_A_DAY, CUSTOMER_FRAUD_DAYS, CUSTOMER_FRAUD_SHARE, CUSTOMER_FACTOR = 3, 14, 1 / 3, 5.0


def generate_transactions(world: World) -> pl.DataFrame:
    """Simulate all transactions of a world, in order of time.

    Returns:
        One row a transaction: transaction_id, event_time (UTC, whole seconds), customer_id, terminal_id,
        amount (in hundredths, integer column `amount_cents`), is_fraud, scenario (0 none, 1 large amount,
        2 compromised terminal, 3 compromised card, 4 planted).
    """
    rng = np.random.default_rng(world.seed)
    rows = _draw_transactions(world, rng)
    rows = _mark_frauds(rows, world, rng)
    if world.plant:
        rows = apply_plant(rows, world.plant, world.seed)
    start = pl.lit(world.start).cast(pl.Datetime("us", "UTC"))
    return rows.select(
        _identifier("T", pl.int_range(pl.len()), 8).alias("transaction_id"),
        (start + pl.duration(seconds=pl.col("second"))).alias("event_time"),
        _identifier("C", pl.col("customer"), 6).alias("customer_id"),
        _identifier("M", pl.col("terminal"), 6).alias("terminal_id"),
        pl.col("amount_cents"),
        (pl.col("scenario") > 0).alias("is_fraud"),
        pl.col("scenario"),
    )


def _identifier(prefix: str, number: pl.Expr, width: int) -> pl.Expr:
    return pl.concat_str(pl.lit(prefix), number.cast(pl.String).str.zfill(width))


def _draw_transactions(world: World, rng: np.random.Generator) -> pl.DataFrame:
    mean_amount = rng.uniform(5, 100, world.customers)
    rate = rng.uniform(0, 4, world.customers)
    reachable, first, count = _terminals_in_reach(world, rng)
    per_day = rng.poisson(rate[:, None], (world.customers, world.days))
    per_day[count == 0] = 0
    customer = np.repeat(np.arange(world.customers), per_day.sum(axis=1))
    day = np.repeat(np.tile(np.arange(world.days), world.customers), per_day.ravel())
    time = rng.normal(SECONDS_A_DAY / 2, TIME_OF_DAY_SIGMA, customer.size).astype(np.int64)
    amount = _draw_amounts(mean_amount[customer], rng)
    pick = (rng.random(customer.size) * count[customer]).astype(np.int64)
    rows = pl.DataFrame(
        {
            "second": day * SECONDS_A_DAY + time,
            "day": day,
            "customer": customer,
            "terminal": reachable[first[customer] + pick],
            "amount_cents": np.rint(amount * 100).astype(np.int64),
        }
    )
    return rows.filter((time > 0) & (time < SECONDS_A_DAY)).sort("second", "customer", maintain_order=True)


def _terminals_in_reach(world: World, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """For each customer the terminals within reach: one flat list, where each one's part starts, how long it is."""
    customers = rng.uniform(0, 100, (world.customers, 2))
    terminals = rng.uniform(0, 100, (world.terminals, 2))
    by_x = np.argsort(terminals[:, 0], kind="stable")
    lows, highs = np.searchsorted(terminals[by_x, 0], [customers[:, 0] - REACH, customers[:, 0] + REACH])
    parts = []
    for (x, y), low, high in zip(customers, lows, highs, strict=True):
        near = by_x[low:high]
        squared = (terminals[near, 0] - x) ** 2 + (terminals[near, 1] - y) ** 2
        parts.append(np.sort(near[squared < REACH**2]))
    count = np.array([part.size for part in parts], dtype=np.int64)
    return np.concatenate(parts).astype(np.int64), np.cumsum(count) - count, count


def _draw_amounts(mean: Floats, rng: np.random.Generator) -> Floats:
    amount = rng.normal(mean, mean / 2)
    return np.where(amount < 0, rng.uniform(0, 2 * mean), amount)


def _mark_frauds(rows: pl.DataFrame, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Scenario by scenario, the later one overriding the earlier."""
    day, terminal, customer = (rows[name].to_numpy() for name in ("day", "terminal", "customer"))
    cents = rows["amount_cents"].to_numpy().copy()
    scenario = (cents > LARGE_AMOUNT * 100).astype(np.int8)
    scenario[_hit(terminal, day, world.terminals, TERMINALS_A_DAY, TERMINAL_FRAUD_DAYS, world, rng)] = 2
    for stolen in _stolen_card_rows(customer, day, world, rng):
        cents[stolen] = np.rint(cents[stolen] * CUSTOMER_FACTOR).astype(np.int64)
        scenario[stolen] = 3
    return rows.with_columns(pl.Series("amount_cents", cents), pl.Series("scenario", scenario))


def _hit(
    entity: Ints, day: Ints, entities: int, a_day: int, lasting: int, world: World, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which rows fall on an entity while it is compromised."""
    compromised = np.zeros((entities, world.days), dtype=bool)
    for drawn_on in range(world.days):
        drawn = rng.choice(entities, size=min(a_day, entities), replace=False)
        compromised[drawn, drawn_on : drawn_on + lasting] = True
    return compromised[entity, day]


def _stolen_card_rows(customer: Ints, day: Ints, world: World, rng: np.random.Generator) -> list[Ints]:
    """For each theft, the rows that the thief made: a third of the card's rows of the next days."""
    by_customer = np.lexsort((day, customer))
    starts = np.searchsorted(customer[by_customer], np.arange(world.customers + 1))
    thefts = []
    for stolen_on in range(world.days):
        for card in rng.choice(world.customers, size=min(CUSTOMERS_A_DAY, world.customers), replace=False):
            own = by_customer[starts[card] : starts[card + 1]]
            exposed = own[(day[own] >= stolen_on) & (day[own] < stolen_on + CUSTOMER_FRAUD_DAYS)]
            thefts.append(rng.choice(exposed, size=int(exposed.size * CUSTOMER_FRAUD_SHARE), replace=False))
    return thefts
