"""A PostgreSQL server of one's own, and stores in it and in SQLite."""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from starlette.testclient import TestClient

from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.models.scorer import Calibration, Scorer
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.online.app import Parts, build_app
from fraud_detection.scoring.online.champion import LiveLineUp, LiveModel
from fraud_detection.scoring.online.filling import fill
from fraud_detection.scoring.online.postgres import PostgresStore
from fraud_detection.scoring.online.requests import NO_KEYS
from fraud_detection.scoring.online.settings import ServingSettings
from fraud_detection.scoring.online.sqlite import SqliteStore
from fraud_detection.scoring.settings import ScoringSettings

DEFINITION = "features of this release"
TOKEN = "a-token-of-thirty-two-characters"  # noqa: S105  a test's own
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ALONE = ScoringSettings()
NOW = datetime(2018, 10, 1, tzinfo=UTC)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def find_binaries():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if found:
        return found[-1].parent
    on_path = shutil.which("pg_ctl")
    assert on_path, "PostgreSQL is needed: apt-get install postgresql"
    return Path(on_path).parent


class Server:
    """A cluster in a folder: the server refuses to run as root, so root runs it as the user postgres."""

    def __init__(self, folder):
        self.folder, self.port, self.binaries = folder, free_port(), find_binaries()

    def run(self, name, *arguments):
        own = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*own, str(self.binaries / name), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def start(self):
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off"
        self.run(
            "pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options
        )

    def stop(self):
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.folder / "data"))

    def make_database(self):
        name = f"test_{uuid.uuid4().hex}"
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return name


@pytest.fixture(scope="session")
def postgres():
    """A running server; its socket's path must be short, so it lies in /tmp."""
    folder = Path("/tmp") / f"pg-{uuid.uuid4().hex[:8]}"  # noqa: S108
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    server = Server(folder)
    server.run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def database(postgres, monkeypatch):
    """An empty database, named by the environment as for the app."""
    for name, value in {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGUSER": "postgres",
        "PGDATABASE": postgres.make_database(),
        "PGSSLMODE": "disable",
    }.items():
        monkeypatch.setenv(name, value)
    return postgres


@pytest.fixture(params=["sqlite", "postgres"])
def make_store(request, tmp_path):
    """Makes stores that share what they hold, as several workers do."""
    if request.param == "postgres":
        request.getfixturevalue("database")
        return lambda definition=DEFINITION: PostgresStore(definition)
    return lambda definition=DEFINITION: SqliteStore(tmp_path / "online.db", definition)


@pytest.fixture(scope="session")
def model():
    """A small model of every feature; scores spread, and some are alerts."""
    return make_model(1)


def make_model(version):
    rng = np.random.default_rng(version)
    matrix = rng.gamma(1, 20, size=(400, len(MODEL_FEATURES))).astype(np.float32)
    labels = matrix[:, MODEL_FEATURES.index("amount")] > 30
    parameters = {"objective": "binary:logistic", "max_depth": 3, "seed": version, "nthread": 1}
    booster = xgb.train(parameters, xgb.DMatrix(matrix, label=labels), 10)
    return Model("fraud", version, Scorer(MODEL_FEATURES, (booster,), Calibration(), 0.5))


@pytest.fixture
def make_client(tmp_path, model):
    """The app on a store in a file, with a clock that stands still; settings by name."""
    with ExitStack() as opened:

        def make(store=None, live=None, prefix="", challenger=None, scoring=ALONE, keys=NO_KEYS, **settings):
            champion = live or LiveModel("fraud", lambda: 1, lambda _version: model)
            parts = Parts(
                settings=ServingSettings(**settings),
                features=FeatureSettings(),
                store=store or filled(tmp_path / "app.db"),
                models=LiveLineUp(champion, challenger, scoring),
                tokens=(TOKEN.encode(), b"the-token-before-it"),
                now=lambda: NOW,
                prefix=prefix,
                card_keys=keys,
            )
            return opened.enter_context(TestClient(build_app(parts), headers=BEARER, raise_server_exceptions=False))

        yield make


def filled(file):
    """A store that says that it is filled; its rows are what a test scores."""
    store = SqliteStore(file, DEFINITION)
    asyncio.run(fill(store, [], NOW))
    return store


@pytest.fixture
def client(make_client):
    return make_client()
