"""What localjobs costs: seconds around a task that does nothing, without Spark and with it, isolated or shared.

    python benchmarks/runner.py
    python benchmarks/runner.py --repeats 20 --spark --json

The overhead of a task is the time from one attempt's start to the next one's in a chain, less the time that the same
interpreter needs to start and end. A chain of tasks in one run leaves the start of the command itself out; that is
measured on its own. With Spark a task counts one row; the reference is the same program started by hand: with a JVM of
its own, or connected to a warm server.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from localjobs.compute.shared import SharedCompute
from localjobs.runner.launch import cluster_environment

NOTHING = "pass\n"
SPARK = "from pyspark.sql import SparkSession\n\nSparkSession.builder.getOrCreate().range(1).count()\n"
TARGET_SECONDS = 0.150
SHARED_TARGET_SECONDS = 1.5


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10, help="tasks in the chain")
    parser.add_argument("--spark", action="store_true", help="also tasks that use Spark, isolated and shared")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    found = measure(options.repeats, spark=options.spark)
    print(json.dumps(found) if options.json else _as_text(found))


def measure(repeats: int, *, spark: bool) -> dict[str, float]:
    """Medians in seconds."""
    interpreter = _median(repeats, lambda: _run([sys.executable, "-c", "pass"]))
    task = statistics.median(_chain(NOTHING, repeats))
    found = {
        "interpreter": interpreter,
        "task": task,
        "overhead_of_a_task": task - interpreter,
        "target_overhead": TARGET_SECONDS,
        "command": _median(max(repeats // 3, 1), lambda: _run([sys.executable, "-m", "localjobs", "--help"])),
    }
    return found | _measure_isolated() | _measure_shared(repeats) if spark else found


def _measure_isolated() -> dict[str, float]:
    by_hand = _median(3, lambda: _run([sys.executable, "-c", SPARK]))
    isolated = statistics.median(_chain(SPARK, 4))
    return {"spark": by_hand, "isolated_task": isolated, "overhead_of_an_isolated_task": isolated - by_hand}


def _measure_shared(repeats: int) -> dict[str, float]:
    """The first task of the chain starts the server, so it is left out."""
    interpreter = _median(repeats, lambda: _run([sys.executable, "-c", "pass"]))
    with tempfile.TemporaryDirectory() as folder, SharedCompute() as shared:
        root = Path(folder)
        environment = cluster_environment(os.environ, {})
        lease = shared.lease((0, "warm"), "benchmark", root, environment, root / "server.log")
        client = {**environment, **lease.environment}
        _run([sys.executable, "-c", SPARK], client)
        by_hand = _median(repeats, lambda: _run([sys.executable, "-c", SPARK], client))
    task = statistics.median(_chain(SPARK, repeats + 1, "--compute", "shared")[1:])
    return {
        "connected": by_hand,
        "shared_task": task,
        "overhead_of_a_shared_task": task - by_hand,
        "shared_task_beyond_an_interpreter": task - interpreter,
        "shared_target": SHARED_TARGET_SECONDS,
    }


def _chain(program: str, length: int, *options: str) -> list[float]:
    """Seconds between the starts of tasks that follow each other."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "program.py").write_text(program)
        tasks = [_task(number) for number in range(length + 1)]
        bundle = {"bundle": {"name": "runner"}, "resources": {"jobs": {"chain": {"tasks": tasks}}}}
        (root / "databricks.yml").write_text(json.dumps(bundle))
        done = subprocess.run(
            [sys.executable, "-m", "localjobs", "run", "chain", "-o", "json", *options],
            cwd=root,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        run = json.loads(done.stdout)
    starts = sorted(task["start_time"] for task in run["tasks"])
    return [(after - before) / 1000 for before, after in pairwise(starts)]


def _task(number: int) -> dict[str, Any]:
    depends_on = [{"task_key": f"t{number - 1:03}"}] if number else []
    return {"task_key": f"t{number:03}", "depends_on": depends_on, "spark_python_task": {"python_file": "program.py"}}


def _median(repeats: int, call: Callable[[], None]) -> float:
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def _as_text(found: dict[str, float]) -> str:
    return "\n".join(f"{name.replace('_', ' '):34} {seconds * 1000:8.0f} ms" for name, seconds in found.items())


if __name__ == "__main__":
    main()
