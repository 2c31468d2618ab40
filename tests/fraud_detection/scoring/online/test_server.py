"""The app as it is started: real processes, a real registry, signals."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl
import psutil
import pytest

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.single_node import compute_features
from requests_online import SCORE

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105  a test's own
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
COMMAND = Path(sys.executable).with_name("fraud-serve")
WORLD = World(customers=30, terminals=20, days=50, seed=2)
AS_OF = WORLD.start + timedelta(days=WORLD.days)
HISTORY = generate_transactions(WORLD)
CARDS, TERMINALS = (HISTORY[name].unique().sort().to_list() for name in ("customer_id", "terminal_id"))
UP_SECONDS = 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables as the pipeline leaves them, a store that `fraud-serve fill` filled from them, quick reloads."""
    folder = tmp_path_factory.mktemp("local")
    history = HISTORY.drop("scenario")
    labelled = history.with_columns(known_at=pl.col("event_time") + timedelta(days=7))
    tables = folder / "warehouse" / "fraud"
    compute_features(labelled).write_delta(str(tables / "transaction_features"))
    labelled.select("transaction_id", "is_fraud", "known_at").write_delta(str(tables / "silver_labels"))
    (folder / "settings.yml").write_text("serving: {reload_seconds: 0.2, shutdown_seconds: 20}")
    done = start(folder, "fill").communicate()[0]
    assert f"the store holds {history.height:,} transactions" in done
    return folder


