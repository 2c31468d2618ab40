"""What keeping in memory, broadcasting and skipping files gain: each choice on and off, on the same rows.

    python benchmarks/spark_choices.py
    python benchmarks/spark_choices.py --rows 4000000 --json

Each pair runs twice in one session, the second time counts; CPU-seconds are those of the JVM and this process. `over`
is the cost of the pipeline's choice as a multiple of doing without it.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.local_spark import build_local_session
from meter import measured

CARDS, DAYS = 5_000, 180
TOUCHED = 200
WIDE = 30
Choice = Callable[..., None]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parse(argv)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        spark = build_local_session(Path(folder) / "warehouse")
        _make_table(spark, options.rows)
        found = {name: _compare(spark, name, choice) for name, choice in CHOICES.items()}
        spark.stop()
    if options.json:
        print(json.dumps({"rows": options.rows, "choices": found}))


def _make_table(spark: SparkSession, rows: int) -> None:
    """A table laid out as transaction_features is: clustered by day and card, features beside the keys."""
    number = F.col("id")
    keys = {
        "transaction_id": F.concat(F.lit("T"), number),
        "customer_id": F.concat(F.lit("C"), F.pmod(F.xxhash64(number), F.lit(CARDS))),
        "event_date": F.date_add(F.lit("2018-04-01").cast("date"), (number * DAYS / rows).cast("int")),
    }
    features = {f"feature_{place}": F.rand(seed=place) for place in range(WIDE)}
    frame = spark.range(rows).withColumns(keys | features).drop("id")
    spark.sql(
        f"CREATE TABLE facts ({', '.join(f'{name} {kind}' for name, kind in frame.dtypes)}) "
        "USING DELTA CLUSTER BY (event_date, customer_id)"
    )
    with _set(spark, {"spark.sql.shuffle.partitions": "32"}):
        frame.repartitionByRange(32, "event_date").write.insertInto("facts")


def judge_lines(spark: SparkSession, *, chosen: bool) -> None:
    """data_prep reads parsed lines three times: to count reasons, for quarantine, for silver."""
    parsed = spark.table("facts").withColumn("text", F.to_json(F.struct("*"))).withColumn("known", F.sha2("text", 256))
    if chosen:
        parsed = parsed.persist(StorageLevel.MEMORY_AND_DISK)
    _read(parsed.groupBy("event_date").agg(F.max("known")))
    _read(parsed.where("known < '1'"))
    _read(parsed.select("transaction_id", "known"))
    parsed.unpersist()


def read_once(spark: SparkSession, *, chosen: bool) -> None:
    """A join that is read once: keeping it costs memory and gains nothing, so the pipeline does not."""
    joined = spark.table("facts").groupBy("customer_id").agg(F.sum("feature_1"))
    if not chosen:
        joined = spark.table("facts").persist(StorageLevel.MEMORY_AND_DISK)
        joined = joined.groupBy("customer_id").agg(F.sum("feature_1"))
    _read(joined)
    spark.catalog.clearCache()


def find_history(spark: SparkSession, *, chosen: bool) -> None:
    """An update reads the rows of the cards that a day touched."""
    cards = spark.range(TOUCHED).select(F.concat(F.lit("C"), "id").alias("customer_id"))
    with _set(spark, {"spark.sql.autoBroadcastJoinThreshold": "-1"}):
        _read(spark.table("facts").join(F.broadcast(cards) if chosen else cards, "customer_id", how="left_semi"))


def read_days(spark: SparkSession, *, chosen: bool) -> None:
    """An update reads the days of its look-back: files whose statistics exclude them are skipped."""
    with _set(spark, {"spark.databricks.delta.stats.skipping": str(chosen).lower()}):
        _read(spark.table("facts").where("event_date >= DATE'2018-09-20'"))


def read_columns(spark: SparkSession, *, chosen: bool) -> None:
    """A stage reads the keys and the features that it needs, not the row."""
    facts = spark.table("facts")
    _read(facts.select("transaction_id", "customer_id", "feature_1") if chosen else facts)


CHOICES: dict[str, Choice] = {
    "keep what is read three times": judge_lines,
    "do not keep what is read once": read_once,
    "broadcast the small side of a join": find_history,
    "skip files by their statistics": read_days,
    "read the columns that are needed": read_columns,
}


def _compare(spark: SparkSession, name: str, choice: Choice) -> dict[str, Any]:
    costs = {}
    for _ in range(2):
        for chosen in (True, False):
            with measured() as costs[chosen]:
                choice(spark, chosen=chosen)
    over = costs[True].cpu_seconds / costs[False].cpu_seconds
    print(
        f"{name:36} {costs[True].cpu_seconds:6.1f} CPU-s with, {costs[False].cpu_seconds:6.1f} without: {over:.2f}; "
        f"by the clock {costs[True].wall_seconds:.1f} s and {costs[False].wall_seconds:.1f} s",
        flush=True,
    )
    return {
        "cpu_seconds": costs[True].cpu_seconds,
        "cpu_seconds_without": costs[False].cpu_seconds,
        "wall_seconds": costs[True].wall_seconds,
        "wall_seconds_without": costs[False].wall_seconds,
        "over": over,
    }


def _read(rows: DataFrame) -> None:
    rows.write.format("noop").mode("overwrite").save()


@contextmanager
def _set(spark: SparkSession, options: dict[str, str]) -> Iterator[None]:
    before = {name: spark.conf.get(name) for name in options}
    for name, value in options.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, str(value))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--scratch", help="folder for the table")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
