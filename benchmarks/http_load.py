"""A light client: a process of its own that keeps some connections busy and measures each answer.

    python benchmarks/http_load.py PORT CONNECTIONS SECONDS FILE

FILE holds one body a line, base64; its first line holds path, headers and shift as JSON. In a body, NNNNNNNN becomes a
number that no other request has, and TTTTTTTTTTTTTTTTTTTTTTTTTT the time of sending, `shift` seconds ago, so that what
happens later is sent later. Prints one JSON object.
"""

import asyncio
import base64
import itertools
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import uvloop

END = b"\r\n\r\n"
LENGTH = b"content-length:"
NUMBER, TIME = b"N" * 8, b"T" * 26


class Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, sends the next."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        """Take requests from where all connections take them."""
        self.requests, self.buffer, self.times, self.bad = requests, b"", [], 0
        self.done = asyncio.get_running_loop().create_future()
        self.stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.send()

    def send(self) -> None:
        """The next one, unless it is time to stop."""
        if self.stopping:
            self.transport.close()
            self.done.set_result(None)
            return
        self.began = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        """Wait for the end of the answer."""
        self.buffer += data
        head = self.buffer.find(END)
        if head < 0:
            return
        lowered = self.buffer[:head].lower()
        at = lowered.find(LENGTH)
        length = int(lowered[at + len(LENGTH) :].split(b"\r\n", 1)[0])
        if len(self.buffer) < head + len(END) + length:
            return
        self.times.append((self.began, time.perf_counter()))
        self.bad += not self.buffer.startswith(b"HTTP/1.1 200")
        self.buffer = b""
        self.send()


async def load(port: int, connections: int, seconds: float, requests: list[bytes], shift: float) -> dict[str, float]:
    """Keep the connections busy; each takes the next request of the list, which begins anew at its end."""
    loop, shared = asyncio.get_running_loop(), itertools.cycle(requests)
    numbered = map(_fill_in, shared, itertools.count(time.time_ns() // 1_000_000 % 10**8), itertools.repeat(shift))
    opened = [
        (await loop.create_connection(lambda: Connection(numbered), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    for one in opened:
        one.stopping = True
    await asyncio.gather(*(one.done for one in opened))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    times = np.array([end - start for one in opened for start, end in one.times]) * 1000
    return {
        "requests_per_second": round(times.size / took, 1),
        "p50_ms": round(float(np.percentile(times, 50)), 3),
        "p99_ms": round(float(np.percentile(times, 99)), 3),
        "max_ms": round(float(times.max()), 3),
        "requests": int(times.size),
        "failed": sum(one.bad for one in opened),
        "client_cpu_share": round(cpu / took, 3),
    }


def _fill_in(request: bytes, number: int, shift: float) -> bytes:
    if NUMBER not in request:
        return request
    now = datetime.fromtimestamp(time.time() - shift, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").encode()
    return request.replace(NUMBER, b"%08d" % (number % 10**8), 1).replace(TIME, now, 1)


def read_requests(file: Path, port: int) -> tuple[list[bytes], float]:
    """Whole requests, as they go over the wire, and the shift."""
    first, *bodies = file.read_bytes().splitlines()
    about = json.loads(first)
    headers = "".join(f"{name}: {value}\r\n" for name, value in about["headers"].items())
    start = f"POST {about['path']} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}"
    decoded = [base64.b64decode(body) for body in bodies]
    return [f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in decoded], about["shift"]


if __name__ == "__main__":
    own_port, number, duration, place = sys.argv[1:]
    read, ago = read_requests(Path(place), int(own_port))
    uvloop.install()
    print(json.dumps(asyncio.run(load(int(own_port), int(number), float(duration), read, ago))))
