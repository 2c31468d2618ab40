"""What the 14 reference windows cost, engine by engine, reading and writing included, session start not.

    python benchmarks/features.py --input TRANSACTIONS.parquet --labels LABELS.parquet --engine spark --copies 8 --json
    python benchmarks/features.py --days 183 --compare

Each engine runs in a process of its own. `--copies N` gives the same rows to N times the entities; `--denser N` gives
the rows of N entities to one; `--hot S` gives the share S of all rows to one card and one terminal.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import psutil

from feature_engines import (
    GROUPS,
    REFERENCE_GROUPS,
    with_duckdb,
    with_polars,
    with_single_node,
    with_spark,
    with_spark_sql,
)
from fraud_detection.data.generator import World, generate_transactions
from meter import Cost, measured

ENGINES = ("single_node", "spark", "spark_sql", "polars", "duckdb")
ON_SPARK = ("spark", "spark_sql")
REFERENCES = {"single_node": "polars", "spark": "spark_sql"}
MILLION = 1e6


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parse(argv)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        found = compare(options, Path(folder)) if options.compare else run_engine(options, Path(folder))
    if options.json:
        print(json.dumps(found))


def run_engine(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One engine in this process; the last pass counts."""
    transactions, labels = lay_out(options, folder)
    out = Path(options.out) if options.out else folder / "features.parquet"
    rows = pl.scan_parquet(transactions / "*.parquet").select(pl.len()).collect().item()
    spark = _session(folder, options.cores) if options.engine in ON_SPARK else None
    for _ in range(options.passes if spark else 1):
        with measured() as cost:
            _run(options, spark, transactions, labels, out)
    found = _result(options.engine, rows, cost)
    print(_as_text(found))
    if spark:
        spark.stop()
    return found


