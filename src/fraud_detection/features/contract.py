"""The history that features are computed from: its columns, its types, and what is refused."""

from collections.abc import Iterable, Sequence

import polars as pl

from fraud_detection.errors import DataError

KEYS = ("transaction_id", "event_time", "customer_id", "terminal_id", "amount_cents")
LABELS = ("is_fraud", "known_at")
HISTORY = KEYS + LABELS
ORDER = ("event_time", "transaction_id")
UTC_TIME = pl.Datetime("us", "UTC")


def check_columns(found: Iterable[str]) -> None:
    """Refuse a history that lacks columns.

    Raises:
        DataError: names the columns that are missing.
    """
    missing = sorted(set(HISTORY) - set(found))
    if missing:
        raise DataError(f"the history lacks {', '.join(missing)}; expected the columns {', '.join(HISTORY)}")


def prepare_history(history: pl.DataFrame, features: Sequence[str] = ()) -> pl.DataFrame:
    """Select the columns of the contract, bring times to microseconds UTC, refuse what cannot be computed on.

    Args:
        history: rows in any order.
        features: features that the rows have already, to keep.

    Raises:
        DataError: a column is missing, or a key, time or amount is null or out of range.
    """
    check_columns(history.columns)
    prepared = history.select(
        "transaction_id",
        _utc(history, "event_time"),
        "customer_id",
        "terminal_id",
        pl.col("amount_cents").cast(pl.Int64),
        pl.col("is_fraud").cast(pl.Boolean),
        _utc(history, "known_at"),
        *features,
    )
    _refuse_nulls(prepared)
    _refuse_amounts(prepared)
    return prepared


def _utc(history: pl.DataFrame, name: str) -> pl.Expr:
    """A time without a zone is UTC by contract; finer than microseconds is cut."""
    kind = history.schema[name]
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return pl.col(name).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if kind in (pl.Datetime, pl.Null):
        return pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    raise DataError(f"{name} is of type {kind}; expected a timestamp: parse it before features are computed")


def _refuse_nulls(history: pl.DataFrame) -> None:
    nulls = {name: history[name].null_count() for name in KEYS}
    found = ", ".join(f"{count} in {name}" for name, count in nulls.items() if count)
    if found:
        raise DataError(f"nulls found: {found}; expected none: send such rows to quarantine first")


def _refuse_amounts(history: pl.DataFrame) -> None:
    bad = history.filter(pl.col("amount_cents") < 0)
    if bad.height:
        example = bad.row(0, named=True)
        raise DataError(
            f"{bad.height} rows have a negative amount_cents, such as {example['amount_cents']} in "
            f"transaction {example['transaction_id']}; expected at least 0: send such rows to quarantine first"
        )
