import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASICS = ("bash", "sh", "grep", "echo", "awk", "env", "touch", "rm", "make")


@pytest.fixture
def tools(tmp_path):
    """A folder of programs that stands for a machine's whole path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in BASICS:
        found = shutil.which(name)
        assert found, f"this test needs {name}"
        (folder / name).symlink_to(found)
    return folder


def add_program(folder, name, script):
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def run_make(tools, target):
    return subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", target],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )


def said(result):
    return [line for line in result.stdout.splitlines() if not line.startswith("make")]


def test_a_missing_java_stops_setup_with_one_line_that_says_what_to_install(tools):
    add_program(tools, "python3.12", "exit 0")

    result = run_make(tools, "setup")

    assert result.returncode != 0
    assert said(result) == ["Java 17 or 21 is needed: install it (on Debian: apt-get install openjdk-17-jre-headless)"]


def test_a_wrong_java_stops_setup_as_a_missing_one_does(tools):
    add_program(tools, "python3.12", "exit 0")
    add_program(tools, "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")

    result = run_make(tools, "setup")

    assert result.returncode != 0
    assert len(said(result)) == 1
    assert "Java 17 or 21 is needed" in said(result)[0]


def test_a_wrong_python_stops_setup_with_one_line_that_says_what_to_install(tools):
    add_program(tools, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    add_program(tools, "python3.12", "exit 1")

    result = run_make(tools, "setup")

    assert result.returncode != 0
    assert len(said(result)) == 1
    assert "Python 3.12 is needed" in said(result)[0]


def test_help_lists_the_commands_that_the_readme_names():
    result = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True)

    listed = {line.split()[1] for line in result.stdout.splitlines() if line.startswith("  make ")}
    assert {"setup", "run", "test", "lint", "data", "clean", "help"} <= listed


def test_ci_runs_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert "\nmake test\n" in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
