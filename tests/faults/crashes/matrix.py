"""The steps of the pipeline on a small world, each killed at its commit points and run again.

A step starts from the same files every time. What an undisturbed run of it leaves is the measure: its tables, the
registry, and what its streams have noted as done.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import polars as pl
from pyspark import SparkConf
from pyspark.java_gateway import launch_gateway

from crashes import TIMES_OF_DATA
from crashes.child import run_task
from fraud_detection.data.generator import World
from fraud_detection.data.landing import Dirt, as_of
from fraud_detection.local_spark import driver_settings
from small import INTERPRETED, JAVA_OPTIONS, LENIENT, write_world

WORLD = World(customers=100, terminals=300, days=60, seed=4)
DIRT = Dirt(broken=0.02, duplicate=0.02, late=0.02, bad_amount=0.02)
NOW = as_of(WORLD)
SCHEMA = "fraud"
PATIENCE = 300
TIMES_OF_RUNS = (*TIMES_OF_DATA, "scored_at", "silver_updated_at")
TRAINING = {"window_days": 21, "held_out_days": 7, "boosters": 1, "max_rounds": 20, "threads": 1}
TRAINING |= {"search_folds": 1, "search_window_days": 20, "search_rounds": 10}
SETTINGS = {"training": TRAINING, "gate": {**LENIENT, "replicates": 20}}

Look = Mapping[str, Counter[str]]
"""Rows by the name of what holds them."""


@dataclass(frozen=True)
class Step:
    """A task at its place in the pipeline.

    Attributes:
        days_held_back: files of so many of the last days have not arrived yet; None: nothing new arrives.
        as_of_days_back: how long before the end of the world it runs.
        options: of the command line; {candidate} and {verdict} are those of the steps before.
    """

    name: str
    task: str
    days_held_back: int | None = None
    as_of_days_back: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


PIPELINE = (
    Step("first delivery", "data_prep", days_held_back=4),
    Step("features", "feature_build", as_of_days_back=4),
    Step("later delivery", "data_prep", days_held_back=1),
    Step("features of later days", "feature_build", as_of_days_back=1),
    Step("training", "train", options={"trials": "2"}),
    Step("verdict", "validate", options={"candidate": "{candidate}"}),
    Step("registering", "register", options={"candidate": "{candidate}", "verdict": "{verdict}", "job_run_id": "7"}),
    Step("scoring", "score"),
    Step("monitoring", "monitor"),
    Step("stream", "score_stream", days_held_back=0),
    Step("maintenance", "maintain"),
)


@dataclass(frozen=True)
class Fault:
    """A point at which the step of this number is killed."""

    step: int
    point: str


@dataclass(frozen=True)
class Outcome:
    """What a second run left after a fault, against what an undisturbed one leaves.

    Attributes:
        injected: False where the step ended before it came to the point.
    """

    injected: bool
    lost: int
    doubled: int
    differences: Sequence[str]


class Rehearsal:
    """Steps that ran once undisturbed, the files before each of them, and the points that each of them passes."""

    def __init__(self, folder: Path, environment: Mapping[str, str], steps: Sequence[Step]) -> None:
        """Work in a folder, with the environment of a warm JVM where a step needs one."""
        self.folder, self.place, self.steps = folder, folder / "place", steps
        self.environment = {**environment, "FRAUD_LOCAL_FOLDER": str(self.place)}
        self.points: dict[int, list[str]] = {}
        self.clean: dict[int, Look] = {}
        self.values: dict[str, str] = {}
        self._context = forking_context()

    def begin(self, begin: Callable[[Path], None] | None = None) -> None:
        """Make the place, and fill it by a function that runs in a process of its own."""
        self.place.mkdir()
        (self.place / "settings.yml").write_text(json.dumps(SETTINGS))
        if begin:
            process = self._context.Process(target=begin, args=(self.place,))
            process.start()
            process.join(PATIENCE)
            if process.exitcode != 0:
                raise RuntimeError(f"the place was not filled: the process ended with {process.exitcode}")

    def prepare(self) -> Iterator[str]:
        """Run all steps, each twice from the same files: with its points noted, and undisturbed; yields what is done.

        Raises:
            RuntimeError: the two runs of a step differ, so nothing could be proven by comparing.
        """
        for number, step in enumerate(self.steps):
            self._deliver(step)
            self.keep(number)
            self.points[number] = self.note_points(number)
            noted = self.look()
            self.restore(number)
            self._finish(number)
            self._remember(step)
            self.clean[number] = self.look()
            found = compare(noted, self.clean[number])
            if found[2]:
                raise RuntimeError(f"two undisturbed runs of {step.name} differ: {found[2][:5]}")
            yield f"{step.name}: {len(self.points[number])} commit points"

    def note_points(self, number: int) -> list[str]:
        """Run a step from its files, and return the points that it passes."""
        notes = self._begin_anew(number)
        self._finish(number, notes)
        return [json.loads(line) for line in notes.read_text().splitlines()]

    def inject(self, fault: Fault) -> Outcome:
        """Kill a step at a point, run it again, and compare.

        Raises:
            RuntimeError: a run failed by itself.
        """
        status = self._run(fault.step, self._begin_anew(fault.step), fault.point)
        if status not in (0, -signal.SIGKILL):
            raise RuntimeError(f"before {fault.point} the task ended with {status}\n{tail(self.log)}")
        self._finish(fault.step)
        return Outcome(status != 0, *compare(self.look(), self.clean[fault.step]))

    def describe(self, fault: Fault) -> str:
        """For people."""
        return f"{self.steps[fault.step].name}: {fault.point}"

    def keep(self, number: int) -> None:
        """Keep the files as those before a step."""
        shutil.copytree(self.place, self._before(number))

    def restore(self, number: int) -> None:
        """The files as they were before a step."""
        shutil.rmtree(self.place)
        shutil.copytree(self._before(number), self.place)

    def look(self, *without: str) -> Look:
        """All that stays, as rows: tables, versions and aliases of the registry, batches that streams have done.

        Args:
            without: further columns in which undisturbed runs may differ.
        """
        found = {f"table {name}": rows for name, rows in self._tables((*TIMES_OF_RUNS, *without))}
        return {**found, **self._registry(), "batches done": self._batches()}

    def choose(self, count: int, seed: int) -> list[Fault]:
        """Points by chance, of all steps alike; each at most once."""
        chance = random.Random(seed)  # noqa: S311  no secret
        waiting = {number: chance.sample(names, len(names)) for number, names in self.points.items()}
        chosen: list[Fault] = []
        while len(chosen) < count and any(waiting.values()):
            chosen += [Fault(number, names.pop()) for number, names in waiting.items() if names]
        return sorted(chance.sample(chosen, min(count, len(chosen))), key=lambda fault: fault.step)

    def _before(self, number: int) -> Path:
        return self.folder / f"before{number}"

    def _begin_anew(self, number: int) -> Path:
        """Restore the files of a step; where its points are noted, of which there are none yet."""
        self.restore(number)
        notes = self.folder / "notes"
        notes.unlink(missing_ok=True)
        return notes

    def _deliver(self, step: Step) -> None:
        if step.days_held_back is None:
            return
        source = self.folder / "source"
        if not source.exists():
            write_world(WORLD, DIRT, source)
        for kind in ("transactions", "labels"):
            target = self.place / "landing" / kind
            target.mkdir(parents=True, exist_ok=True)
            files = sorted((source / kind).iterdir())
            for file in files[: len(files) - step.days_held_back]:
                if not (target / file.name).exists():
                    shutil.copy2(file, target / file.name)

    def _finish(self, number: int, notes: Path | None = None) -> None:
        status = self._run(number, notes, None)
        if status != 0:
            raise RuntimeError(f"{self.steps[number].name} ended with {status}\n{tail(self.log)}")

    def _run(self, number: int, notes: Path | None, point: str | None) -> int:
        kill = (self.place, notes, point) if notes else None
        return self._wait(number, self._start(number, self.log, kill), self.log)

    def _start(self, number: int, log: Path, kill: tuple | None = None) -> ForkServerProcess:
        """Start a step in a process of its own, which says what it says in a new log."""
        step = self.steps[number]
        told = {
            "as_of": f"{NOW - timedelta(days=step.as_of_days_back):%Y-%m-%d}",
            "schema": SCHEMA,
            "landing": f"{self.place / 'landing'}",
            "checkpoints": f"{self.place / 'checkpoints'}",
            "settings": f"{self.place / 'settings.yml'}",
            "trials": "0",
            **{name: value.format(**self.values) for name, value in step.options.items()},
        }
        log.unlink(missing_ok=True)
        options = [f"--{name}={value}" for name, value in told.items()]
        process = self._context.Process(target=run_task, args=(step.task, options, log, self.environment, kill))
        process.start()
        return process

    def _wait(self, number: int, process: ForkServerProcess, log: Path) -> int:
        """The status of a step that was started.

        Raises:
            RuntimeError: it has not ended in time.
        """
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise RuntimeError(f"{self.steps[number].name} has not ended after {PATIENCE} s\n{tail(log)}")
        return process.exitcode

    @property
    def log(self) -> Path:
        """What the last task said."""
        return self.folder / "task.log"

    def _remember(self, step: Step) -> None:
        """The task values that later steps want."""
        lines = [line.split(" INFO ", 1)[1] for line in self.log.read_text().splitlines() if " INFO " in line]
        told = dict(line.split(" = ", 1) for line in lines if " = " in line)
        if step.task == "train":
            self.values["candidate"] = told["run_id"]
        if step.task == "validate":
            self.values["verdict"] = told["verdict"]

    def _tables(self, without: Sequence[str]) -> Iterator[tuple[str, Counter[str]]]:
        for folder in sorted((self.place / "warehouse" / SCHEMA).glob("*")):
            if any((folder / "_delta_log").glob("*.json")):
                rows = pl.read_delta(str(folder)).drop(without, strict=False)
                yield folder.name, Counter(map(repr, rows.select(sorted(rows.columns)).iter_rows()))

    def _registry(self) -> dict[str, Counter[str]]:
        """Versions, aliases and what is said of them; of runs only how many trials are complete.

        An order that is cut short has left its note, and leaves it again when it is given again.
        """
        questions = {
            "versions": "SELECT name, version FROM model_versions",
            "aliases": "SELECT name, alias, version FROM registered_model_aliases",
            "tags of versions": "SELECT version, key, value FROM model_version_tags WHERE key NOT LIKE 'audit_%'",
            "notes of versions": "SELECT DISTINCT version, value FROM model_version_tags WHERE key LIKE 'audit_%'",
            "trials": "SELECT value FROM tags WHERE key = 'state'",
        }
        database = self.place / "mlflow.db"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return {name: Counter(map(repr, connection.execute(text))) for name, text in questions.items()}

    def _batches(self) -> Counter[str]:
        folder = self.place / "checkpoints"
        done = (path.relative_to(folder).parts for path in folder.rglob("commits/*") if path.name.isdigit())
        return Counter(f"{parts[0].split('-')[0]} {parts[-1]}" for parts in done)


def tail(log: Path) -> str:
    """The end of what a task said."""
    return log.read_text()[-3000:]


def compare(found: Look, clean: Look) -> tuple[int, int, list[str]]:
    """Rows that are missing, rows that are too many, and what they are."""
    lost = doubled = 0
    differences = []
    for name in sorted(found.keys() | clean.keys()):
        missing = clean.get(name, Counter()) - found.get(name, Counter())
        extra = found.get(name, Counter()) - clean.get(name, Counter())
        lost, doubled = lost + missing.total(), doubled + extra.total()
        differences += [f"{name} lacks {row}" for row in missing] + [f"{name} has {row}" for row in extra]
    return lost, doubled, differences


def forking_context() -> ForkServerContext:
    """What starts processes by forking one that has imported everything; it finds modules by PYTHONPATH alone."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crashes.child"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), before]))
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return context


@contextmanager
def warm_jvm() -> Iterator[dict[str, str]]:
    """A JVM with Delta that outlives the tasks; the environment by which a task finds it."""
    conf = SparkConf(loadDefaults=False)
    for name, value in {**driver_settings(), **INTERPRETED}.items():
        conf.set(name, value)
    java = conf.get("spark.driver.extraJavaOptions")
    conf.set("spark.driver.extraJavaOptions", f"{java} {JAVA_OPTIONS}").set("spark.driver.memory", "1g")
    gateway = launch_gateway(conf)
    parameters = gateway.gateway_parameters
    found = {"PYSPARK_GATEWAY_PORT": str(parameters.port), "PYSPARK_GATEWAY_SECRET": parameters.auth_token}
    try:
        yield {**{name: value for name, value in os.environ.items() if name != "SPARK_REMOTE"}, **found}
    finally:
        gateway.proc.stdin.close()
        gateway.proc.wait(60)
