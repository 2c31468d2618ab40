"""Writes simulated transactions as a source system would deliver them: daily files, late labels, some dirt."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from fraud_detection.data.world import Dirt, World

LABEL_DELAY = timedelta(days=7)
LATE_BY = timedelta(days=2)
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
DIRTY = ("broken", "bad_amount", "duplicate", "late")
BAD_AMOUNTS = ("-12.50", "NaN", '"12,50"', "1e15", "null")


CLEAN = Dirt(0, 0, 0, 0)


def write_landing(transactions: pl.DataFrame, world: World, dirt: Dirt, folder: Path) -> Iterator[date]:
    """Write one day's files after the other, yielding each day when its files are complete.

    transactions/DAY.jsonl holds what happened on the day, and late lines of two days before; labels/DAY.csv what
    became known on the day. A file appears whole or not at all. A line that arrives broken or with a bad amount
    arrives once more, whole, two days later; what would arrive after the last day is not written.
    """
    rng = np.random.default_rng([world.seed, 1])
    days = transactions.with_columns(pl.col("event_time").dt.date().alias("day")).partition_by(
        "day", as_dict=True, include_key=False, maintain_order=True
    )
    empty = transactions.clear()
    late: dict[date, list[str]] = {}
    for offset in range(world.days):
        day = world.start + timedelta(days=offset)
        lines = _json_lines(days.get((day,), empty))
        on_time = _soil(lines, dirt, rng, late.setdefault(day + LATE_BY, []))
        _write(folder / "transactions" / f"{day}.jsonl", [*on_time, *late.pop(day, [])])
        _write_labels(days.get((day - LABEL_DELAY,), empty), folder / "labels" / f"{day}.csv")
        yield day


def write_answers(transactions: pl.DataFrame, path: Path) -> None:
    """Write what only the simulator knows, for evaluations outside of the pipeline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    transactions.select("transaction_id", "is_fraud", "scenario").write_parquet(path)


def _json_lines(rows: pl.DataFrame) -> list[str]:
    whole, part = pl.col("amount_cents") // 100, pl.col("amount_cents") % 100
    line = pl.concat_str(
        pl.lit('{"transaction_id":"'),
        "transaction_id",
        pl.lit('","event_time":"'),
        pl.col("event_time").dt.strftime(TIME_FORMAT),
        pl.lit('","customer_id":"'),
        "customer_id",
        pl.lit('","terminal_id":"'),
        "terminal_id",
        pl.lit('","amount":'),
        whole.cast(pl.String),
        pl.lit("."),
        part.cast(pl.String).str.zfill(2),
        pl.lit("}"),
    )
    return rows.select(line.alias("line"))["line"].to_list()


def _soil(lines: list[str], dirt: Dirt, rng: np.random.Generator, late: list[str]) -> list[str]:
    """The lines of a day as they arrive; what is held back is added to `late`."""
    edges = np.cumsum([dirt.broken, dirt.bad_amount, dirt.duplicate, dirt.late])
    kinds = np.searchsorted(edges, rng.random(len(lines)), side="right")
    arriving = list(lines)
    for index in np.flatnonzero(kinds < len(DIRTY)):
        arriving[index] = _soiled(lines[index], DIRTY[kinds[index]], rng)
        if DIRTY[kinds[index]] != "duplicate":
            late.append(lines[index])
    return [line for text in arriving if text for line in text.split("\n")]


def _soiled(line: str, kind: str, rng: np.random.Generator) -> str:
    """What arrives in place of a good line: nothing if it is late, two lines if it is a duplicate."""
    if kind == "broken":
        return line[: int(rng.integers(1, len(line) - 1))]
    if kind == "bad_amount":
        return line[: line.rindex(":") + 1] + BAD_AMOUNTS[int(rng.integers(len(BAD_AMOUNTS)))] + "}"
    return f"{line}\n{line}" if kind == "duplicate" else ""


def _write_labels(rows: pl.DataFrame, path: Path) -> None:
    known = rows.select(
        "transaction_id",
        pl.col("is_fraud").cast(pl.String),
        (pl.col("event_time") + LABEL_DELAY).dt.strftime(TIME_FORMAT).alias("known_at"),
    )
    _write(path, known.write_csv().splitlines())


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f"_{path.name}.writing")
    hidden.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    hidden.replace(path)


def as_of(world: World) -> datetime:
    """The moment after the last simulated day: what a run on this data calls now."""
    return datetime.combine(world.start + timedelta(days=world.days), datetime.min.time())