def start(folder, *arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    own = {"FRAUD_LOCAL_FOLDER": str(folder), "FRAUD_SERVE_TOKEN": TOKEN} | environment
    command = [COMMAND, *arguments, "--settings", folder / "settings.yml"]
    return subprocess.Popen(
        command, env=kept | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


class Running:
    """A server and its address."""

    def __init__(self, folder, *arguments, **environment):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        options = ("--port", str(self.port), "--as-of", AS_OF.isoformat(), "--model-name", "served")
        self.process = start(folder, "run", *options, *arguments, **environment)
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        end = time.monotonic() + UP_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if httpx.get(f"{self.address}/healthz").status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.1)
        os.killpg(self.process.pid, signal.SIGKILL)
        raise AssertionError(self.process.communicate()[0])

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture
def served(folder, registry):
    """The registry that the app reads: version 1 is champion."""
    database = folder / "mlflow.db"
    database.unlink(missing_ok=True)
    database.symlink_to(registry.folder / "mlflow.db")
    for version in registry.client.search_model_versions("name='served'"):
        registry.client.delete_model_version("served", version.version)
    return registry


def transaction(number, **changes):
    moment = datetime(AS_OF.year, AS_OF.month, AS_OF.day, tzinfo=UTC) + timedelta(seconds=number)
    return {
        "transaction_id": f"new-{number}",
        "event_time": moment.isoformat(),
        "customer_id": CARDS[number % len(CARDS)],
        "terminal_id": TERMINALS[number % len(TERMINALS)],
        "amount": 12.5,
    } | changes


def test_a_new_champion_is_taken_up_and_no_request_is_dropped_nor_by_a_broken_one(folder, served, model):
    first = served.add("served", model.scorer, "champion")
    with Running(folder) as server:
        answers = asyncio.run(ask_while_models_change(server, served, model))
    assert {answer.status_code for answer in answers} == {200}
    versions = [answer.json()["model_version"] for answer in answers]
    assert versions == sorted(versions)
    assert set(versions) == {first, first + 1}
    assert all(answer.json()["flags"] == [] for answer in answers)


async def ask_while_models_change(server, registry, model):
    """Four callers, while a second version becomes champion, and then one without files."""
    answers, stop = [], asyncio.Event()

    async def call(number):
        async with httpx.AsyncClient(base_url=server.address, headers=HEADERS) as client:
            while not stop.is_set():
                answers.append(await client.post(SCORE, json=transaction(number)))
                number += 4

    async def change():
        await asyncio.sleep(0.5)
        await asyncio.to_thread(registry.add, "served", model.scorer, "champion")
        await asyncio.sleep(1.5)
        broken = registry.client.create_model_version("served", (registry.folder / "nothing").as_uri())
        registry.client.set_registered_model_alias("served", "champion", broken.version)
        await asyncio.sleep(1.5)
        stop.set()

    await asyncio.gather(change(), *(call(number) for number in range(4)))
    async with httpx.AsyncClient(base_url=server.address, headers=HEADERS) as client:
        metrics = (await client.get("/metrics")).text
    assert 'fraud_model_reloads_total{outcome="changed"} 2.0' in metrics
    assert 'fraud_model_reloads_total{outcome="failed"}' in metrics
    return answers


def test_two_workers_share_the_store_and_their_figures_listen_here_only_and_stop_in_order(folder, served, model):
    served.add("served", model.scorer, "champion")
    with Running(folder, "--workers", "2") as server:
        family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
        names = {each.name() for each in family}
        listening = {
            one.laddr.ip for each in family for one in each.net_connections() if one.status == psutil.CONN_LISTEN
        }
        answers = [
            httpx.post(server.address + SCORE, json=transaction(number, customer_id="C-new"), headers=HEADERS).json()
            for number in range(1000, 1020)
        ]
        metrics = httpx.get(f"{server.address}/metrics", headers=HEADERS).text
        slow = subprocess.Popen(
            [sys.executable, "-c", SLOW_CALLER, str(server.port), TOKEN, json.dumps(transaction(2000))],
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        answered = slow.communicate(timeout=30)[0]
        server.process.wait(30)
    assert answered.startswith("HTTP/1.1 200"), "a request that was under way when the signal came was dropped"
    assert server.process.returncode in {0, -signal.SIGTERM}
    left = psutil.wait_procs(family, timeout=10)[1]
    assert [each for each in left if each.status() != psutil.STATUS_ZOMBIE] == []
    assert "java" not in names
    assert listening == {"127.0.0.1"}
    assert [answer["flags"] for answer in answers] == [["unknown_customer"]] + [[]] * 19
    assert 'fraud_requests_total{path="/api/v1/score",status="200"} 20.0' in metrics


SLOW_CALLER = """
import socket, sys, time
port, token, body = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
head = f"POST /api/v1/score HTTP/1.1\\r\\nHost: x\\r\\nX-Api-Key: {token}\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
with socket.create_connection(("127.0.0.1", port)) as connection:
    connection.sendall(head.encode() + body[:10])
    time.sleep(2)
    connection.sendall(body[10:])
    print(connection.recv(65536).decode())
"""


@pytest.mark.parametrize("token", ["", "short"])
def test_without_a_token_worth_the_name_the_app_does_not_start(folder, token):
    process = start(folder, "run", FRAUD_SERVE_TOKEN=token)

    told = process.communicate(timeout=60)[0]

    assert process.returncode == 2
    assert "expected 16 characters or more" in " ".join(told.split())


def test_a_setting_that_nobody_knows_is_refused(tmp_path):
    (tmp_path / "settings.yml").write_text("serving: {reasns: 3}")
    process = start(tmp_path, "run")

    told = " ".join(process.communicate(timeout=60)[0].split())

    assert process.returncode == 2
    assert "serving has no setting reasns; known are store" in told


def test_on_databricks_it_listens_where_the_platform_says_below_api():
    code = (
        "from fraud_detection.scoring.online import launch; import mlflow; launch.choose_registry();"
        "print(launch.address(8000), launch.is_app(), mlflow.get_registry_uri())"
    )
    environment = os.environ | {"DATABRICKS_APP_PORT": "8123"}
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_SPARK + code], env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert told.strip() == "('0.0.0.0', 8123) True databricks-uc"


WITHOUT_SPARK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pyspark", "delta"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
"""
