"""The shared servers of a command: one for each cluster of each run, started when first connected to."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from localjobs.compute.lease import Lease
from localjobs.compute.server import ConnectServer

ClusterKey = tuple[int, str]
"""A run, and the key of one of its clusters."""


class SharedCompute:
    """Owns the event loop, in a thread of its own, in which all connections are served."""

    def __init__(self) -> None:
        """No server yet."""
        self._servers: dict[ClusterKey, ConnectServer] = {}
        self._closing: list[Future[None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="localjobs-compute", daemon=True)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """End every server that still runs."""
        for key in list(self._servers):
            self.end(key)
        for closing in self._closing:
            closing.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def lease(self, key: ClusterKey, user: str, cwd: Path, environment: Mapping[str, str], log: Path) -> Lease:
        """A way for `user` to the server of a cluster; one that has ended is replaced by a new one."""
        server = self._servers.get(key)
        if server is None or server.ended:
            server = self._servers[key] = ConnectServer(key[1], cwd, environment, log)
        return Lease(server, user, self._loop)

    def end(self, key: ClusterKey) -> None:
        """Begin to end the server of a cluster, if it has one."""
        server = self._servers.pop(key, None)
        if server is not None:
            self._closing.append(asyncio.run_coroutine_threadsafe(server.close(), self._loop))
