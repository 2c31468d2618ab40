"""A copy of the bundle with a small world in it, and its training job as anybody starts it."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraud_detection.data.generator import World
from fraud_detection.data.landing import Dirt, as_of
from small import LENIENT, write_world

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-databricks.txt", "requirements-serverless.txt")
PARTS = ("databricks.yml", "resources", "pyproject.toml", *LOCKS)
WHEEL = ("src", "README.md", "LICENSE")
WORLD = World(customers=300, terminals=600, days=70, seed=1)
DIRT = Dirt(broken=0.01, duplicate=0.01, late=0.01, bad_amount=0.01)
SMALL_TRAINING = "training: {window_days: 28, boosters: 1, max_rounds: 40, patience: 10}\n"


class Bundle:
    """The copy: what it is started with, and what it leaves."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root, self.environment = root, environment

    def run(self, gate: str, compute: str = "isolated") -> dict[str, Any]:
        """Run the training job to its end; the run as the Jobs API tells it."""
        (self.root / f"{gate}.yml").write_text(SMALL_TRAINING + f"gate: {json.dumps(GATES[gate])}\n")
        return self.run_job("training", compute, trials="0", settings=f"{gate}.yml")

    def run_job(self, job: str, compute: str = "isolated", **parameters: str) -> dict[str, Any]:
        """Run any job to its end, each task with a Spark of its own or all with one."""
        parameters = {"as_of": f"{as_of(WORLD):%Y-%m-%d}", **parameters}
        told = [f"--params={name}={value}" for name, value in parameters.items()]
        command = [Path(sys.executable).with_name("localjobs"), "run", job, "-t", "local", "-o", "json", *told]
        command += ["--compute", compute]
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(done.stdout)

    def call(self, command: str, *words: str) -> tuple[int, str]:
        """Exit status and output of a command."""
        command = [Path(sys.executable).with_name(command), *words]
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def read(self, table: str) -> pl.DataFrame:
        return pl.read_delta(str(self._table(table)))

    def newest_version(self, table: str) -> str:
        return max(path.name for path in (self._table(table) / "_delta_log").glob("*[0-9].json"))

    def ask_mlflow(self, question: str) -> list[tuple]:
        with closing(sqlite3.connect(self.root / ".local" / "mlflow.db")) as database:
            return database.execute(question).fetchall()

    def page(self, run_id: int) -> Path:
        return self.root / ".databricks" / "localjobs" / "runs" / str(run_id) / "run.html"

    def _table(self, name: str) -> Path:
        (found,) = (self.root / ".local" / "warehouse").glob(f"*/{name}")
        return found


GATES = {"lenient": LENIENT, "strict": {"min_frauds": 1_000_000}}


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, task_environment) -> Bundle:
    root = tmp_path_factory.mktemp("bundle")
    for part in (*PARTS, *WHEEL):
        copy: Callable[..., Any] = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, root / part)
    write_world(WORLD, DIRT, root / ".local" / "landing")
    return Bundle(root, task_environment)
