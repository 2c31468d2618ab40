"""A disk that is slow."""

import shutil
import subprocess
import time

import pytest

from localjobs.state.store import Store

SLOW = ("fsync", "fdatasync")
MILLISECONDS = 150


def may_trace():
    """Whether strace is there, and may look at processes."""
    return (
        bool(shutil.which("strace"))
        and subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0
    )


wants_strace = pytest.mark.skipif(not may_trace(), reason="wants Debian's package strace, and leave to trace processes")


@wants_strace
def test_a_disk_that_is_slow_makes_a_run_slow_and_nothing_else(bench, wheel, start, tmp_path):
    trace = tmp_path / "trace"
    bench.write([wheel("a", "succeed"), wheel("b", "succeed", after=["a"])])
    inject = f"inject={','.join(SLOW)}:delay_enter={MILLISECONDS}000"
    began = time.monotonic()
    process = start(
        "run", "job", under=["strace", "-f", "-qq", "-o", trace, "-e", f"trace={','.join(SLOW)}", "-e", inject]
    )
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 0, said
    waits = trace.read_text().count("(DELAYED)")
    assert waits > 5
    assert time.monotonic() - began > waits * MILLISECONDS / 1000 / 2  # two threads at most wait at once
    store = Store(bench.root)
    assert store.load(store.run_ids()[0]).result == "SUCCESS"
