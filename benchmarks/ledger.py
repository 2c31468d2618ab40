"""What the ledger costs: milliseconds from the end of an attempt to its row, against writing the same row as JSON.

    python benchmarks/ledger.py
    python benchmarks/ledger.py --repeats 20 --json

Every attempt goes through the sink as localjobs calls it: estimate, merge into the Delta table. A run has five
attempts, and its end tidies the table once it has many files. The very first attempt makes the table and is told apart.
Without MLflow, whose own time depends on its store. On a busy machine the time by the clock is not that on the CPU.
"""

import argparse
import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runcosts.sink import CostSink, attempt_of, make_sink

TARGET_MS = 50.0
ATTEMPTS = 5
BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10, help="runs of five attempts")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    found = measure(options.repeats)
    print(
        json.dumps(found) if options.json else "\n".join(f"{name:>18} {value:10.2f}" for name, value in found.items())
    )


def measure(runs: int) -> dict[str, float]:
    """Milliseconds, and how many times the reference an attempt takes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text('[tool.runcosts]\nledger = "run_costs"\n', encoding="utf-8")
        first = sum(_run(root, -1, attempts=1))
        busy = time.process_time()
        each = [_run(root, number) for number in range(runs)]
        cpu = (time.process_time() - busy) * 1000 / (runs * ATTEMPTS)
        plain = [_time(lambda n=n: _append(root / "rows.json", n)) for n in range(runs * ATTEMPTS)]
    attempts = [one for *found, _ in each for one in found]
    reference = statistics.median(plain)
    return {
        "first_ms": first,
        "attempt_ms": statistics.median(attempts),
        "attempt_p90_ms": statistics.quantiles(attempts, n=10)[-1],
        "attempt_cpu_ms": cpu,
        "end_of_run_ms": statistics.median(end for *_, end in each),
        "json_line_ms": reference,
        "ratio": statistics.median(attempts) / reference,
        "target_ms": TARGET_MS,
    }


def _run(root: Path, number: int, attempts: int = ATTEMPTS) -> list[float]:
    """Milliseconds of each attempt of a run, and of its end."""
    sink = make_sink(root, "local")
    told = [_time(lambda n=n: _tell(sink, number * ATTEMPTS + n)) for n in range(attempts)]
    return [*told, _time(sink.close)]


def _tell(sink: CostSink, number: int) -> None:
    sink.attempt_finished(_event(number))


def _append(file: Path, number: int) -> None:
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(attempt_of(_event(number))), default=str) + "\n")


def _event(number: int) -> Any:
    ids = {"workspace": "local", "target": "local", "job_key": "j", "job_id": 1, "job_name": "j", "job_run_id": 2}
    times = {"started_at": BEGAN, "ended_at": BEGAN + dt.timedelta(minutes=20), "result_state": "SUCCESS"}
    compute = {"node_type_id": "m5d.xlarge", "num_workers": 2}
    task = {"task_key": "t", "task_run_id": number, "attempt": 0, "compute": compute, "job_parameters": {}}
    used = {"peak_memory_bytes": 2**30, "cpu_seconds": 600.0}
    return SimpleNamespace(**ids, **times, **task, **used)


def _time(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
