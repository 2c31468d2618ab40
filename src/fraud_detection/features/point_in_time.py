"""What a row may know of its entity's past. Every rule of time stands here, once.

Order:   rows of an entity are ordered by (event_time, transaction_id); a row sees the rows before it, and itself.
Window:  a window of width w at time t is (t - w, t]: open at its start, closed at its end.
Delay:   a delayed window counts the transactions with event_time + delay in (t - w, t].
Label:   a label is visible from v = max(event_time + delay, known_at); windows over labels hold those with v in
         (t - w, t]. A label whose known_at or value is null is never visible. The delay is positive, so no row
         sees its own label, nor one of a row at the same time.
Reach:   no window is wider than REACH_DAYS; so a value depends on nothing that happened, or became visible, earlier
         than that and the delay before it, and a day's features can be computed from a bounded look-back.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fraud_detection.errors import DataError
from fraud_detection.features.spans import NOWHERE, Floats, Ints, Span

MICROSECONDS_A_DAY = 86_400_000_000
REACH_DAYS = 60
NEVER = np.iinfo(np.int64).max
"""The time at which a label becomes known that does not exist."""


@dataclass(frozen=True)
class Timeline:
    """The rows of whole entities on one increasing clock, with gaps between entities wider than any window.

    Attributes:
        clock: microseconds, one a row; differences are true inside an entity.
        delay: the label delay in microseconds.
        label_rows: the rows whose labels become visible while their entity still has rows, as they become visible.
        label_clock: when, on the same clock.
    """

    clock: Ints
    delay: int
    label_rows: Ints
    label_clock: Ints
    _found: dict[int, Ints] = field(default_factory=dict, compare=False, repr=False)
    _found_labels: dict[int, Ints] = field(default_factory=dict, compare=False, repr=False)

    def events(self, days: int) -> Span:
        """The rows in (t - days, t], this one included."""
        return Span(self._rows_until(_width(days)), self._positions + 1)

    def earlier_events(self, days: int) -> Span:
        """The rows in (t - days, t], this one left out."""
        return Span(self._rows_until(_width(days)), self._positions)

    def delayed_events(self, days: int) -> Span:
        """The rows whose event_time + delay lies in (t - days, t]."""
        return Span(self._rows_until(_width(days) + self.delay), self._rows_until(self.delay))

    def labels(self, days: int) -> Span:
        """The labels, as positions in label_rows, that became visible in (t - days, t]."""
        return Span(self._labels_until(_width(days)), self._labels_until(0))

    def days_since_event(self, position: Ints) -> Floats:
        """Days since the rows at some positions; REACH_DAYS for NOWHERE."""
        return self._days_since(self.clock, position)

    def days_since_labelled(self, position: Ints) -> Floats:
        """Days since the transactions that some labels, by position in label_rows, are about; at most REACH_DAYS."""
        return self._days_since(self.clock[self.label_rows], position)

    def _days_since(self, clock: Ints, position: Ints) -> Floats:
        days = np.full(position.shape, float(REACH_DAYS))
        found = position != NOWHERE
        days[found] = (self.clock[found] - clock[position[found]]) / MICROSECONDS_A_DAY
        np.minimum(days, REACH_DAYS, out=days)
        return days

    def _rows_until(self, before: int) -> Ints:
        """How many rows lie at or before t - before; groups share windows, so each is searched for once."""
        if before not in self._found:
            self._found[before] = np.searchsorted(self.clock, self.clock - before, side="right")
        return self._found[before]

    def _labels_until(self, before: int) -> Ints:
        """How many labels became visible at or before t - before."""
        if before not in self._found_labels:
            self._found_labels[before] = np.searchsorted(self.label_clock, self.clock - before, side="right")
        return self._found_labels[before]

    @cached_property
    def _positions(self) -> Ints:
        return np.arange(self.clock.size)


def build_timeline(entity: Ints, event_time: Ints, known_at: Ints, delay_days: int) -> Timeline:
    """Lay whole entities, ordered by (entity, event_time, transaction_id), on one clock.

    Args:
        entity: a number for each row; the rows of an entity stand together and have the same one.
        event_time: microseconds.
        known_at: when the label of each row became known, in microseconds; NEVER where there is none.
        delay_days: the label delay.

    Raises:
        DataError: an entity's rows are not in the order of time.
    """
    delay = delay_days * MICROSECONDS_A_DAY
    first, last = _entity_bounds(entity)
    lengths = last - first + 1
    spans = event_time[last] - event_time[first] + _width(REACH_DAYS) + delay + 1
    shift = np.repeat(np.cumsum(spans) - spans - event_time[first], lengths)
    clock = event_time + shift
    if np.any(clock[1:] < clock[:-1]):
        raise DataError("rows are out of order; expected entity, event_time, transaction_id: sort them first")
    is_known = known_at != NEVER
    visible_from = np.maximum(event_time + delay, np.where(is_known, known_at, 0)) + shift
    label_rows = np.flatnonzero(is_known & (visible_from <= np.repeat(clock[last], lengths)))
    label_rows = label_rows[_stable_order(visible_from[label_rows])]
    return Timeline(clock, delay, label_rows, visible_from[label_rows])


def _width(days: int) -> int:
    """In microseconds; a wider window would reach into another entity."""
    if days > REACH_DAYS:
        raise ValueError(f"a window of {days} days is wider than the reach of {REACH_DAYS} days")
    return days * MICROSECONDS_A_DAY


def _entity_bounds(entity: Ints) -> tuple[Ints, Ints]:
    """First and last row of each entity."""
    changes = np.flatnonzero(entity[1:] != entity[:-1])
    some = entity[:1].size  # 0 where there are no rows at all
    return np.append(np.zeros(some, np.int64), changes + 1), np.append(changes, np.full(some, entity.size - 1))


def _stable_order(values: Ints) -> Ints | slice:
    """The order that sorts values; labels that come on time are in order already, which is quick to see."""
    if np.all(values[1:] >= values[:-1]):
        return slice(None)
    return np.argsort(values, kind="stable")
