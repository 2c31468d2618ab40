"""History as the store keeps it: a row of whole numbers a transaction, features among them as the bits of doubles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from fraud_detection.features.contract import UTC_TIME
from fraud_detection.features.online import EntityHistory
from fraud_detection.features.point_in_time import NEVER
from fraud_detection.features.spans import Ints
from fraud_detection.features.stages import plan_stages, stored_features

STORED: Final = stored_features(plan_stages())
NUMBERS: Final = ("event_time", "amount_cents", "is_fraud", "known_at")
WIDTH: Final = len(NUMBERS) + len(STORED)
EVENT_TIME, AMOUNT, FRAUD, KNOWN_AT = range(len(NUMBERS))
LABEL: Final = slice(FRAUD, KNOWN_AT + 1)


@dataclass(frozen=True)
class Rows:
    """Transactions as the store takes them.

    Attributes:
        numbers: one row each with the columns NUMBERS and, as bits, STORED; known_at is NEVER where no label is known.
    """

    transaction_id: Sequence[str]
    customer_id: Sequence[str]
    terminal_id: Sequence[str]
    numbers: Ints


@dataclass(frozen=True)
class Labels:
    """Labels by transaction; known_at in microseconds since 1970, UTC."""

    transaction_id: Sequence[str]
    is_fraud: Sequence[bool]
    known_at: Sequence[int]


def pack(numbers: Sequence[Ints], features: Sequence[np.ndarray]) -> Ints:
    """Columns NUMBERS and STORED to the rows that are stored."""
    bits = [np.ascontiguousarray(values, dtype=np.float64).view(np.int64) for values in features]
    return np.column_stack([*numbers, *bits])


def unpack(transaction_id: list[str], numbers: Ints) -> EntityHistory:
    """Stored rows, ordered by (event_time, transaction_id), to the history of their entity."""
    columns = np.ascontiguousarray(numbers.T)
    features = columns[len(NUMBERS) :].view(np.float64)
    return EntityHistory(
        transaction_id,
        columns[EVENT_TIME],
        columns[AMOUNT],
        columns[FRAUD] != 0,
        columns[KNOWN_AT],
        dict(zip(STORED, features, strict=True)),
    )


def rows_of_frame(frame: pl.DataFrame) -> Rows:
    """Rows of the table of features, joined with labels, as the store takes them.

    Args:
        frame: transaction_id, event_time, customer_id, terminal_id, amount_cents and STORED; is_fraud and known_at
            where there are labels.
    """
    labelled = frame if "is_fraud" in frame.columns else frame.with_columns(is_fraud=None, known_at=None)
    known = labelled["is_fraud"].is_not_null() & labelled["known_at"].is_not_null()
    label = labelled.select(
        pl.when(known).then("is_fraud").otherwise(False).cast(pl.Int64).alias("is_fraud"),
        pl.when(known).then(_microseconds("known_at")).otherwise(NEVER).alias("known_at"),
    )
    times = frame.select(_microseconds("event_time")).to_series()
    columns = [times, frame["amount_cents"].cast(pl.Int64), *label.get_columns()]
    numbers = pack([column.to_numpy() for column in columns], [frame[name].to_numpy() for name in STORED])
    ids, cards, terminals = (frame[name].to_list() for name in ("transaction_id", "customer_id", "terminal_id"))
    return Rows(ids, cards, terminals, numbers)


def labels_of_frame(frame: pl.DataFrame) -> Labels:
    """Rows of silver_labels as the store takes them."""
    times = frame.select(_microseconds("known_at")).to_series()
    return Labels(frame["transaction_id"].to_list(), frame["is_fraud"].to_list(), times.to_list())


def _microseconds(name: str) -> pl.Expr:
    return pl.col(name).cast(UTC_TIME).to_physical().alias(name)
