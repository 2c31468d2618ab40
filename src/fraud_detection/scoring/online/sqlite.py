"""The embedded store: a file of SQLite that several processes share, with a row for each entity and period.

A look-up reads a few rows of packed numbers instead of hundreds of small ones (docs/decisions/0012 has the figures).
Calls are short and run in the caller's thread: handing them to another one costs more than they do.
"""

import asyncio
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fraud_detection.errors import StoreError
from fraud_detection.features.online import EntityHistory
from fraud_detection.scoring.online.chunks import PERIOD, decode, period_of
from fraud_detection.scoring.online.edits import Edit
from fraud_detection.scoring.online.history import Labels, Rows, unpack
from fraud_detection.scoring.online.store import DEFINITION, Kind, require_definition

WAIT_SECONDS = 2.0
CHECKPOINT_SECONDS = 2.0
KINDS: dict[Kind, int] = {"customer_id": 0, "terminal_id": 1}
# Synchronous NORMAL: a crash of the machine may lose the last moments, which the stream brings again.
PRAGMAS = (
    *("journal_mode = wal", "synchronous = normal", "wal_autocheckpoint = 20000"),
    *("cache_size = -65536", "mmap_size = 4294967296", "secure_delete = on"),
)
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks (kind INTEGER, entity TEXT, period INTEGER, ids TEXT NOT NULL, numbers BLOB NOT NULL,
    PRIMARY KEY (kind, entity, period)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transactions (transaction_id TEXT PRIMARY KEY, event_time INTEGER NOT NULL,
    customer_id TEXT NOT NULL, terminal_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS early_labels (transaction_id TEXT PRIMARY KEY, is_fraud INTEGER NOT NULL,
    known_at INTEGER NOT NULL) WITHOUT ROWID;
"""
READ = "SELECT ids, numbers FROM chunks WHERE kind = ? AND entity = ? AND period >= ? ORDER BY period"


class SqliteStore:
    """A store in one file; opened when it is first used, and again after an error."""

    def __init__(self, file: Path, definition: str) -> None:
        """Name the file, and what it must have been filled by."""
        self._file, self._definition = file, definition
        self._open: sqlite3.Connection | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def read(self, kind: Kind, entities: Collection[str], since: int) -> dict[str, EntityHistory]:
        """See `store.Store`."""
        with self._connection() as connection:
            first, number, found = period_of(since), KINDS[kind], {}
            connection.execute("BEGIN")  # one look at the log for all
            for entity in entities:
                if parts := connection.execute(READ, (number, entity, first)).fetchall():
                    chunk = decode(parts)
                    found[entity] = unpack(chunk.ids, chunk.numbers)
            connection.execute("COMMIT")
            return found

    async def add(self, rows: Rows) -> None:
        """See `store.Store`."""
        with self._transaction() as connection:
            edit = Edit(connection)
            edit.add(rows)
            edit.write()
        self._keep_small()

    async def add_labels(self, labels: Labels) -> None:
        """See `store.Store`."""
        with self._transaction() as connection:
            edit = Edit(connection)
            edit.label(labels)
            edit.write()

    async def prune(self, before: int) -> None:
        """See `store.Store`; whole periods only."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM chunks WHERE period < ?", (period_of(before),))
            connection.execute("DELETE FROM transactions WHERE event_time < ?", (period_of(before) * PERIOD,))
            connection.execute("DELETE FROM early_labels WHERE known_at < ?", (before,))

    async def erase(self, customer: str) -> int:
        """See `store.Store`."""
        with self._transaction() as connection:
            edit = Edit(connection)
            parts = connection.execute(READ, (KINDS["customer_id"], customer, -(2**62))).fetchall()
            ids = decode(parts).ids
            edit.remove(edit.find(ids))
            edit.write()
            gone = [(one,) for one in ids]
            connection.executemany("DELETE FROM transactions WHERE transaction_id = ?", gone)
        with self._connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log held the rows too
        return len(ids)

    async def count(self) -> int:
        """See `store.Store`."""
        with self._connection() as connection:
            return int(connection.execute("SELECT count(*) FROM transactions").fetchone()[0])

    async def check(self) -> None:
        """See `store.Store`."""
        with self._connection() as connection:
            found = connection.execute("SELECT value FROM meta WHERE key = ?", (DEFINITION,)).fetchone()
        require_definition(found[0] if found else None, self._definition)

    async def begin(self) -> None:
        """See `store.Store`."""
        with self._transaction() as connection:
            found = connection.execute("SELECT value FROM meta WHERE key = ?", (DEFINITION,)).fetchone()
            if not found or found[0] != self._definition:
                for table in ("meta", "chunks", "transactions", "early_labels"):
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608  our own names

    async def finish(self) -> None:
        """See `store.Store`."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (DEFINITION, self._definition))
        with self._connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """See `store.Store`."""
        if self._keeper:
            self._keeper.cancel()
        self._shut()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._open is None:
                self._open = _connect(self._file)
            yield self._open
        except sqlite3.Error as error:
            self._shut()
            raise StoreError(
                f"the store {self._file.name} does not answer: {error}; expected a file of SQLite that this process "
                "may write and nobody holds for long: look at the file and its disk"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:  # commits, or rolls back and lets the error go on
                yield connection

    def _shut(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _keep_small(self) -> None:
        """Move the log into the file now and then, beside the loop, so that no answer waits for the disk."""
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.get_running_loop().create_task(self._checkpoint())

    async def _checkpoint(self) -> None:
        await asyncio.sleep(CHECKPOINT_SECONDS)
        with suppress(sqlite3.Error):  # tried again after the next writing; the log is whole either way
            await asyncio.to_thread(_checkpoint, self._file)


def _connect(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(SCHEMA)
    return connection


def _checkpoint(file: Path) -> None:
    connection: Any = sqlite3.connect(file, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()
