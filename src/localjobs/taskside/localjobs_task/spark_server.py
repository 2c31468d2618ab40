"""A Spark Connect server for the tasks of a run: `python -m localjobs_task.spark_server`, started by localjobs only.

It is the project's own session with Spark's Connect plug-in. Over a socket it says its port; then it reads names of
users, ends everything that each of them has left running, and says the name back.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import psutil

from .spark import get_session

CONTROL_VARIABLE = "LOCALJOBS_SERVER_CONTROL"

_SERVICE = "org.apache.spark.sql.connect.service.SparkConnectService$"
_POLL_SECONDS = 0.02


def main() -> None:
    """Serve until the runner ends this process, or has ended itself."""
    number = os.environ.pop(CONTROL_VARIABLE, None)
    if number is None:
        sys.exit("localjobs_task.spark_server is started by localjobs only")
    control = socket.socket(fileno=int(number))
    control.set_inheritable(False)
    users: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read, args=(control, users), name="localjobs-control", daemon=True).start()
    session = get_session()
    jvm = session.sparkContext._gateway.proc  # noqa: SLF001 - pyspark hands it out nowhere else
    threading.Thread(target=_end_with, args=(jvm,), name="localjobs-jvm", daemon=True).start()
    service = connect_service(session)
    control.sendall(f"{service.localPort()}\n".encode())
    while True:
        user = users.get()
        release_user(session, service, user)
        control.sendall(f"{user}\n".encode())


def _read(control: socket.socket, users: "SimpleQueue[str]") -> None:
    """Hear requests even while Spark starts; when the runner is gone, end this process and its JVM."""
    with control.makefile(encoding="utf-8") as lines:
        for line in lines:
            users.put(line.strip())
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _end_with(jvm: "subprocess.Popen[bytes]") -> None:
    """A server without its JVM would look alive to the runner."""
    status = jvm.wait()
    sys.stderr.write(f"the JVM of the server ended with exit status {status}\n")
    os.killpg(os.getpgrp(), signal.SIGKILL)


def connect_service(session: Any) -> Any:
    """The Connect service inside the JVM of a session."""
    java = session._jvm.java  # noqa: SLF001 - pyspark's own way to the JVM
    return java.lang.Class.forName(_SERVICE).getField("MODULE$").get(None)


def release_user(session: Any, service: Any, user: str) -> None:
    """Interrupt and close the sessions of a user; on return no operation of theirs is left.

    Nothing is left of it on three levels: the threads of operations, which may be about to commit; the tasks of their
    jobs; and the Python workers of those tasks, which go on with user code although nobody reads their results.
    """
    running = list(_operations(service, user))
    for each in _items(service.sessionManager().listActiveSessions()):
        if each.userId() == user:
            service.sessionManager().closeSession(each.key(), False)  # nobody may come back to it
    running += _operations(service, user)
    while any(operation.isExecuteThreadRunnerAlive() for operation in running):
        time.sleep(_POLL_SECONDS)
    tracker = session.sparkContext.statusTracker()
    stages = [stage for operation in running for stage in _stages(session, operation.jobTag())]
    while any(info.numActiveTasks for info in map(tracker.getStageInfo, stages) if info):
        time.sleep(_POLL_SECONDS)
    if running:
        _kill_deserted_workers()


def _stages(session: Any, tag: str) -> list[int]:
    tracker = session._jsc.sc().statusTracker()  # noqa: SLF001 - the tracker of Python knows no tags
    found = [tracker.getJobInfo(job) for job in tracker.getJobIdsForTag(tag)]
    return [stage for info in found if info.isDefined() for stage in info.get().stageIds()]


def _kill_deserted_workers() -> None:
    """Kill the Python workers whose connection the JVM has closed; idle and busy ones still have theirs."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "pyspark.daemon" in process.cmdline():
                states = {connection.status for connection in process.net_connections("tcp")}
                if states and states.isdisjoint({psutil.CONN_ESTABLISHED, psutil.CONN_LISTEN}):
                    process.kill()


def _operations(service: Any, user: str) -> Iterator[Any]:
    found = _items(service.executionManager().listExecuteHolders())
    return (operation for operation in found if operation.sessionHolder().userId() == user)


def _items(sequence: Any) -> list[Any]:
    """The elements of a Scala sequence."""
    return [sequence.apply(index) for index in range(sequence.size())]


if __name__ == "__main__":
    main()
