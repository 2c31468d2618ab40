"""Features of transactions as they come in, from the stored history of their cards and terminals.

The groups run as ever, on arrays as a store holds them: no frame is made, so a handful of transactions takes about a
millisecond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from fraud_detection.errors import DataError
from fraud_detection.features.contract import KEYS
from fraud_detection.features.feature import Entity, FeatureGroup
from fraud_detection.features.partial import WANTED, keep_stored, stored_name
from fraud_detection.features.point_in_time import NEVER, build_timeline
from fraud_detection.features.registry import GROUPS
from fraud_detection.features.rows import EntityRows, compute_groups
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spans import Bools, Ints, Numbers
from fraud_detection.features.stages import Stage, plan_stages

DEFAULTS = FeatureSettings()
OF_HISTORY = -1


@dataclass(frozen=True)
class Incoming:
    """A transaction that comes in; its time in microseconds since 1970, UTC, its amount in minor units."""

    transaction_id: str
    event_time: int
    customer_id: str
    terminal_id: str
    amount_cents: int


@dataclass(frozen=True)
class EntityHistory:
    """Rows of one card or terminal, ordered by (event_time, transaction_id), as far as its stage looks back.

    More rows, later ones too, do no harm.

    Attributes:
        transaction_id: one a row.
        event_time: microseconds since 1970, UTC.
        amount_cents: minor units.
        is_fraud: False where unknown.
        known_at: microseconds; `point_in_time.NEVER` where there is no label.
        features: those that `Stage.stored` names, as they were computed.
    """

    transaction_id: Sequence[str]
    event_time: Ints
    amount_cents: Ints
    is_fraud: Bools
    known_at: Ints
    features: Mapping[str, Numbers]


@dataclass(frozen=True)
class OnlineStage:
    """A stage, and its groups as they run where only some rows are computed."""

    stage: Stage
    groups: tuple[FeatureGroup, ...]


def plan_online(groups: Sequence[FeatureGroup] = GROUPS) -> tuple[OnlineStage, ...]:
    """What `compute_features_now` does, laid out once."""
    return tuple(
        OnlineStage(stage, tuple(keep_stored(group, stage.kept) for group in stage.groups))
        for stage in plan_stages(groups)
    )


PLAN: Final = plan_online()


def compute_features_now(
    transactions: Sequence[Incoming],
    cards: Mapping[str, EntityHistory],
    terminals: Mapping[str, EntityHistory],
    settings: FeatureSettings = DEFAULTS,
    plan: Sequence[OnlineStage] = PLAN,
) -> dict[str, Numbers]:
    """Compute the features of some transactions, each as known at its own time.

    Args:
        transactions: in any order; those that share a card or a terminal see each other.
        cards: by customer_id; a card that is absent has no history.
        terminals: by terminal_id.
        settings: the label delay.
        plan: what to compute.

    Returns:
        The features by name, a value a transaction: those that engine `single_node` computes, to the last bit.

    Raises:
        DataError: a history is out of order, or lacks what was computed for its rows before.
    """
    held: dict[Entity, Mapping[str, EntityHistory]] = {"customer_id": cards, "terminal_id": terminals}
    computed: dict[str, Numbers] = {}
    for step in plan:
        computed |= _compute_stage(step, transactions, held.get(step.stage.entity, {}), computed, settings)
    return computed


def to_history(rows: pl.DataFrame, stage: Stage) -> EntityHistory:
    """Rows of one entity as arrays, from the columns of `contract.HISTORY` and `stage.stored`."""
    has_label = pl.col("is_fraud").is_not_null()
    known_at = pl.when(has_label).then(pl.col("known_at").to_physical()).fill_null(NEVER).alias("known_at")
    ordered = rows.sort("event_time", "transaction_id").with_columns(known_at)
    return EntityHistory(
        transaction_id=ordered["transaction_id"].to_list(),
        event_time=ordered["event_time"].to_physical().to_numpy(),
        amount_cents=ordered["amount_cents"].to_numpy(),
        is_fraud=ordered["is_fraud"].fill_null(value=False).to_numpy(),
        known_at=ordered["known_at"].to_numpy(),
        features={name: ordered[name].to_numpy() for name in stage.stored},
    )


def to_incoming(rows: pl.DataFrame) -> list[Incoming]:
    """Rows with the columns of `contract.KEYS` as transactions that come in."""
    times = rows.with_columns(pl.col("event_time").to_physical())
    return [Incoming(**row) for row in times.select(KEYS).iter_rows(named=True)]


def _compute_stage(
    step: OnlineStage,
    transactions: Sequence[Incoming],
    histories: Mapping[str, EntityHistory],
    earlier: Mapping[str, Numbers],
    settings: FeatureSettings,
) -> dict[str, Numbers]:
    stage = step.stage
    places: dict[str, list[int]] = {}
    for place, transaction in enumerate(transactions):
        places.setdefault(getattr(transaction, stage.entity), []).append(place)
    empty = _no_history(stage)
    held = [histories.get(entity, empty) for entity in places]
    orders = _order_all(held, transactions, list(places.values()))
    order = np.concatenate(orders)
    columns: list[Any] = [column[order] for column in _lay_out(held, transactions, stage, earlier)]
    place, time, cents, is_fraud, known_at, *stored = columns
    number = np.repeat(np.arange(len(orders)), [one.size for one in orders])
    wanted = place != OF_HISTORY
    _refuse_unstored(dict(zip(stage.stored, stored, strict=True)), wanted, stage)
    names = (*stage.brought, *map(stored_name, stage.kept), WANTED)
    timeline = build_timeline(number, time, known_at, settings.label_delay_days)
    rows = EntityRows(timeline, time, cents, is_fraud, dict(zip(names, [*stored, wanted], strict=True)))
    back = np.argsort(place[wanted])
    return {name: values[wanted][back] for name, values in compute_groups(rows, step.groups).items()}


def _lay_out(
    held: Sequence[EntityHistory], transactions: Sequence[Incoming], stage: Stage, earlier: Mapping[str, Numbers]
) -> list[Numbers]:
    """Columns of all histories, one after the other, and then of the transactions.

    They are place among the transactions, time, cents, fraud, known, features.
    """
    known, new = sum(history.event_time.size for history in held), len(transactions)
    times = np.array([transaction.event_time for transaction in transactions], np.int64)
    cents = np.array([transaction.amount_cents for transaction in transactions], np.int64)
    nothing = np.full(new, np.nan)
    return [
        np.concatenate([np.full(known, OF_HISTORY), np.arange(new)]),
        np.concatenate([*(history.event_time for history in held), times]),
        np.concatenate([*(history.amount_cents for history in held), cents]),
        np.concatenate([*(history.is_fraud for history in held), np.zeros(new, np.bool_)]),
        np.concatenate([*(history.known_at for history in held), np.full(new, NEVER)]),
        *(np.concatenate([*(history.features[name] for history in held), earlier[name]]) for name in stage.brought),
        *(np.concatenate([*(history.features[name] for history in held), nothing]) for name in stage.kept),
    ]


def _order_all(
    held: Sequence[EntityHistory], transactions: Sequence[Incoming], places: Sequence[Sequence[int]]
) -> list[Ints]:
    """For each entity the rows of `_lay_out` that are its own, in the order of time."""
    first, known = 0, sum(history.event_time.size for history in held)
    orders = []
    for history, among in zip(held, places, strict=True):
        size = history.event_time.size
        rows = np.arange(first, first + size + len(among))
        rows[size:] = np.array(among) + known
        new = [transactions[place] for place in among]
        orders.append(rows if _follows(history, new) else rows[_order(history, new)])
        first += size
    return orders


def _follows(history: EntityHistory, new: Sequence[Incoming]) -> bool:
    """Whether one new transaction comes after all of the history, as it does unless events are late or come again."""
    latest = history.event_time[-1] if history.event_time.size else -NEVER
    return len(new) == 1 and bool(latest < new[0].event_time) and new[0].transaction_id not in history.transaction_id


def _order(history: EntityHistory, new: Sequence[Incoming]) -> Ints:
    """The order of time, without the rows of the history that come again."""
    again = {transaction.transaction_id for transaction in new}
    size = len(history.transaction_id)
    kept = [place for place, number in enumerate(history.transaction_id) if number not in again]
    keys = {place: (int(history.event_time[place]), history.transaction_id[place]) for place in kept}
    keys |= {size + place: (one.event_time, one.transaction_id) for place, one in enumerate(new)}
    return np.array(sorted(keys, key=keys.__getitem__), dtype=np.int64)


def _refuse_unstored(features: Mapping[str, Numbers], wanted: Bools, stage: Stage) -> None:
    for name, values in features.items():
        lacking = int(np.count_nonzero(np.isnan(values) & ~wanted))
        if lacking:
            raise DataError(
                f"{lacking} rows of histories by {stage.entity} lack {name}; expected what was computed for them "
                "before: fill the store from the table of features"
            )


def _no_history(stage: Stage) -> EntityHistory:
    none = np.empty(0, np.int64)
    features = dict.fromkeys(stage.stored, np.empty(0))
    return EntityHistory((), none, none, np.empty(0, np.bool_), none, features)
