"""How fast a batch is scored: by the scoring task, and by MLflow's `spark_udf`, on the same rows with the same model.

    python benchmarks/scoring.py
    python benchmarks/scoring.py --customers 2000 --copies 4 --json

A model is trained with the settings of the training task and logged, as that does. Both read the same Delta table in
one session and give probability and alert for each row, which nothing stores; after a run that starts the workers, they
take turns, and the medians are compared. Reasons are measured apart, since the reference is not asked for any.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import mlflow
import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.frames import to_spark
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.local_spark import build_local_session
from fraud_detection.models.provenance import Provenance
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import production_fold
from fraud_detection.models.tracking import load_scorer, log_candidate, model_uri
from fraud_detection.models.training import train_candidate
from fraud_detection.scoring.batch import add_scores
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.settings import ScoringSettings
from protocol import add_features, with_known_at

ANSWER = "probability double, is_alert boolean"
REASONS: Sequence[Any] = ("alerts", "all")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parse(argv)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        found = measure(Path(folder), options)
    for name, value in found.items():
        print(f"{name:32} {value:,.3f}" if isinstance(value, float) else f"{name:32} {value:,}")
    if options.json:
        print(json.dumps(found))


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Rows a second of both, and of ours with reasons; how often they differ."""
    world = World(customers=options.customers, terminals=2 * options.customers, days=90)
    rows = add_features(with_known_at(generate_transactions(world).drop("scenario")))
    uri = train(rows, folder)
    model = Model("benchmark", 1, load_scorer(uri))
    spark = build_local_session(folder / "warehouse", cores=str(options.cores))
    table = store(to_spark(spark, rows.drop("is_fraud", "known_at")), options.copies, folder / "rows")
    count = table.count()
    plain = ScoringSettings(reasons="none")
    udf = mlflow.pyfunc.spark_udf(spark, uri, result_type=ANSWER, env_manager="local")

    def ours() -> DataFrame:
        return add_scores(table, model, plain)

    def theirs() -> DataFrame:
        answer = udf(F.struct(*model.scorer.features)).alias("answer")
        return table.select("transaction_id", answer).select("transaction_id", "answer.*")

    differing = compare(ours(), theirs())
    seconds = take_turns({"ours": ours, "mlflow": theirs}, options.repeats)
    found = {"rows": count, "differing_rows": differing, "alerts": ours().where("is_alert").count()}
    found |= {f"{name}_rows_per_second": count / took for name, took in seconds.items()}
    found["ratio"] = seconds["mlflow"] / seconds["ours"]
    for kind in REASONS:
        settings = replace(plain, reasons=kind)
        few = table.limit(options.explained) if kind == "all" else table
        took = timed(lambda few=few, settings=settings: add_scores(few, model, settings))
        found[f"reasons_{kind}_rows_per_second"] = few.count() / took
    spark.stop()
    return found


def train(rows: pl.DataFrame, folder: Path) -> str:
    """A model as the training task makes it, without a search, stored by MLflow; its address."""
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.create_experiment("scoring", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment("scoring")
    fold = production_fold(rows, rows["event_time"].max() + timedelta(days=1))
    candidate = train_candidate(rows, MODEL_FEATURES, fold, replace(TrainingSettings(), trials=0))
    return model_uri(log_candidate(candidate, Provenance({}, {}, "", "")))


def store(rows: DataFrame, copies: int, folder: Path) -> DataFrame:
    """The rows some times over, as a Delta table of types that the table of features has."""
    types = {"float": "double"}
    typed = [F.col(name).cast(types.get(kind, kind)).alias(name) for name, kind in rows.dtypes]
    dated = rows.select(*typed).withColumn("event_date", F.to_date("event_time"))
    dated.crossJoin(rows.sparkSession.range(copies)).drop("id").write.format("delta").save(str(folder))
    return rows.sparkSession.read.format("delta").load(str(folder))


def compare(ours: DataFrame, theirs: DataFrame) -> int:
    """How many answers one gives and the other does not."""
    columns = ("transaction_id", "probability", "is_alert")
    return ours.select(*columns).exceptAll(theirs.select(*columns)).count()


def take_turns(ways: dict[str, Callable[[], DataFrame]], repeats: int) -> dict[str, float]:
    """Median seconds of each; the runs alternate, so that what else the machine does meets both."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            took[name].append(timed(way))
    return {name: median(seconds) for name, seconds in took.items()}


def timed(make: Callable[[], DataFrame]) -> float:
    """Seconds until every row was computed."""
    began = time.perf_counter()
    make().write.format("noop").mode("overwrite").save()
    return time.perf_counter() - began


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2000, help="of the simulated world, about 170 rows each")
    parser.add_argument("--copies", type=int, default=2, help="how often each row is scored")
    parser.add_argument("--repeats", type=int, default=5, help="of each way; the median counts")
    parser.add_argument("--explained", type=int, default=20_000, help="rows that reasons for all are measured on")
    parser.add_argument("--cores", default="*", help="that Spark has")
    parser.add_argument("--scratch", help="folder for the table and the model")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
