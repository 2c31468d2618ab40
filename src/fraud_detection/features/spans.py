"""Ranges of rows: exact sums over them, and the first or last marked position in them, without loops."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.number | np.bool_]
Bools = npt.NDArray[np.bool_]

NOWHERE = -1


@dataclass(frozen=True)
class Span:
    """For each row a half-open range of positions, [low, high), in a sequence of events or of labels."""

    low: Ints
    high: Ints

    @property
    def count(self) -> Ints:
        """How many positions each range holds."""
        return self.high - self.low

    def sum(self, values: npt.NDArray[np.integer] | Bools) -> Ints:
        """Exact sums of whole numbers, by prefix sums; they don't depend on where the history starts."""
        prefix = np.zeros(values.size + 1, dtype=np.int64)
        np.cumsum(values, out=prefix[1:])
        return np.asarray(prefix[self.high] - prefix[self.low])

    def last(self, marks: Bools) -> Ints:
        """The last marked position of each range, NOWHERE without any."""
        latest = np.full(marks.size + 1, NOWHERE)
        np.maximum.accumulate(np.where(marks, np.arange(marks.size), NOWHERE), out=latest[1:])
        found = latest[self.high]
        return np.where(found >= self.low, found, NOWHERE)

    def first(self, marks: Bools) -> Ints:
        """The first marked position of each range, NOWHERE without any."""
        size = marks.size
        earliest = np.full(size + 1, size)
        marked = np.where(marks, np.arange(size), size)
        earliest[:size] = np.minimum.accumulate(marked[::-1])[::-1]
        found = earliest[self.low]
        return np.where(found < self.high, found, NOWHERE)

    def newest_position(self) -> Ints:
        """The last position of each range, NOWHERE for an empty one."""
        return np.where(self.count > 0, self.high - 1, NOWHERE)

    def after(self, position: Ints) -> "Span":
        """Each range from behind a position on; the whole range where that is NOWHERE."""
        return Span(np.maximum(self.low, position + 1), self.high)

    def newest(self, count: int) -> "Span":
        """The last `count` positions of each range."""
        return Span(np.maximum(self.low, self.high - count), self.high)
