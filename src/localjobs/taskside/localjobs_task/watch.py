"""Ends a task whose runner has died, so that no task process is ever left behind."""

import os
import signal
import threading

PIPE_VARIABLE = "LOCALJOBS_RUNNER_PIPE"


def watch_runner() -> None:
    """Watch the pipe whose other end the runner holds; when it closes, kill this process group."""
    pipe = os.environ.pop(PIPE_VARIABLE, None)
    if pipe is not None:
        threading.Thread(target=_wait_and_kill, args=(int(pipe),), name="localjobs-watch", daemon=True).start()


def _wait_and_kill(pipe: int) -> None:
    os.set_inheritable(pipe, False)
    os.read(pipe, 1)  # returns when the runner has ended, however it ended
    os.killpg(os.getpgrp(), signal.SIGKILL)
