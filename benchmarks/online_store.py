"""What a look-up and a new transaction cost the embedded store, by how histories are cut: the choice of its layout.

    python benchmarks/online_store.py --customers 1000

Each layout holds the same transactions of 120 days. A turn is what a batch of eight transactions costs the store: the
histories of eight cards and eight terminals, then eight new transactions, committed. The reference is a row a
transaction with an index for each kind of entity that covers the look-up.
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY
from fraud_detection.scoring.online import chunks
from fraud_detection.scoring.online.history import NUMBERS, STORED, Rows, rows_of_frame, unpack
from fraud_detection.scoring.online.sqlite import PRAGMAS, SqliteStore

DAYS, TOGETHER = 120, 8
COLUMNS = ", ".join((*NUMBERS, *STORED))


class RowStore:
    """A row a transaction, which two indexes cover."""

    def __init__(self, file: Path) -> None:
        """Make the table."""
        self.connection = sqlite3.connect(file, isolation_level=None)
        for pragma in PRAGMAS:
            self.connection.execute(f"PRAGMA {pragma}")
        keys = "transaction_id TEXT PRIMARY KEY, customer_id TEXT, terminal_id TEXT"
        self.connection.execute(f"CREATE TABLE history ({keys}, {COLUMNS}) WITHOUT ROWID")
        for kind in ("customer_id", "terminal_id"):
            covered = f"{kind}, event_time, transaction_id, {', '.join((*NUMBERS[1:], *STORED))}"
            self.connection.execute(f"CREATE INDEX by_{kind} ON history ({covered})")

    async def read(self, kind: str, entities: Collection[str], since: int) -> None:
        """As `SqliteStore.read`."""
        question = (
            f"SELECT transaction_id, {COLUMNS} FROM history WHERE {kind} = ? AND event_time >= ? "  # noqa: S608
            "ORDER BY event_time, transaction_id"
        )
        for entity in entities:
            rows = self.connection.execute(question, (entity, since)).fetchall()
            ids, *columns = zip(*rows, strict=True)
            whole = [np.array(column, dtype=np.int64) for column in columns[: len(NUMBERS)]]
            bits = [np.array(column).view(np.int64) for column in columns[len(NUMBERS) :]]
            unpack(list(ids), np.column_stack([*whole, *bits]))

    async def add(self, rows: Rows) -> None:
        """As `SqliteStore.add`."""
        marks = ", ".join("?" * (3 + len(NUMBERS) + len(STORED)))
        whole = rows.numbers[:, : len(NUMBERS)].tolist()
        doubles = np.ascontiguousarray(rows.numbers[:, len(NUMBERS) :]).view(np.float64).tolist()
        keys = zip(rows.transaction_id, rows.customer_id, rows.terminal_id, strict=True)
        values = [(*key, *some, *more) for key, some, more in zip(keys, whole, doubles, strict=True)]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(f"INSERT OR REPLACE INTO history VALUES ({marks})", values)  # noqa: S608
        self.connection.execute("COMMIT")

    async def close(self) -> None:
        """Close the file."""
        self.connection.close()


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    options = parser.parse_args(argv)
    world = World(customers=options.customers, terminals=2 * options.customers, days=DAYS + 1)
    transactions = generate_transactions(world).drop("is_fraud")
    history = transactions.with_columns(pl.lit(1.0).alias(name) for name in STORED)
    with tempfile.TemporaryDirectory() as place:
        found = {name: measure(Path(place) / name, history, days, options.turns) for name, days in LAYOUTS.items()}
    reference = found["rows"]["turn_ms"]
    for name, result in found.items():
        told = ", ".join(f"{key} {value:.3f}" for key, value in result.items())
        print(f"{name:<20} {told}; {reference / result['turn_ms']:.1f} times the turns of rows")
    if options.json:
        print(json.dumps(found))


LAYOUTS = {
    "rows": 0,
    "a blob a day": 1,
    "a blob a week": 7,
    "a blob 15 days": 15,
    "a blob 30 days": 30,
    "one blob": 10_000,
}


def measure(file: Path, history: pl.DataFrame, days: int, turns: int) -> dict[str, float]:
    """CPU milliseconds of reading and adding, and the size of the file."""
    chunks.PERIOD = max(days, 1) * MICROSECONDS_A_DAY
    found = asyncio.run(_measure(SqliteStore(file, "") if days else RowStore(file), history, turns))
    return {**found, "megabytes": file.stat().st_size / 1e6}


async def _measure(store: "SqliteStore | RowStore", history: pl.DataFrame, turns: int) -> dict[str, float]:
    old, new = history[: -turns * TOGETHER], history[-turns * TOGETHER :]
    for part in old.iter_slices(20_000):
        await store.add(rows_of_frame(part))
    since = int(new["event_time"].dt.epoch("us").min()) - 90 * MICROSECONDS_A_DAY  # type: ignore[arg-type, operator]
    reading, adding = [], []
    for part in new.iter_slices(TOGETHER):
        rows = rows_of_frame(part)
        began = time.thread_time()
        await store.read("customer_id", set(rows.customer_id), since)
        await store.read("terminal_id", set(rows.terminal_id), -(2**62))
        middle = time.thread_time()
        await store.add(rows)
        reading.append(middle - began)
        adding.append(time.thread_time() - middle)
    await store.close()
    read_ms, add_ms = (1000 * float(np.mean(times)) for times in (reading, adding))
    return {"read_ms": read_ms, "add_ms": add_ms, "turn_ms": read_ms + add_ms}


if __name__ == "__main__":
    main()
