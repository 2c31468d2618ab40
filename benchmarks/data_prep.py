"""What the road from landing files to silver costs, step by step, beside Polars reading the same lines.

    python benchmarks/data_prep.py --landing .local/landing
    python benchmarks/data_prep.py --landing .local/landing --json

Tables are made in a folder that is thrown away. Seconds by the clock, and CPU-seconds of this process, the JVM and its
Python workers; the start of the session is left out. The reference cuts the JSON lines of transactions into typed
columns and writes them as Parquet: no labels, no quarantine, no history, no deduplication.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import psutil

from fraud_detection.config import DataSettings
from fraud_detection.data import prepare as steps
from fraud_detection.local_spark import build_local_session
from fraud_detection.schemas import TableSchema
from fraud_detection.tables import Tables

TARGET_SECONDS = 40.0
WHOLE_STEPS = ("take_in", "clean_lines", "take_account")
INNER_STEPS = ("keep_quality", "part")

TRANSACTIONS = "data_prep, transactions alone"

Figures = dict[str, dict[str, float]]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landing", type=Path, default=Path(".local/landing"), help="made by fraud-data generate")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    options = parser.parse_args(argv)
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        with _measured(figures, "reference: Polars"):
            _read_by_polars(options.landing, Path(folder) / "reference.parquet")
        rows = _prepare(options.landing, Path(folder), figures)
    for name, figure in figures.items():
        print(f"{name:40} {figure['seconds']:7.1f} s {figure['cpu_seconds']:7.1f} CPU-s")
    part, reference = figures[TRANSACTIONS], figures["reference: Polars"]
    ratio = part["cpu_seconds"] / reference["cpu_seconds"]
    print(
        f"{rows:,} rows to silver, labels included; transactions alone: {part['seconds']:.0f} s, target "
        f"{TARGET_SECONDS:.0f} s; {ratio:.1f} times the CPU of the reference"
    )
    if options.json:
        print(json.dumps({"rows": rows, "cpu_ratio": ratio, "target_seconds": TARGET_SECONDS, "steps": figures}))


def _prepare(landing: Path, folder: Path, figures: Figures) -> int:
    spark = build_local_session(folder / "warehouse")
    tables = Tables("spark_catalog", "benchmark", folder / "warehouse")
    for name in WHOLE_STEPS + INNER_STEPS:
        _time_calls(steps, name, figures)
    for name in ("add_missing", "merge"):
        _time_calls(Tables, name, figures)
    with _measured(figures, "data_prep"):
        accounts = steps.prepare(spark, str(landing.resolve()), str(folder / "checkpoints"), tables, DataSettings())
    spark.stop()
    whole = [figures[f"  {name} transactions"] for name in WHOLE_STEPS]
    figures[TRANSACTIONS] = {key: sum(figure[key] for figure in whole) for key in whole[0]}
    return sum(account.silver for account in accounts)


def _time_calls(owner: object, name: str, figures: Figures) -> None:
    """Steps are looked up by name when they are called, so they can be measured from here."""
    step: Callable[..., object] = getattr(owner, name)

    def timed(*arguments: object, **named: object) -> object:
        with _measured(figures, f"  {name} {_subject(arguments)}"):
            return step(*arguments, **named)

    setattr(owner, name, timed)


def _subject(arguments: Sequence[object]) -> str:
    """The feed of a step, or the table of a write."""
    works = [argument.cleaning.feed.dataset for argument in arguments if isinstance(argument, steps.Work)]
    tables = [argument.name for argument in arguments if isinstance(argument, TableSchema)]
    return (works or tables)[0]


@contextmanager
def _measured(figures: Figures, name: str) -> Iterator[None]:
    started, used = time.perf_counter(), _cpu_seconds()
    yield
    known = figures.setdefault(name, {"seconds": 0.0, "cpu_seconds": 0.0})
    known["seconds"] += time.perf_counter() - started
    known["cpu_seconds"] += _cpu_seconds() - used


def _cpu_seconds() -> float:
    """Of this process and all below it, the ended ones that were waited for included."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _read_by_polars(landing: Path, target: Path) -> None:
    """By a pattern of the generator's own lines: Polars' reader of JSON stops at the first broken one."""
    names = ("transaction_id", "event_time", "customer_id", "terminal_id")
    pattern = ",".join(f'"{name}":"(?<{name}>[^"]*)"' for name in names) + r',"amount":(?<amount>[0-9.]+)}'
    text = [path.read_text(encoding="utf-8") for path in sorted((landing / "transactions").glob("*.jsonl"))]
    lines = pl.Series("line", "".join(text).splitlines()).to_frame()
    fields = lines.select(pl.col("line").str.extract_groups(pattern)).unnest("line").drop_nulls()
    time_format = "%Y-%m-%dT%H:%M:%SZ"
    fields.with_columns(
        pl.col("event_time").str.to_datetime(time_format, strict=False), pl.col("amount").cast(pl.Float64)
    ).write_parquet(target)


if __name__ == "__main__":
    main()
