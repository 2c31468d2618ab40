"""The README's commands are there and its Python runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, body in BLOCKS if kind == "bash" for line in body.splitlines() if line.strip()]
OURS = [line for line in COMMANDS if line.startswith(".venv/bin/")]
QUICK = ("graph", "resolve", "prices", "runs", "--help")
LINKS = re.findall(r"`((?:src|resources|docs|benchmarks|tests)/[\w./-]*)`", README)


def run_here(command, **options):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120, **options)


@pytest.mark.parametrize("body", [body for kind, body in BLOCKS if kind == "python"])
def test_python_of_the_readme_runs(body):
    result = run_here([sys.executable, "-c", body])

    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make ")])
def test_make_knows_the_targets_of_the_readme(command):
    assert run_here([*shlex.split(command), "--dry-run"]).returncode == 0


@pytest.mark.parametrize("command", [line for line in OURS if any(word in line.split() for word in QUICK)])
def test_quick_commands_of_the_readme_succeed(command):
    program, *words = shlex.split(command)

    result = run_here([str(Path(sys.executable).parent / Path(program).name), *words])

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("command", OURS)
def test_programs_of_the_readme_are_installed(command):
    assert (Path(sys.executable).parent / Path(command.split()[0]).name).exists()


@pytest.mark.parametrize("place", sorted(set(LINKS)))
def test_places_that_the_readme_names_are_there(place):
    assert (ROOT / place).exists()


def test_the_readme_has_examples_of_every_kind():
    assert {"bash", "python", "text"} <= {kind for kind, _ in BLOCKS}
    assert OURS
