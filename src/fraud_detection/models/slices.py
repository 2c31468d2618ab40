"""Parts of the judged rows on which a model must not fail either."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final

import polars as pl
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud_detection.models.metrics import Labels, Scores, labels_of

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
AMOUNT_EDGES_CENTS: Final = (2_000, 10_000, 22_000)
NEW_FOR: Final = timedelta(days=30)
AGES: Final = ("under 30 days", "30 to 60 days", "over 60 days")
DENSITIES: Final = ("quiet", "usual", "busy")
SLICE_SCHEMA: Final = {
    "kind": pl.String,
    "slice": pl.String,
    "rows": pl.Int64,
    "frauds": pl.Int64,
    "auc_roc": pl.Float64,
    "average_precision": pl.Float64,
}


@dataclass(frozen=True)
class Past:
    """The months before the judged rows, at least 60 days of them.

    Attributes:
        customers: customer_id, first_seen.
        terminals: terminal_id, visits.
    """

    customers: pl.DataFrame
    terminals: pl.DataFrame


def past_of(history: pl.DataFrame) -> Past:
    """What transactions (event_time, customer_id, terminal_id) say of cards and terminals."""
    return Past(
        history.group_by("customer_id").agg(first_seen=pl.min("event_time")),
        history.group_by("terminal_id").agg(visits=pl.len()),
    )


def slice_columns(judged: pl.DataFrame, past: Past) -> pl.DataFrame:
    """For each judged row the slices that it belongs to, one column a kind.

    Args:
        judged: event_time, customer_id, terminal_id, amount_cents.
        past: of cards and terminals.
    """
    rows = judged.join(past.customers, on="customer_id", how="left", maintain_order="left")
    rows = rows.join(past.terminals, on="terminal_id", how="left", maintain_order="left")
    edges_passed = pl.sum_horizontal(pl.col("amount_cents") > edge for edge in AMOUNT_EDGES_CENTS)
    age = (pl.col("event_time") - pl.col("first_seen")).fill_null(timedelta())
    thirds = pl.sum_horizontal(age >= NEW_FOR, age >= 2 * NEW_FOR)
    return rows.select(
        edges_passed.replace_strict(dict(enumerate(_amount_bands())), return_dtype=pl.String).alias("amount"),
        pl.col("event_time").dt.weekday().replace_strict(dict(enumerate(WEEKDAYS, 1))).alias("weekday"),
        pl.when(age < NEW_FOR).then(pl.lit("new")).otherwise(pl.lit("known")).alias("customer"),
        thirds.replace_strict(dict(enumerate(AGES)), return_dtype=pl.String).alias("customer_age"),
        _terminal_density().alias("terminal"),
    )


def _terminal_density() -> pl.Expr:
    """Which third of the judged rows a terminal falls into, by how often it was used in the history."""
    visits = pl.col("visits").fill_null(0)
    passed = pl.sum_horizontal(visits > visits.quantile(share, "lower") for share in (1 / 3, 2 / 3))
    return passed.replace_strict(dict(enumerate(DENSITIES)), return_dtype=pl.String)


def _amount_bands() -> list[str]:
    edges = [edge // 100 for edge in AMOUNT_EDGES_CENTS]
    inner = [f"{low}-{high}" for low, high in pairwise(edges)]
    return [f"up to {edges[0]}", *inner, f"above {edges[-1]}"]


def measure_slices(judged: pl.DataFrame, past: Past, scores: Scores) -> pl.DataFrame:
    """One row a slice: kind, slice, rows, frauds, and the metrics where the slice holds both classes."""
    labels = labels_of(judged)
    lines = []
    for column in slice_columns(judged, past).iter_columns():
        for value in sorted(column.unique()):
            member = (column == value).to_numpy()
            lines.append({"kind": column.name, "slice": value, **_measure(labels[member], scores[member])})
    return pl.DataFrame(lines, schema=SLICE_SCHEMA)


def _measure(labels: Labels, scores: Scores) -> dict[str, float | None]:
    frauds = int(labels.sum())
    if not 0 < frauds < labels.size:
        return {"rows": labels.size, "frauds": frauds, "auc_roc": None, "average_precision": None}
    return {
        "rows": labels.size,
        "frauds": frauds,
        "auc_roc": float(roc_auc_score(labels, scores)),
        "average_precision": float(average_precision_score(labels, scores)),
    }
