"""What a transaction on the embedded store does to its chunks."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import batched

from fraud_detection.features.point_in_time import NEVER
from fraud_detection.features.spans import Ints
from fraud_detection.scoring.online.chunks import EMPTY, Chunk, decode, keep_label, period_of
from fraud_detection.scoring.online.history import EVENT_TIME, KNOWN_AT, LABEL, Labels, Rows

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


class Edit:
    """Chunks that a transaction changes, read once and written once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Work inside the transaction that the connection is in."""
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
