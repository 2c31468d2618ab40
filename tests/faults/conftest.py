"""A small world on disk, and the tasks of the training job as processes that can be killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import psutil
import pytest

from crashes import TIMES_OF_DATA
from fraud_detection.data.generator import World
from fraud_detection.data.landing import Dirt, as_of
from fraud_detection.tables import Tables
from small import write_world

WORLD = World(customers=120, terminals=500, days=60, seed=4)
DIRT = Dirt(broken=0.02, duplicate=0.02, late=0.02, bad_amount=0.02)
SETTINGS = """
training: {window_days: 21, held_out_days: 7, boosters: 1, max_rounds: 20, threads: 1,
  search_folds: 1, search_window_days: 20, search_rounds: 10}
"""
PATIENCE = 300


class Place:
    """The folder of one warehouse with its checkpoints and MLflow, and the tasks that work there."""

    def __init__(self, folder: Path, landing: Path, tables: Tables, environment: Mapping[str, str]) -> None:
        self.folder, self.landing, self.tables = folder, landing, tables
        self.environment = {**environment, "FRAUD_LOCAL_FOLDER": str(folder)}
        (folder / "settings.yml").write_text(SETTINGS)

    @property
    def now(self) -> datetime:
        return as_of(WORLD).replace(tzinfo=UTC)

    def start(self, task: str, **parameters: str) -> subprocess.Popen:
        """Start a task as a process group of its own, so that its JVM can be killed with it."""
        told = {"as_of": f"{self.now:%Y-%m-%d}", "landing": self.landing, "schema": self.tables.schema, "trials": "0"}
        told |= {"checkpoints": self.folder / "checkpoints", "settings": self.folder / "settings.yml", **parameters}
        with self.log(task).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"fraud_detection.tasks.{task}", *(f"--{k}={v}" for k, v in told.items())],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, task: str, **parameters: str) -> dict[str, str]:
        """Run a task to its end; the task values that it set, as text."""
        process = self.start(task, **parameters)
        try:
            status = process.wait(PATIENCE)
        finally:
            _kill(process)
        text = self.log(task).read_text()
        assert status == 0, text[-3000:]
        told = (line.split(" INFO ", 1)[1].split(" = ", 1) for line in text.splitlines() if " INFO " in line)
        return {parts[0]: parts[1] for parts in told if len(parts) == 2}

    def kill_when(self, task: str, reached: Callable[[], bool], **parameters: str) -> None:
        """Kill a task and its JVM by SIGKILL as soon as a condition holds, and insist that it was under way."""
        assert not reached()
        process = self.start(task, **parameters)
        try:
            self._wait_until(reached, process, task)
        finally:
            _kill(process)
        assert process.wait(PATIENCE) == -signal.SIGKILL, f"{task} ended before it was killed"

    def spoil_when(
        self, task: str, reached: Callable[[], bool], spoil: Callable[[psutil.Process], None], **parameters: str
    ) -> str:
        """Do something to the process of a task as soon as a condition holds; what it said until it failed."""
        assert not reached()
        process = self.start(task, **parameters)
        try:
            self._wait_until(reached, process, task)
            spoil(psutil.Process(process.pid))
            status = process.wait(PATIENCE)
        finally:
            _kill(process)
        assert status != 0, f"{task} ended with {status}"
        return self.log(task).read_text()

    def _wait_until(self, reached: Callable[[], bool], process: subprocess.Popen, task: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert process.poll() is None, self.log(task).read_text()[-3000:]
            assert time.monotonic() < deadline, f"{task} never got there"
            time.sleep(0.005)

    def log(self, task: str) -> Path:
        return self.folder / f"{task}.log"

    def commits(self, table: str) -> int:
        """How many commits a table's log has."""
        return len(list((self.tables.folder(table) / "_delta_log").glob("*[0-9].json")))

    def data_files(self, table: str) -> int:
        """How many data files lie in a table's folder, known to a commit or not."""
        return len([path for path in self.tables.folder(table).rglob("*.parquet") if "_delta_log" not in path.parts])

    def ask_mlflow(self, question: str) -> list[tuple]:
        """Rows of MLflow's database; none while it is being made."""
        if not (self.folder / "mlflow.db").exists():
            return []
        try:
            with closing(sqlite3.connect(f"file:{self.folder / 'mlflow.db'}?mode=ro", uri=True)) as database:
                return database.execute(question).fetchall()
        except sqlite3.OperationalError:
            return []

    def read(self, keys: Mapping[str, tuple[str, ...]]) -> dict[str, pl.DataFrame]:
        """Whole tables but for the times of the runs, in order of what identifies a row."""
        frames = {name: pl.read_delta(str(self.tables.folder(name))) for name in keys}
        return {name: rows.drop(TIMES_OF_DATA, strict=False).sort(keys[name]) for name, rows in frames.items()}


def _kill(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture(scope="session")
def landing(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "landing"
    write_world(WORLD, DIRT, folder)
    return folder


@pytest.fixture(scope="session")
def make_place(tmp_path_factory, landing, make_tables, task_environment) -> Callable[[str], Place]:
    def make(name: str) -> Place:
        folder = tmp_path_factory.mktemp(name)
        return Place(folder, landing, make_tables(folder / "warehouse"), task_environment)

    return make
