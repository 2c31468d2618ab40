"""Scores a second and time to an answer: this app beside MLflow's scoring server, same model, same number of workers.

    python benchmarks/serving.py --json
    python benchmarks/serving.py --workers 2 --seconds 20
    python benchmarks/serving.py --store postgres

The app gets raw transactions, finds the histories of 5,000 cards and their terminals, computes all features, scores,
gives reasons and writes each transaction into its store. MLflow's server gets the features ready-made and only scores.
Both are asked by the same light client, a process of its own with eight connections, in turns: rounds of each, of
which the median counts. `--store postgres` takes the server that libpq's variables name; without PGHOST it starts one
of its own, from Debian's packages, for the time of the measurement.
"""

import argparse
import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from statistics import median
from typing import Any

import mlflow
import polars as pl
import psutil
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.models import scorer
from fraud_detection.models.boosting import draw_sample, fit_booster
from fraud_detection.models.scorer import Calibration, Scorer
from fraud_detection.schemas import SILVER_LABELS, TRANSACTION_FEATURES
from own_postgres import own_server

NAME = "served"
DAYS = 100
BOOSTERS, TREES = 3, 100
CONNECTIONS = 8
WARM_UP_SECONDS = 3
BODIES = 5_000
NIGHT = clock_time()
LABEL_DELAY = pl.duration(days=7)
CLIENT = Path(__file__).with_name("http_load.py")
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Server:
    """A server to measure: how it is started, when it is ready, what it is sent."""

    name: str
    command: list[str]
    ready: str
    requests: Path
    port: int


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=1, help="processes of each server")
    parser.add_argument("--seconds", type=float, default=10, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(delete=not os.environ.get("KEEP")) as place, database(options.store) as variables:
        folder = Path(place)
        os.environ |= variables
        servers = prepare(folder, options)
        results = measure(servers, options)
    ratio = results["ours"]["requests_per_second"] / results["mlflow"]["requests_per_second"]
    for name, result in results.items():
        print(f"{name:<22}" + ", ".join(f"{key} {value:g}" for key, value in result.items()))
    print(f"ours answers {ratio:.1f} times the requests a second of MLflow's server")
    if options.json:
        print(json.dumps({**results, "ratio": round(ratio, 2), "workers": options.workers, "store": options.store}))


@contextmanager
def database(store: str) -> Iterator[dict[str, str]]:
    """A server for the store, where that is PostgreSQL and nobody named one; libpq's variables for it."""
    if store != "postgres" or "PGHOST" in os.environ:
        yield {}
        return
    with own_server(free_port()) as server:
        yield server.variables


def prepare(folder: Path, options: argparse.Namespace) -> list[Server]:
    """A world, a model in a registry, a filled store, and what the servers are sent."""
    set_environment(folder)
    world = World(customers=options.customers, terminals=2 * options.customers, days=DAYS)
    rows = simulate(world)
    last_day = world.start + timedelta(days=DAYS - 1)
    is_new = pl.col("event_time").dt.date() == last_day
    register(fit(rows.filter(~is_new)), folder)
    fill(rows.filter(~is_new), folder, options.store)
    new = rows.filter(is_new).head(BODIES)
    print(f"{options.customers:,} cards, {rows.height - new.height:,} transactions in the store", flush=True)
    return describe_servers(folder, new, last_day, options.workers)


def set_environment(folder: Path) -> None:
    """What the app and MLflow's server, and the commands that prepare them, find in their environment."""
    os.environ |= {
        "FRAUD_LOCAL_FOLDER": str(folder),
        "FRAUD_SERVE_TOKEN": secrets.token_hex(16),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }


def simulate(world: World) -> pl.DataFrame:
    """Transactions with their labels and the features of the model."""
    history = generate_transactions(world).with_columns(known_at=pl.col("event_time") + LABEL_DELAY)
    return history.drop("scenario").hstack(compute_features(history).select(MODEL_FEATURES))


def fit(rows: pl.DataFrame) -> Scorer:
    """A model of the size that the training task makes."""
    sample = draw_sample(rows, MODEL_FEATURES, 0.05, 1)
    boosters = [fit_booster(sample.binned(2), {}, TREES, 2, seed) for seed in range(BOOSTERS)]
    return Scorer(MODEL_FEATURES, tuple(boosters), Calibration(), 0.5)


def register(model: Scorer, folder: Path) -> None:
    """The model as a new version, champion."""
    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    if mlflow.get_experiment_by_name("serving") is None:
        mlflow.create_experiment("serving", artifact_location=(folder / "mlartifacts").as_uri())
    mlflow.set_experiment("serving")
    model.save(folder / scorer.ARTIFACT)
    signature = ModelSignature(
        Schema([ColSpec("double", name) for name in MODEL_FEATURES]),
        Schema([ColSpec("double", "probability"), ColSpec("boolean", "is_alert")]),
        ParamSchema([ParamSpec(scorer.REASONS, DataType.long, 0)]),
    )
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=scorer.__file__,
            artifacts={scorer.ARTIFACT: str(folder / scorer.ARTIFACT)},
            signature=signature,
            pip_requirements=["xgboost-cpu", "pandas"],
            registered_model_name=NAME,
        )
    MlflowClient().set_registered_model_alias(NAME, "champion", str(logged.registered_model_version))


