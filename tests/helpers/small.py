"""What makes tests small and quick, for those of several folders."""

import os
from pathlib import Path

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.data.landing import Dirt, write_landing

# What runs for seconds isn't worth the best code; and code without room for it would stop being compiled at all.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
# Nor are queries over a few rows worth code of their own.
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}

RANKINGS = ("auc_roc", "average_precision", "card_share")
LENIENT = {f"{end}_{name}": limit for name in RANKINGS for end, limit in (("min", 0), ("max", 1))}
LENIENT |= {"max_calibration_error": 1, "min_frauds": 1, "min_slice_auc": 0, "min_slice_frauds": 1}
LENIENT |= {"margin_slice_auc": 1}
LENIENT |= {"min_saving_a_day": -1_000_000, "max_score_shift": 100, "max_latency_ms": 60_000}
"""Limits of the gate that every candidate of a small world meets."""


def environment_of_tasks() -> dict[str, str]:
    """This one for tasks that run as processes of their own, with a JVM that is small and starts quickly."""
    kept = {name: value for name, value in os.environ.items() if name != "FRAUD_LOCAL_FOLDER"}
    settings = " ".join(f"--conf {setting}={value}" for setting, value in INTERPRETED.items())
    told = {"PYSPARK_SUBMIT_ARGS": f"{settings} pyspark-shell", "JAVA_TOOL_OPTIONS": JAVA_OPTIONS}
    return {**kept, **told, "FRAUD_DRIVER_MEMORY": "1g"}


def write_world(world: World, dirt: Dirt, folder: Path) -> None:
    """Write all landing files of a simulated world."""
    for _ in write_landing(generate_transactions(world), world, dirt, folder):
        pass
