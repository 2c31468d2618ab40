"""What one attempt holds of a shared server: a door of its own, through which only its connections go."""

import asyncio
from concurrent.futures import Future

from localjobs.compute.server import TOKEN_VARIABLE, ConnectServer
from localjobs.errors import ServerError
from localjobs.runner.executions import Execution, Outcome
from localjobs.state.records import Process
from localjobs.states import Result

_BUFFER_BYTES = 1 << 20


class Lease:
    """Lets an attempt connect, and the first connection start the server."""

    def __init__(self, server: ConnectServer, user: str, loop: asyncio.AbstractEventLoop) -> None:
        """Open the door."""
        self.problem = ""
        self._server = server
        self._user = user
        self._loop = loop
        self._connections: set[asyncio.Task[None]] = set()
        self._connected = False
        opening = asyncio.start_server(self._admit, "127.0.0.1", 0, limit=_BUFFER_BYTES)
        self._door = asyncio.run_coroutine_threadsafe(opening, loop).result()

    @property
    def environment(self) -> dict[str, str]:
        """By what Spark's clients find the door; with a token they go without TLS to `localhost` only."""
        port = self._door.sockets[0].getsockname()[1]
        return {"SPARK_REMOTE": f"sc://localhost:{port}/;user_id={self._user}", TOKEN_VARIABLE: self._server.token}

    def release(self) -> "Future[None]":
        """Cut the connections, then end what they have started; done when nothing of it is left."""
        return asyncio.run_coroutine_threadsafe(self._release(), self._loop)

    async def _release(self) -> None:
        self._door.close()
        for connection in self._connections:
            connection.cancel()
        if self._connected:
            await self._server.release(self._user)

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None  # noqa: S101 - asyncio calls this in a task
        self._connections.add(connection)
        try:
            await self._connect(reader, writer)
        except ServerError as error:
            self.problem = str(error)
        except (OSError, asyncio.CancelledError):
            """One side has gone: the other one sees the same."""
        finally:
            self._connections.discard(connection)
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = await self._server.port()
        self._connected = True
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port, limit=_BUFFER_BYTES)
        try:
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
        finally:
            there_writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Hand bytes on until one side closes; then the other one is closed too."""
    while data := await source.read(_BUFFER_BYTES):
        sink.write(data)
        await sink.drain()
    sink.close()


class LeasedExecution:
    """An execution that is over when its process has ended and the server holds nothing of it any more."""

    started_run_id = None

    def __init__(self, execution: Execution, lease: Lease) -> None:
        """Watch both."""
        self._execution = execution
        self._lease = lease
        self._outcome: Outcome | None = None
        self._released: Future[None] | None = None

    @property
    def process(self) -> Process | None:
        """The process that does the work."""
        return self._execution.process

    def poll(self) -> Outcome | None:
        """The outcome, once nothing of the attempt is left anywhere."""
        if self._outcome is None:
            if self._lease.problem:
                self._execution.stop(Result.FAILED, self._lease.problem)
            self._outcome = self._execution.poll()
        if self._outcome is None:
            return None
        self._released = self._released or self._lease.release()
        return self._outcome if self._released.done() else None

    def stop(self, result: Result, message: str) -> None:
        """Ask the process for an end."""
        self._execution.stop(result, message)

    def kill(self) -> None:
        """End the process at once."""
        self._execution.kill()