def fill(rows: pl.DataFrame, folder: Path, store: str, **more: float) -> None:
    """Tables as the pipeline leaves them, and the store filled from them by the command that users have.

    Args:
        more: settings of the app.
    """
    tables = folder / "warehouse" / "fraud"
    rows.drop("is_fraud", "known_at").write_delta(str(tables / TRANSACTION_FEATURES))
    rows.select("transaction_id", "is_fraud", "known_at").write_delta(str(tables / SILVER_LABELS.name))
    settings = {"store": store, "requests_per_second": 1_000_000, "burst": 1_000_000, **more}
    (folder / "settings.yml").write_text(json.dumps({"serving": settings}))
    began = time.perf_counter()
    subprocess.run([BIN / "fraud-serve", "fill", "--settings", folder / "settings.yml"], check=True)
    print(f"filled in {time.perf_counter() - began:.1f} s", flush=True)


def describe_servers(folder: Path, new: pl.DataFrame, last_day: date, workers: int) -> list[Server]:
    """Ours, MLflow's, and MLflow's when it gives reasons too."""
    ours = describe_app(folder, last_day + timedelta(days=1), workers)
    write_requests(ours.requests, "/api/v1/score", new, transaction_body)
    theirs, explaining = free_port(), free_port()  # one that is on its way out still has its own
    serve = ["mlflow", "models", "serve", "-m", f"models:/{NAME}@champion", "--env-manager", "local"]
    command = [*serve, "--workers", str(workers), "--port"]
    return [
        ours,
        Server(
            "mlflow",
            [*command, str(theirs)],
            "/ping",
            write_requests(folder / "mlflow", "/invocations", new, lambda row: feature_body(row, {})),
            theirs,
        ),
        Server(
            "mlflow_with_reasons",
            [*command, str(explaining)],
            "/ping",
            write_requests(folder / "reasons", "/invocations", new, lambda row: feature_body(row, {"reasons": 3})),
            explaining,
        ),
    ]


def describe_app(folder: Path, as_of: date, workers: int) -> Server:
    """Ours, on a port of its own."""
    port = free_port()
    options = ["--settings", str(folder / "settings.yml"), "--as-of", f"{as_of:%Y-%m-%d}", "--workers", str(workers)]
    command = [str(BIN / "fraud-serve"), "run", "--port", str(port), *options]
    return Server("ours", command, "/readyz", folder / "ours", port)


def write_requests(file: Path, path: str, rows: pl.DataFrame, body: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """What the client sends, in the order of time."""
    headers = {"Authorization": f"Bearer {os.environ['FRAUD_SERVE_TOKEN']}", "Content-Type": "application/json"}
    shift = (
        time.time() - datetime.combine(rows["event_time"].dt.date().max() + timedelta(days=1), NIGHT, UTC).timestamp()
    )
    lines = [json.dumps({"path": path, "headers": headers, "shift": shift}).encode()]
    lines += [base64.b64encode(json.dumps(body(row)).encode()) for row in rows.iter_rows(named=True)]
    file.write_bytes(b"\n".join(lines))
    return file


def transaction_body(row: dict[str, Any]) -> dict[str, Any]:
    """One raw transaction; the client gives each a new id and time, so that each is the newest of its card."""
    named = {name: row[name] for name in ("customer_id", "terminal_id")}
    return {"transaction_id": "N-NNNNNNNN", "event_time": "T" * 26, **named, "amount": row["amount_cents"] / 100}


def feature_body(row: dict[str, Any], params: dict[str, int]) -> dict[str, Any]:
    """One row of features."""
    split = {"columns": MODEL_FEATURES, "data": [[float(row[name]) for name in MODEL_FEATURES]]}
    return {"dataframe_split": split, **({"params": params} if params else {})}


def measure(servers: Sequence[Server], options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The median of some rounds of each server, taken in turns; no other server runs meanwhile."""
    found: dict[str, list[dict[str, float]]] = {server.name: [] for server in servers}
    for turn in range(options.rounds):
        for server in servers:
            with running(server) as process:
                ask(server, WARM_UP_SECONDS, turn)
                began = cpu_seconds(process)
                answer = ask(server, options.seconds, turn)
                spent = 1000 * (cpu_seconds(process) - began) / answer["requests"]
                found[server.name].append({**answer, "cpu_ms_a_request": spent})
    return {
        name: {key: round(float(median(each[key] for each in rounds)), 3) for key in rounds[0]}
        for name, rounds in found.items()
    }


@contextmanager
def running(server: Server) -> Iterator[psutil.Process]:
    """A server with all its workers, until the end."""
    with Path(f"{server.requests}.log").open("ab") as log:
        process = subprocess.Popen(server.command, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until_ready(server, process)
        yield psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def cpu_seconds(process: psutil.Process) -> float:
    """Of a server and its workers; what it costs is told even where other programs take the cores."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Until it answers; a minute is long enough."""
    address = f"http://127.0.0.1:{server.port}{server.ready}"
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit(f"{server.name} does not start:\n" + Path(f"{server.requests}.log").read_text()[-2000:])


def ask(server: Server, seconds: float, turn: int) -> dict[str, float]:
    """What the client measures."""
    command = [sys.executable, CLIENT, server.port, CONNECTIONS, seconds, server.requests]
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, float] = json.loads(done.stdout)
    if answer["failed"]:
        raise SystemExit(f"{server.name}: {answer['failed']} requests failed in round {turn}")
    return answer


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
