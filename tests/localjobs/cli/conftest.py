import os
import subprocess
import sys
import time

import pytest

COMMAND = [sys.executable, "-m", "localjobs"]


@pytest.fixture
def localjobs(bench):
    """Runs the command in the bundle's folder."""

    def call(*arguments, **environment):
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=bench.root,
            env={**os.environ, "NO_COLOR": "1", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call


@pytest.fixture
def start(bench):
    """Starts the command and returns its process; it is killed after the test."""
    started = []

    def call(*arguments, under=(), **environment):
        process = subprocess.Popen(
            [*map(str, under), *COMMAND, *arguments],
            cwd=bench.root,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def pid_in():
    """The process id that a task writes into a file once it is at work."""

    def wait(file):
        deadline = time.monotonic() + 20
        while not (file.exists() and file.read_text()):
            assert time.monotonic() < deadline, f"{file} was never written"
            time.sleep(0.02)
        return int(file.read_text())

    return wait
