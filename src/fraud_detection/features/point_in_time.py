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

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from fraud_detection.errors import DataError
from fraud_detection.features.spans import NOWHERE, Floats, Ints, Span

MICROSECONDS_A_DAY = 86_400_000_000
REACH_DAYS = 60


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

    def events(self, days: int) -> Span:
        """The rows in (t - days, t], this one included."""
        return Span(self._after(self.clock, _width(days)), self._positions + 1)

    def earlier_events(self, days: int) -> Span:
        """The rows in (t - days, t], this one left out."""
        return Span(self._after(self.clock, _width(days)), self._positions)

    def delayed_events(self, days: int) -> Span:
        """The rows whose event_time + delay lies in (t - days, t]."""
        return Span(self._after(self.clock, _width(days) + self.delay), self._delayed_end)

    def labels(self, days: int) -> Span:
        """The labels, as positions in label_rows, that became visible in (t - days, t]."""
        return Span(self._after(self.label_clock, _width(days)), self._label_end)

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
        return np.clip(days, None, REACH_DAYS, out=days)

    def _after(self, events: Ints, width: int) -> Ints:
        return np.searchsorted(events, self.clock - width, side="right")

    @cached_property
    def _positions(self) -> Ints:
        return np.arange(self.clock.size)

    @cached_property
    def _delayed_end(self) -> Ints:
        return self._after(self.clock, self.delay)

    @cached_property
    def _label_end(self) -> Ints:
        return self._after(self.label_clock, 0)


def build_timeline(rows: pl.DataFrame, entity: str, delay_days: int) -> Timeline:
    """Lay whole entities, ordered by (entity, event_time, transaction_id), on one clock.

    Raises:
        DataError: an entity's rows are not in the order of time.
    """
    time, delay = _microseconds(rows["event_time"]), delay_days * MICROSECONDS_A_DAY
    first, last = _entity_bounds(rows[entity])
    lengths = last - first + 1
    spans = time[last] - time[first] + _width(REACH_DAYS) + delay + 1
    shift = np.repeat(np.cumsum(spans) - spans - time[first], lengths)
    clock = time + shift
    if np.any(np.diff(clock) < 0):
        raise DataError(f"rows are out of order; expected {entity}, event_time, transaction_id: sort them first")
    visible_from = np.maximum(time + delay, _microseconds(rows["known_at"])) + shift
    known = (rows["is_fraud"].is_not_null() & rows["known_at"].is_not_null()).to_numpy()
    in_time = visible_from <= np.repeat(clock[last], lengths)
    label_rows = np.flatnonzero(known & in_time)
    order = _stable_order(visible_from[label_rows])
    label_rows = label_rows[order]
    return Timeline(clock, delay, label_rows, visible_from[label_rows])


def _width(days: int) -> int:
    """In microseconds; a wider window would reach into another entity."""
    if days > REACH_DAYS:
        raise ValueError(f"a window of {days} days is wider than the reach of {REACH_DAYS} days")
    return days * MICROSECONDS_A_DAY


def _microseconds(times: pl.Series) -> Ints:
    return times.to_physical().fill_null(0).to_numpy()


def _entity_bounds(entities: pl.Series) -> tuple[Ints, Ints]:
    """First and last row of each entity."""
    number = entities.rle_id().cast(pl.Int64).to_numpy()
    return np.flatnonzero(np.diff(number, prepend=-1)), np.flatnonzero(np.diff(number, append=-1))


def _stable_order(values: Ints) -> Ints | slice:
    """The order that sorts values; labels that come on time are in order already, which is quick to see."""
    if np.all(values[1:] >= values[:-1]):
        return slice(None)
    return np.argsort(values, kind="stable")
