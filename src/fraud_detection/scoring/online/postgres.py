"""The store in PostgreSQL, Lakebase included: a row a transaction, and the server packs what a look-up needs.

Both entities have an index that covers a look-up. The environment says where the server is, by libpq's variables
(PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGSSLMODE), as Databricks sets them for an app's database.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
import numpy as np

from fraud_detection.errors import StoreError
from fraud_detection.features.online import EntityHistory
from fraud_detection.features.point_in_time import NEVER
from fraud_detection.features.spans import Ints
from fraud_detection.scoring.online.chunks import SEPARATOR
from fraud_detection.scoring.online.credentials import database_password
from fraud_detection.scoring.online.history import NUMBERS, STORED, WIDTH, Labels, Rows, unpack
from fraud_detection.scoring.online.store import DEFINITION, Kind, require_definition

TIMEOUT_SECONDS: Final = 5.0
CONNECTIONS: Final = 4
KEYS: Final = ("transaction_id", "customer_id", "terminal_id")
COLUMNS: Final = (*KEYS, *NUMBERS, *STORED)
BIG_ENDIAN: Final = np.dtype(">i8")

_numbers = ", ".join(f"{name} BIGINT NOT NULL" for name in NUMBERS)
_features = ", ".join(f"{name} DOUBLE PRECISION NOT NULL" for name in STORED)
_included = ", ".join((*NUMBERS[1:], *STORED))
# "C": rows of one time are in the order of their ids' bytes, as everywhere else.
SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS online_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS online_history (transaction_id TEXT COLLATE "C" PRIMARY KEY, customer_id TEXT COLLATE "C"
    NOT NULL, terminal_id TEXT COLLATE "C" NOT NULL, {_numbers}, {_features});
CREATE INDEX IF NOT EXISTS online_history_card
    ON online_history (customer_id, event_time, transaction_id) INCLUDE ({_included});
CREATE INDEX IF NOT EXISTS online_history_terminal
    ON online_history (terminal_id, event_time, transaction_id) INCLUDE ({_included});
CREATE TABLE IF NOT EXISTS online_early_labels
    (transaction_id TEXT COLLATE "C" PRIMARY KEY, is_fraud BIGINT NOT NULL, known_at BIGINT NOT NULL);
"""
_packed = " || ".join([f"int8send({name})" for name in NUMBERS] + [f"float8send({name})" for name in STORED])
READ: Final = {
    kind: f"""
SELECT {kind}, string_agg(transaction_id, E'\\x1f' ORDER BY event_time, transaction_id),
    string_agg({_packed}, ''::bytea ORDER BY event_time, transaction_id)
FROM online_history WHERE {kind} = ANY($1) AND event_time >= $2 GROUP BY {kind}"""  # noqa: S608  our own names
    for kind in ("customer_id", "terminal_id")
}
_names = ", ".join(COLUMNS)
_replaced = ", ".join(f"{name} = excluded.{name}" for name in (*KEYS[1:], "event_time", "amount_cents", *STORED))
_kept = ", ".join(
    f"{name} = CASE WHEN excluded.known_at = {NEVER} THEN h.{name} ELSE excluded.{name} END"
    for name in ("is_fraud", "known_at")
)
_arrays = ", ".join(
    f"${place}::{kind}[]"
    for place, kind in enumerate(["text"] * len(KEYS) + ["int8"] * len(NUMBERS) + ["float8"] * len(STORED), start=1)
)
ADD: Final = f"""
INSERT INTO online_history AS h ({_names}) SELECT * FROM unnest({_arrays}) ORDER BY 1
ON CONFLICT (transaction_id) DO UPDATE SET {_replaced}, {_kept}"""  # noqa: S608
TAKE_EARLY: Final = """
WITH early AS (DELETE FROM online_early_labels WHERE transaction_id = ANY($1) RETURNING *)
UPDATE online_history AS h SET is_fraud = early.is_fraud, known_at = early.known_at
FROM early WHERE h.transaction_id = early.transaction_id"""
LABEL: Final = """
WITH labels AS (SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[]) AS l (transaction_id, is_fraud, known_at)),
known AS (UPDATE online_history AS h SET is_fraud = l.is_fraud, known_at = l.known_at
    FROM labels AS l WHERE h.transaction_id = l.transaction_id RETURNING h.transaction_id)
INSERT INTO online_early_labels
SELECT l.* FROM labels AS l LEFT JOIN known AS k ON l.transaction_id = k.transaction_id WHERE k.transaction_id IS NULL
ON CONFLICT (transaction_id) DO UPDATE SET is_fraud = excluded.is_fraud, known_at = excluded.known_at"""
FIND_DEFINITION: Final = "SELECT value FROM online_meta WHERE key = $1"
FILLED: Final = "INSERT INTO online_meta VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
HERE: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
ANSWERS_NOT: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class PostgresStore:
    """A store in a database; connected when it is first used."""

    def __init__(self, definition: str) -> None:
        """Say what it must have been filled by."""
        self._definition = definition
        self._pool: asyncpg.Pool[Any] | None = None
        self._connecting = asyncio.Lock()

    async def read(self, kind: Kind, entities: Collection[str], since: int) -> dict[str, EntityHistory]:
        """See `store.Store`."""
        async with self._connection() as connection:
            found = await connection.fetch(READ[kind], list(entities), since)
        return {entity: _decode(ids, numbers) for entity, ids, numbers in found}

    async def add(self, rows: Rows) -> None:
        """See `store.Store`."""
        numbers, features = rows.numbers.T[: len(NUMBERS)], rows.numbers.T[len(NUMBERS) :]
        doubles = [np.ascontiguousarray(column).view(np.float64).tolist() for column in features]
        columns = [list(getattr(rows, key)) for key in KEYS] + [column.tolist() for column in numbers] + doubles
        async with self._connection() as connection, connection.transaction():
            await connection.execute(ADD, *columns)
            await connection.execute(TAKE_EARLY, columns[0])

    async def add_labels(self, labels: Labels) -> None:
        """See `store.Store`."""
        values = [int(one) for one in labels.is_fraud]
        async with self._connection() as connection:
            await connection.execute(LABEL, list(labels.transaction_id), values, list(labels.known_at))

    async def prune(self, before: int) -> None:
        """See `store.Store`."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute("DELETE FROM online_history WHERE event_time < $1", before)
            await connection.execute("DELETE FROM online_early_labels WHERE known_at < $1", before)

    async def erase(self, customer: str) -> int:
        """See `store.Store`; the files hold the rows until the next VACUUM."""
        async with self._connection() as connection:
            done: str = await connection.execute("DELETE FROM online_history WHERE customer_id = $1", customer)
        return int(done.rsplit(maxsplit=1)[-1])

    async def count(self) -> int:
        """See `store.Store`."""
        async with self._connection() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM online_history"))

    async def check(self) -> None:
        """See `store.Store`."""
        async with self._connection() as connection:
            found = await connection.fetchval(FIND_DEFINITION, DEFINITION)
        require_definition(found, self._definition)

    async def begin(self) -> None:
        """See `store.Store`."""
        async with self._connection() as connection, connection.transaction():
            if await connection.fetchval(FIND_DEFINITION, DEFINITION) != self._definition:
                await connection.execute("TRUNCATE online_meta, online_history, online_early_labels")

    async def finish(self) -> None:
        """See `store.Store`."""
        async with self._connection() as connection:
            await connection.execute(FILLED, DEFINITION, self._definition)
            await connection.execute("VACUUM ANALYZE online_history")

    async def close(self) -> None:
        """See `store.Store`."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            pool = await self._connected()
            async with pool.acquire(timeout=TIMEOUT_SECONDS) as connection:
                yield connection
        except ANSWERS_NOT as error:
            raise StoreError(
                f"PostgreSQL does not answer: {type(error).__name__}: {error}; expected the database that the "
                "variables PG… name, with the right to create tables: look whether it runs"
            ) from error

    async def _connected(self) -> "asyncpg.Pool[Any]":
        async with self._connecting:
            if self._pool is None:
                pool = await asyncpg.create_pool(
                    min_size=1,
                    max_size=CONNECTIONS,
                    password=database_password(),
                    ssl=_choose_tls(),
                    timeout=TIMEOUT_SECONDS,
                    command_timeout=TIMEOUT_SECONDS,
                )
                await _make_tables(pool)
                self._pool = pool
            return self._pool


def _choose_tls() -> str | None:
    """TLS to every other machine: the driver's own default goes on without where the server has none."""
    host = os.environ.get("PGHOST", "")
    return None if "PGSSLMODE" in os.environ or host in HERE or host.startswith("/") else "require"


async def _make_tables(pool: "asyncpg.Pool[Any]") -> None:
    """Several workers start at once; creating "if not exists" is not safe against oneself."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('online_history'))")
        await connection.execute(SCHEMA)


def _decode(ids: str, numbers: bytes) -> EntityHistory:
    rows: Ints = np.frombuffer(numbers, BIG_ENDIAN).astype(np.int64).reshape(-1, WIDTH)
    return unpack(ids.split(SEPARATOR), rows)
