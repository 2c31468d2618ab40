"""Ends a task whose runner has died, so that no task process is ever left behind."""

import contextlib
import os
import signal
import threading
from pathlib import Path

PIPE_VARIABLE = "LOCALJOBS_RUNNER_PIPE"


def watch_runner() -> None:
    """Watch the pipe whose other end the runner holds; when it closes, kill this session."""
    pipe = os.environ.pop(PIPE_VARIABLE, None)
    if pipe is not None:
        threading.Thread(target=_wait_and_kill, args=(int(pipe),), name="localjobs-watch", daemon=True).start()


def _wait_and_kill(pipe: int) -> None:
    os.set_inheritable(pipe, False)
    os.read(pipe, 1)  # returns when the runner has ended, however it ended
    _kill_others()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _kill_others() -> None:
    """Children may have process groups of their own; where there is no /proc, they are left to the next command."""
    session = os.getsid(0)
    for folder in Path("/proc").glob("[0-9]*"):
        process = int(folder.name)
        with contextlib.suppress(OSError):
            if process != os.getpid() and os.getsid(process) == session:
                os.kill(process, signal.SIGKILL)
