"""How fast a batch is scored: by the scoring task, and by MLflow's `spark_udf`, on the same rows with the same model.

    python benchmarks/scoring.py
    python benchmarks/scoring.py --customers 2000 --copies 4 --json

A model is trained with the settings of the training task and logged, as that does. Both read the same Delta table in
one session and give the keys of `predictions` with probability and alert, which nothing stores; after a run that starts
the workers they take turns, and medians are compared, of seconds and of the CPU-seconds of all processes: on a busy
machine the latter say more. A row of `predictions` also has reasons if it is an alert; the reference can only give them
to every row. That is compared on fewer rows.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import mlflow
import polars as pl
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.arrow import small_rows
from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.frames import to_spark
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.local_spark import build_local_session
from fraud_detection.models.provenance import Provenance
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import production_fold
from fraud_detection.models.tracking import load_scorer, log_candidate, model_uri
from fraud_detection.models.training import train_candidate
from fraud_detection.scoring.batch import KEPT, add_scores
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.settings import ScoringSettings
from meter import Cost, measured
from protocol import add_features, with_known_at

Udf = Callable[[Column], Column]
OURS = ("ours", "ours_for_all")


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
    """Rows a second of both, without reasons and with them, and how many answers differ."""
    world = World(customers=options.customers, terminals=2 * options.customers, days=90)
    rows = add_features(with_known_at(generate_transactions(world).drop("scenario")))
    uri = train(rows, folder)
    model = Model("benchmark", 1, load_scorer(uri))
    spark = build_local_session(folder / "warehouse", cores=str(options.cores))
    table = store(to_spark(spark, rows.drop("is_fraud", "known_at")), options.copies, folder / "rows")
    few = table.limit(options.explained).repartition(spark.sparkContext.defaultParallelism).persist()
    plain = pair(table, model, ScoringSettings(reasons="none"), make_udf(spark, uri))
    explained = pair(few, model, ScoringSettings(reasons="alerts"), make_udf(spark, uri, reasons=3))
    for_all = {"ours_for_all": lambda: add_scores(few, model, ScoringSettings(reasons="all"))}
    found = {"rows": table.count(), "alerts": plain["ours"]().where("is_alert").count()}
    found |= {"differing_rows": compare(plain["ours"](), plain["mlflow"]())}
    found |= rates(plain, found["rows"], options.repeats)
    with_reasons = rates(explained | for_all, few.count(), options.repeats)
    spark.stop()
    return found | {f"reasons_{name}": value for name, value in with_reasons.items()}


def make_udf(spark: SparkSession, uri: str, **parameters: int) -> Udf:
    """The reference, in the way that is fastest: in Spark's own workers, without an environment of its own."""
    answer = "probability double, is_alert boolean" + "".join(f", {name} string" for name in parameters)
    return mlflow.pyfunc.spark_udf(spark, uri, result_type=answer, env_manager="local", params=parameters or None)


def pair(rows: DataFrame, model: Model, settings: ScoringSettings, udf: Udf) -> dict[str, Callable[[], DataFrame]]:
    """Both ways to the same columns."""
    answer = udf(F.struct(*model.scorer.features)).alias("answer")
    return {
        "ours": lambda: add_scores(rows, model, settings),
        "mlflow": lambda: rows.select(*KEPT, answer).select(*KEPT, "answer.*"),
    }


def rates(ways: Mapping[str, Callable[[], DataFrame]], rows: int, repeats: int) -> dict[str, float]:
    """Rows a second and a CPU-second of each, and what ours has over the reference."""
    costs = take_turns(ways, repeats)
    found = {f"{name}_rows_per_second": rows / cost.wall_seconds for name, cost in costs.items()}
    found |= {f"{name}_rows_per_cpu_second": rows / cost.cpu_seconds for name, cost in costs.items()}
    found["ratio"] = costs["mlflow"].wall_seconds / costs["ours"].wall_seconds
    found["cpu_ratio"] = costs["mlflow"].cpu_seconds / costs["ours"].cpu_seconds
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


def take_turns(ways: Mapping[str, Callable[[], DataFrame]], repeats: int) -> dict[str, Cost]:
    """Median cost of each; the runs alternate, so that what else the machine does meets all."""
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            rows = way()
            with small_rows(rows.sparkSession) if name in OURS else nullcontext(), measured() as cost:
                rows.write.format("noop").mode("overwrite").save()
            found[name] += [cost] if turn else []
    return {name: _median(costs) for name, costs in found.items()}


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.wall_seconds for cost in costs), median(cost.cpu_seconds for cost in costs))


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
