"""The embedded store: a file of SQLite that several processes share, with a row for each entity and period.

A look-up reads a few rows of packed numbers instead of hundreds of small ones (docs/decisions/0012 has the figures).
Calls are short and run in the caller's thread: handing them to another one costs more than they do.
"""

import asyncio
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import batched
from pathlib import Path
from typing import Any

from fraud_detection.errors import StoreError
from fraud_detection.features.online import EntityHistory
from fraud_detection.features.point_in_time import NEVER
from fraud_detection.features.spans import Ints
from fraud_detection.scoring.online.chunks import EMPTY, PERIOD, Chunk, decode, keep_label, period_of
from fraud_detection.scoring.online.history import EVENT_TIME, KNOWN_AT, LABEL, Labels, Rows, unpack
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
READ_MANY = "SELECT entity, ids, numbers FROM chunks WHERE kind = ? AND period = ? AND entity IN"
WRITE = "INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?, ?)"
DELETE = "DELETE FROM chunks WHERE kind = ? AND entity = ? AND period = ?"
FIND = "SELECT transaction_id, event_time, customer_id, terminal_id FROM transactions WHERE transaction_id IN"
TAKE_EARLY = "DELETE FROM early_labels WHERE transaction_id = ? RETURNING is_fraud, known_at"
ANY_EARLY = "SELECT EXISTS (SELECT 1 FROM early_labels)"
AT_ONCE = 500
PLACE = "INSERT OR REPLACE INTO transactions VALUES (?, ?, ?, ?)"
EARLY = "INSERT OR REPLACE INTO early_labels VALUES (?, ?, ?)"

Key = tuple[int, str, int]
Place = tuple[int, str, str]


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
            edit = _Edit(connection)
            edit.add(rows)
            edit.write()
        self._keep_small()

    async def add_labels(self, labels: Labels) -> None:
        """See `store.Store`."""
        with self._transaction() as connection:
            edit = _Edit(connection)
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
            edit = _Edit(connection)
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
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # what went wrong first goes on
                    connection.execute("ROLLBACK")
                raise

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


class _Edit:
    """Chunks that a transaction changes, read once and written once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._chunks: dict[Key, Chunk] = {}
        self._changed: set[Key] = set()

    def add(self, rows: Rows) -> None:
        """Put rows to their chunks, and take them from where they were."""
        numbers = rows.numbers.copy()
        places = list(zip(numbers[:, EVENT_TIME].tolist(), rows.customer_id, rows.terminal_id, strict=True))
        parts: dict[Key, list[int]] = {}
        for number, place in enumerate(places):
            for key in _keys(place):
                parts.setdefault(key, []).append(number)
        self._read(parts)
        self._take_over(rows.transaction_id, places, numbers)
        for key, members in parts.items():
            ids = [rows.transaction_id[number] for number in members]
            self._change(key, self._chunks[key].merge(ids, numbers[members]))
        located = [(one, *place) for one, place in zip(rows.transaction_id, places, strict=True)]
        self._connection.executemany(PLACE, located)

    def label(self, labels: Labels) -> None:
        """Put labels to their transactions, or aside until those come."""
        places = self.find(labels.transaction_id)
        self._read({key for place in places.values() for key in _keys(place)})
        for transaction, is_fraud, known_at in zip(
            labels.transaction_id, labels.is_fraud, labels.known_at, strict=True
        ):
            if transaction not in places:
                self._connection.execute(EARLY, (transaction, int(is_fraud), known_at))
                continue
            for key in _keys(places[transaction]):
                row = self._chunks[key].row(transaction).copy()
                row[LABEL] = int(is_fraud), known_at
                self._change(key, self._chunks[key].merge([transaction], row[None]))

    def remove(self, places: Mapping[str, Place]) -> None:
        """Take transactions out of the chunks of their places."""
        self._read({key for place in places.values() for key in _keys(place)})
        for transaction, place in places.items():
            for key in _keys(place):
                self._change(key, self._chunks[key].without([transaction]))

    def find(self, transactions: Sequence[str]) -> dict[str, Place]:
        """Time, card and terminal of the transactions that are known."""
        found: dict[str, Place] = {}
        for part in batched(transactions, AT_ONCE):
            rows = self._connection.execute(f"{FIND} ({_marks(part)})", part)
            found |= {transaction: tuple(place) for transaction, *place in rows}
        return found

    def write(self) -> None:
        """Write what changed."""
        full = [(*key, *self._chunks[key].encode()) for key in self._changed if self._chunks[key].ids]
        empty = [key for key in self._changed if not self._chunks[key].ids]
        self._connection.executemany(WRITE, full)
        self._connection.executemany(DELETE, empty)

    def _take_over(self, ids: Sequence[str], places: Sequence[Place], numbers: Ints) -> None:
        """Labels that came early, or that a transaction had at its former place."""
        known = self.find(ids)
        moved = {one: known[one] for one, place in zip(ids, places, strict=True) if known.get(one, place) != place}
        self._read({key for place in moved.values() for key in _keys(place)})
        for number, transaction in enumerate(ids):
            if transaction in moved:
                former = self._chunks[_keys(moved[transaction])[0]].row(transaction)
                numbers[number] = keep_label(numbers[number], former)
        self.remove(moved)
        if self._connection.execute(ANY_EARLY).fetchone()[0]:
            for number, transaction in enumerate(ids):
                self._take_early(transaction, numbers[number])

    def _take_early(self, transaction: str, row: Ints) -> None:
        found = self._connection.execute(TAKE_EARLY, (transaction,)).fetchone()
        if found and row[KNOWN_AT] == NEVER:
            row[LABEL] = found

    def _change(self, key: Key, chunk: Chunk) -> None:
        self._chunks[key] = chunk
        self._changed.add(key)

    def _read(self, keys: Iterable[Key]) -> None:
        """Chunks that are not in hand yet, those of one kind and period together."""
        wanted: dict[tuple[int, int], list[str]] = {}
        for kind, entity, period in keys:
            if (kind, entity, period) not in self._chunks:
                self._chunks[kind, entity, period] = EMPTY
                wanted.setdefault((kind, period), []).append(entity)
        for (kind, period), entities in wanted.items():
            for part in batched(entities, AT_ONCE):
                rows = self._connection.execute(f"{READ_MANY} ({_marks(part)})", (kind, period, *part))
                self._chunks |= {(kind, entity, period): decode([encoded]) for entity, *encoded in rows}


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _keys(place: Place) -> tuple[Key, Key]:
    event_time, customer, terminal = place
    period = period_of(event_time)
    return (0, customer, period), (1, terminal, period)


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
