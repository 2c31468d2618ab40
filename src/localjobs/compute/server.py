"""A local Spark Connect server in a process of its own, which lives once: not started, starting, ready, ended."""

import asyncio
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from localjobs.errors import ServerError
from localjobs.runner.processes import SessionProcess
from localjobs.taskside.localjobs_task.spark_server import CONTROL_VARIABLE

TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105 - the name that Spark gives it
RELEASE_SECONDS = 20.0
"""How long the operations of an attempt may take to end before the server is killed with them."""

_POLL_SECONDS = 0.05
_SUBMIT = "PYSPARK_SUBMIT_ARGS"
# Databricks' client cannot read a size with a unit.
_SETTINGS = {
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",
    "spark.sql.session.localRelationSizeLimit": "3221225472",  # the default, without the unit
}


class ConnectServer:
    """Used from one event loop only; nothing runs before the first connection asks for the port."""

    def __init__(self, name: str, cwd: Path, environment: Mapping[str, str], log: Path) -> None:
        """Note what the server will be started with."""
        self.name = name
        self.token = secrets.token_urlsafe(24)
        self.ended = False
        self._cwd = cwd
        self._environment = environment
        self._log = log
        self._process: SessionProcess | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._ready: asyncio.Future[int] | None = None
        self._releases: dict[str, asyncio.Future[None]] = {}
        self._listening: asyncio.Task[None] | None = None

    async def port(self) -> int:
        """Where it listens, once it does.

        Raises:
            ServerError: it has ended, or could not start.
        """
        if self.ended:
            raise self._failure()
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            await self._start()
        return await asyncio.shield(self._ready)

    async def release(self, user: str) -> None:
        """End all that a user has left running; a server that does not manage it is killed."""
        if self.ended or self._ready is None or not self._ready.done() or self._writer is None:
            return
        self._releases[user] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                self._writer.write(f"{user}\n".encode())
                await self._releases[user]
        except (TimeoutError, OSError, asyncio.CancelledError):
            self._end()
        finally:
            self._releases.pop(user)

    async def close(self) -> None:
        """End it in order, so that Spark removes its temporary files; what is left after the grace period is killed."""
        self.ended = True
        if self._process is not None:
            self._process.terminate()
            while self._process.poll() is None:  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(_POLL_SECONDS)

    async def _start(self) -> None:
        here, there = socket.socketpair()
        command = [sys.executable, "-P", "-m", "localjobs_task.spark_server"]
        with there:
            control = there.fileno()
            self._process = SessionProcess(command, self._cwd, self._server_environment(control), self._log, control)
        reader, self._writer = await asyncio.open_connection(sock=here)
        self._listening = asyncio.create_task(self._listen(reader))

    def _server_environment(self, control: int) -> dict[str, str]:
        settings = " ".join(f"--conf {key}={value}" for key, value in _SETTINGS.items())
        given = self._environment.get(_SUBMIT, "pyspark-shell")
        own = {_SUBMIT: f"{settings} {given}", CONTROL_VARIABLE: str(control), TOKEN_VARIABLE: self.token}
        return {name: value for name, value in self._environment.items() if name != "SPARK_REMOTE"} | own

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """The first line is the port, every other one a user who was released; the end of lines is the server's end."""
        while line := (await reader.readline()).decode().strip():
            if self._ready and not self._ready.done():
                self._ready.set_result(int(line))
            elif line in self._releases:
                self._releases[line].set_result(None)
        self._end()

    def _end(self) -> None:
        """Nothing of it goes on, and nobody waits for it any longer."""
        self.ended = True
        if self._process is not None:
            self._process.kill()
        for release in self._releases.values():
            release.cancel()
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(self._failure())
        if self._writer is not None:
            self._writer.close()

    def _failure(self) -> ServerError:
        return ServerError(f"the Spark Connect server of {self.name} has ended; its log is {self._log}")