def compare(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All engines on the same files, one after another, and what ours cost as multiples of the plain ones."""
    transactions, labels = lay_out(options, folder)
    runs = {engine: _in_process(options, engine, transactions, labels) for engine in ENGINES}
    ratios = {
        f"{ours}_over_{plain}": round(_cost(runs[ours]) / _cost(runs[plain]), 3) for ours, plain in REFERENCES.items()
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio}")
    return {"engines": list(runs.values()), **ratios}


def _cost(run: dict[str, Any]) -> float:
    return float(run["cpu_seconds_per_million_rows"])


def _in_process(options: argparse.Namespace, engine: str, transactions: Path, labels: Path) -> dict[str, Any]:
    told = ["--input", str(transactions), "--labels", str(labels), "--engine", engine, "--json"]
    told += ["--passes", str(options.passes), "--features", options.features]
    told += ["--cores", str(options.cores), "--scratch", str(options.scratch or tempfile.gettempdir())]
    done = subprocess.run([sys.executable, __file__, *told], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(_as_text(found), flush=True)
    return found


def _run(options: argparse.Namespace, spark: Any, transactions: Path, labels: Path, out: Path) -> None:
    groups = GROUPS if options.features == "all" else REFERENCE_GROUPS
    if options.engine == "single_node":
        with_single_node(transactions, labels, out, groups)
    elif options.engine == "spark":
        with_spark(spark, transactions, labels, out, groups, options.cores)
    elif options.engine == "spark_sql":
        with_spark_sql(spark, transactions, labels, out)
    else:
        {"polars": with_polars, "duckdb": with_duckdb}[options.engine](transactions, labels, out)


def _session(folder: Path, cores: int) -> Any:
    from fraud_detection.local_spark import build_local_session  # noqa: PLC0415  only two of the engines need it

    return build_local_session(folder / "warehouse", cores=str(cores))


def lay_out(options: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    """The input as folders of parquet files, one a copy; nothing of it is measured."""
    given = [Path(path) if path else None for path in (options.input, options.labels)]
    plain = options.copies == 1 and options.denser == 1 and options.hot == 0
    if given[0] and given[1] and plain and given[0].is_dir() and given[1].is_dir():
        return given[0], given[1]
    transactions, labels = _read(given[0], given[1], options)
    for copy in range(options.copies):
        mark = pl.lit(f"-{copy}")
        for name, rows in (("transactions", transactions), ("labels", labels)):
            keys = [key for key in ("transaction_id", "customer_id", "terminal_id") if key in rows.columns]
            marked = rows if copy == 0 else rows.with_columns(pl.concat_str(key, mark).alias(key) for key in keys)
            (folder / name).mkdir(exist_ok=True)
            marked.write_parquet(folder / name / f"part-{copy}.parquet", row_group_size=250_000)
    return folder / "transactions", folder / "labels"


def _read(
    transactions: Path | None, labels: Path | None, options: argparse.Namespace
) -> tuple[pl.DataFrame, pl.DataFrame]:
    if transactions is None or labels is None:
        rows = generate_transactions(World(days=options.days))
        amount = (pl.col("amount_cents").cast(pl.Decimal(14, 2)) / 100).cast(pl.Decimal(12, 2)).alias("amount")
        known = rows.select("transaction_id", "is_fraud", known_at=pl.col("event_time").dt.offset_by("7d"))
        rows = rows.select("transaction_id", "event_time", "customer_id", "terminal_id", amount)
    else:
        rows, known = pl.read_parquet(transactions), pl.read_parquet(labels)
    return rows.with_columns(_fewer(options.denser)).with_columns(_heat(options.hot)), known


def _fewer(times: int) -> list[pl.Expr]:
    """Give the rows of some entities to one."""
    number = {name: pl.col(name).cast(pl.Categorical).to_physical() // times for name in ("customer_id", "terminal_id")}
    return [pl.format("E{}", value).alias(name) for name, value in number.items()] if times > 1 else []


def _heat(share: float) -> list[pl.Expr]:
    """Give a share of all rows to one card and one terminal."""
    chosen = pl.int_range(pl.len()).hash(seed=1) % 1000 < int(share * 1000)
    names = ("customer_id", "terminal_id") if share else ()
    return [pl.when(chosen).then(pl.lit("HOT")).otherwise(name).alias(name) for name in names]


def _result(engine: str, rows: int, cost: Cost) -> dict[str, Any]:
    per_million = {"cpu_seconds_per_million_rows": cost.cpu_seconds / rows * MILLION}
    return {"engine": engine, "rows": rows} | per_million | asdict(cost)


def _as_text(found: dict[str, Any]) -> str:
    return (
        f"{found['engine']:12} {found['rows']:>12,} rows  {found['cpu_seconds_per_million_rows']:6.2f} CPU-s a million "
        f" {found['wall_seconds']:7.1f} s  {found['peak_memory_gb']:5.2f} GB"
        + (f"  {found['workers']} workers of {found['peak_worker_gb']:.2f} GB at most" if found["workers"] else "")
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", help="transactions as parquet; without, a simulated world")
    parser.add_argument("--labels", help="labels as parquet")
    parser.add_argument("--days", type=int, default=183, help="of the simulated world")
    parser.add_argument("--engine", choices=ENGINES, default="single_node")
    parser.add_argument("--copies", type=int, default=1, help="N times the entities, each with the rows of one")
    parser.add_argument("--denser", type=int, default=1, help="rows of N entities go to one")
    parser.add_argument("--hot", type=float, default=0, help="share of all rows of one card and one terminal")
    parser.add_argument("--features", choices=("reference", "all"), default="reference", help="of our engines")
    parser.add_argument("--passes", type=int, default=2, help="of the engines on Spark; the last one counts")
    parser.add_argument("--cores", type=int, default=psutil.cpu_count() or 1, help="that Spark has")
    parser.add_argument("--out", help="keep the features here")
    parser.add_argument("--scratch", help="folder for what is in between")
    parser.add_argument("--compare", action="store_true", help="all engines side by side")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
