"""What a stranger does: every command of the README and the tutorial, in a clone, on a smaller world.

A command runs as it is written, but for what stands for something of the reader's own (an address, an id, a folder).
Commands of the Databricks CLI run nowhere here; `tests/test_documentation.py` holds them against the bundle.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import date
from pathlib import Path
from socket import socket

import polars as pl
import pytest
import yaml

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.data.landing import CLEAN, Dirt
from small import write_world

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The default window and gate must fit: as many days as the generator writes, and frauds enough.
THE_WORLD = World(customers=1000, terminals=2000)
# The reader's own, of a few cards: the gate rejects what comes of them, and says why.
BOOKINGS = World(customers=60, terminals=120, start=date(2026, 3, 3), days=120)
OWN_FILES = World(customers=60, terminals=120, start=date(2025, 10, 3), days=120)
TOO_LONG = {  # what is only looked at
    "make test": "--dry-run",
    ".venv/bin/python -m pytest tests/parity tests/fraud_detection/features": "--collect-only --quiet",
}


def blocks(file, kind):
    return [body for found, body in BLOCK.findall((ROOT / file).read_text("utf-8")) if found == kind]


def commands(file):
    """Lines of the blocks for the shell, without remarks."""
    lines = [line.partition(" # ")[0].strip() for body in blocks(file, "bash") for line in body.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def walk():
    """All commands in order; what the README has said before is not done again for the tutorial."""
    before = commands("README.md")
    return [*before, *(line for line in commands("docs/tutorial.md") if line not in before)]


COMMANDS = walk()
OF_THE_SHELL = [line for line in COMMANDS if line.startswith(("git clone", "cd ", "export "))]


class Clone:
    """The stranger's folder, and what the stranger puts in the place of words in capitals."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root, self.environment = root, environment

    def run(self, command: str) -> str:
        """What a command prints; it must succeed."""
        words = [
            str(self.root / word) if word.startswith(".venv/") else word for word in shlex.split(self.fill_in(command))
        ]
        done = subprocess.run(
            words, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def fill_in(self, command: str) -> str:
        if "RUN_ID" in command:
            command = command.replace("RUN_ID", self.first_run())
        own = "own-files" if "2026-01-31" in command else "landing"
        command = command.replace("/data/landing", str(self.root.parent / own))
        return f"{command} {TOO_LONG.get(command, '')}"

    def first_run(self) -> str:
        runs = json.loads(self.run(".venv/bin/localjobs runs -o json"))["runs"]
        return str(min(runs, key=lambda run: run["start_time"])["run_id"])


@pytest.fixture(scope="module")
def clone(tmp_path_factory, task_environment) -> Clone:
    """A clone whose environment is this one, with the landing files of a smaller world in it."""
    folder = tmp_path_factory.mktemp("stranger")
    (said,) = [line for line in OF_THE_SHELL if line.startswith("git clone")]
    subprocess.run(shlex.split(said.replace("ADDRESS", str(ROOT))), cwd=folder, check=True, capture_output=True)
    root = folder / "fraud-detection"
    (root / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".ready":
            (root / ".venv" / part.name).symlink_to(part)
    (root / ".venv" / ".ready").touch()
    write_world(THE_WORLD, Dirt(), root / ".local" / "landing")
    (root / ".local" / "landing" / ".complete").touch()
    write_bookings(folder / "landing", root / "booking-2026-01.csv")
    write_world(OWN_FILES, CLEAN, folder / "own-files")
    return Clone(root, {**task_environment, "PYTHONPATH": str(root / "src"), "COLUMNS": "160"})


def write_bookings(folder: Path, one: Path) -> None:
    """Files as the tutorial shows one, with labels of the usual form; `one` is what is tried first."""
    rows = generate_transactions(BOOKINGS)
    cents = pl.col("amount_cents")
    booked = rows.select(
        TxnRef="transaction_id",
        booked_at=pl.col("event_time").dt.convert_time_zone("Europe/Berlin").dt.strftime("%d.%m.%Y %H:%M:%S"),
        card="customer_id",
        shop="terminal_id",
        value=pl.format("{}.{}", cents // 100, (cents % 100).cast(pl.String).str.zfill(2)),
        mcc=pl.lit("5411"),
    )
    write_world(BOOKINGS, CLEAN, folder)
    for file in (folder / "transactions").iterdir():
        file.unlink()
    booked.write_csv(folder / "transactions" / "bookings.csv", separator=";")
    (shown,) = blocks("docs/tutorial.md", "text")
    one.write_text(shown)


def follow_the_guide(clone: Clone) -> None:
    """Save the group that docs/features.md shows, and name it in the registry."""
    (module,) = blocks("docs/features.md", "python")
    source = clone.root / "src" / "fraud_detection" / "features"
    (source / "groups" / "customer_share.py").write_text(module)
    registry = (source / "registry.py").read_text()
    registry = registry.replace("    customer_deviation,\n", "    customer_deviation,\n    customer_share,\n")
    registry = registry.replace("    customer_spend.GROUP,\n", "    customer_spend.GROUP,\n    customer_share.GROUP,\n")
    (source / "registry.py").write_text(registry)


def write_settings(clone: Clone) -> None:
    (settings,) = blocks("docs/tutorial.md", "yaml")
    (clone.root / "settings.yml").write_text(settings)


def serve_until_it_answers(clone: Clone, command: str) -> None:
    """Start a server on a port of its own, ask it, and end it."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = shlex.split(f"{command} --port {port}")
    words[0] = str(clone.root / words[0])
    with subprocess.Popen(
        words, cwd=clone.root, env=clone.environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            for _ in range(240):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                        assert answer.status == 200
                        return
                except OSError:
                    assert process.poll() is None
                    time.sleep(0.25)
            raise AssertionError(f"{command} did not answer within a minute")
        finally:
            os.killpg(process.pid, signal.SIGTERM)


FIRST_NEED = {"fraud-data check": write_settings, "fraud-features docs": follow_the_guide}
EXPECTED = {
    "make run": ("SUCCESS", "passed", "champion"),
    "fraud-data check": ("TxnRef", "merchant_category", "A1"),
    "fraud-features audit": ("20 rows are what was known at their time",),
}
NIGHTLY = pytest.mark.nightly("the training job runs four times")
LATER = [line for line in COMMANDS if line not in OF_THE_SHELL and not line.startswith("databricks ")]


@NIGHTLY
@pytest.mark.parametrize("command", LATER)
def test_a_command_does_what_is_said_of_it(clone, command):
    for part, prepare in FIRST_NEED.items():
        if part in command:
            prepare(clone)
    if "mlflow ui" in command:
        serve_until_it_answers(clone, command)
        return
    printed = clone.run(command)
    for part, words in EXPECTED.items():
        if part in command:
            assert [word for word in words if word not in printed] == []


@NIGHTLY
def test_the_new_feature_is_in_the_table_and_in_the_documents(clone):
    table = clone.root / ".local" / "warehouse" / "mine" / "transaction_features"
    assert "customer_amount_share_14d" in pl.read_delta(str(table)).columns
    assert "customer_amount_share_14d" in (clone.root / "docs" / "features.md").read_text("utf-8")


def test_every_block_of_the_tutorial_is_used():
    kinds = [kind for kind, _ in BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text("utf-8"))]
    assert sorted(set(kinds)) == ["bash", "text", "yaml"]
    assert yaml.safe_load(blocks("docs/tutorial.md", "yaml")[0])["data"]["mapping"]
