"""Finds features that know what they could not have known: recomputes rows from the history of their own time.

For a sample of rows the history is cut at the row (nothing later in the order, no label known later) and computed
anew. A feature whose value differs from that of the full history has looked ahead.
"""

from collections.abc import Callable

import polars as pl

from fraud_detection.errors import LeakageError
from fraud_detection.features.contract import ORDER
from fraud_detection.features.registry import ALL_FEATURES

ComputeFeatures = Callable[[pl.DataFrame], pl.DataFrame]
SAMPLE_ROWS = 20


def refuse_leaks(history: pl.DataFrame, compute: ComputeFeatures, sample: int = SAMPLE_ROWS, seed: int = 0) -> None:
    """Audit a sample of rows.

    Args:
        history: the columns of `contract.HISTORY`.
        compute: an engine, such as `single_node.compute_features`.
        sample: how many rows to recompute, the last one among them.
        seed: which ones.

    Raises:
        LeakageError: names the features that differ, and a transaction where they do.
    """
    leaks = find_leaks(history, compute, sample, seed)
    if leaks.height:
        names = ", ".join(sorted(leaks["feature"].unique()))
        raise LeakageError(
            f"{names} differ when only the past of a row is given, as in transaction {leaks['transaction_id'][0]}; "
            "expected equal values: let them read events up to the row and labels that are visible, nothing else"
        )


def find_leaks(history: pl.DataFrame, compute: ComputeFeatures, sample: int, seed: int = 0) -> pl.DataFrame:
    """The same as `find_differences`, between what is computed from the full history and from the cut one."""
    return find_differences(draw_sample(compute(history), sample, seed), history, compute)


def draw_sample(rows: pl.DataFrame, sample: int, seed: int = 0) -> pl.DataFrame:
    """Some rows, the last one among them."""
    chosen = pl.concat([rows.sample(min(sample, rows.height), seed=seed), rows.sort(*ORDER).tail(1)])
    return chosen.unique("transaction_id", maintain_order=True)


def find_differences(rows: pl.DataFrame, history: pl.DataFrame, compute: ComputeFeatures) -> pl.DataFrame:
    """Compute rows anew from the history as it was known at the time of each.

    Args:
        rows: the keys and all features, as they were computed or published.
        history: the columns of `contract.HISTORY`: all rows of the cards and terminals, and of the cards seen there.
        compute: the definition.

    Returns:
        One row a value that differs: transaction_id, feature, found, expected (null where the row is not in the
        history).
    """
    differences = [_compare(row, compute(cut_history(history, row))) for row in rows.iter_slices(1)]
    return pl.concat(differences) if differences else _compare(rows, rows)


def cut_history(history: pl.DataFrame, row: pl.DataFrame) -> pl.DataFrame:
    """The history as it was known when a row (a frame of one) came in."""
    time, number = row.select(*ORDER).row(0)
    before = pl.col("event_time") < time
    same_time_before = (pl.col("event_time") == time) & (pl.col("transaction_id") <= number)
    known = pl.col("known_at") <= time
    return history.filter(before | same_time_before).with_columns(
        pl.when(known).then("is_fraud").alias("is_fraud"), pl.when(known).then("known_at").alias("known_at")
    )


def _compare(row: pl.DataFrame, recomputed: pl.DataFrame) -> pl.DataFrame:
    key = "transaction_id"
    values = {"found": row, "expected": recomputed.join(row.select(key), on=key, how="semi")}
    long = [
        frame.select(key, pl.col(ALL_FEATURES).cast(pl.Float64)).unpivot(
            index=key, variable_name="feature", value_name=name
        )
        for name, frame in values.items()
    ]
    joined = long[0].join(long[1], on=[key, "feature"], how="left")
    return joined.filter(pl.col("found").ne_missing(pl.col("expected")))
