"""A part of an entity's history as one value: the rows of one period, ordered, each transaction once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fraud_detection.errors import DataError
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY, NEVER
from fraud_detection.features.spans import Ints
from fraud_detection.scoring.online.history import EVENT_TIME, KNOWN_AT, LABEL, WIDTH

PERIOD: Final = 7 * MICROSECONDS_A_DAY
SEPARATOR: Final = "\x1f"


def period_of(event_time: int) -> int:
    """The number of the period that a time lies in."""
    return event_time // PERIOD


@dataclass(frozen=True)
class Chunk:
    """Ids and numbers (`history.Rows`) of rows ordered by (event_time, transaction_id)."""

    ids: list[str]
    numbers: Ints

    def encode(self) -> tuple[str, bytes]:
        """As text and bytes.

        Raises:
            DataError: an id holds the character that separates ids.
        """
        text = SEPARATOR.join(self.ids)
        if text.count(SEPARATOR) != len(self.ids) - 1:
            raise DataError(f"a transaction_id holds the character {SEPARATOR!r}; expected printable ones")
        return text, self.numbers.tobytes()

    def merge(self, ids: Sequence[str], numbers: Ints) -> "Chunk":
        """With other rows; one that is there already takes the new content, and keeps its label if the new has none."""
        new = dict(zip(ids, numbers, strict=True))
        replaced = [place for place, one in enumerate(self.ids) if one in new]
        for place in replaced:
            new[self.ids[place]] = keep_label(new[self.ids[place]], self.numbers[place])
        return _ordered(self.drop(replaced), list(new), np.array(list(new.values())))

    def without(self, ids: Sequence[str]) -> "Chunk":
        """The rows of other transactions."""
        gone = set(ids)
        return self.drop([place for place, one in enumerate(self.ids) if one in gone])

    def drop(self, places: Sequence[int]) -> "Chunk":
        """Without the rows at some places."""
        if not places:
            return self
        gone = set(places)
        kept = [one for place, one in enumerate(self.ids) if place not in gone]
        return Chunk(kept, np.delete(self.numbers, places, axis=0))

    def row(self, transaction: str) -> Ints:
        """The row of a transaction that is in it."""
        found: Ints = self.numbers[self.ids.index(transaction)]
        return found


EMPTY: Final = Chunk([], np.empty((0, WIDTH), dtype=np.int64))


def decode(parts: Sequence[tuple[str, bytes]]) -> Chunk:
    """One chunk of what several, one after the other, were encoded as."""
    ids = SEPARATOR.join([ids for ids, _ in parts]).split(SEPARATOR) if parts else []
    return Chunk(ids, np.frombuffer(b"".join([numbers for _, numbers in parts]), np.int64).reshape(-1, WIDTH))


def keep_label(new: Ints, old: Ints) -> Ints:
    """The new row, with the label of the old one where it has none."""
    if new[KNOWN_AT] != NEVER:
        return new
    kept = new.copy()
    kept[LABEL] = old[LABEL]
    return kept


def _ordered(chunk: Chunk, ids: list[str], numbers: Ints) -> Chunk:
    all_ids, all_numbers = chunk.ids + ids, np.concatenate([chunk.numbers, numbers])
    times = all_numbers[:, EVENT_TIME]
    if np.all(times[1:] > times[:-1]):
        return Chunk(all_ids, all_numbers)
    order = sorted(range(len(all_ids)), key=lambda place: (times[place], all_ids[place]))
    return Chunk([all_ids[place] for place in order], all_numbers[order])
