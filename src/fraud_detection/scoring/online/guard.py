"""In front of every address: the token, the rate, the size of bodies, and what is counted of each request."""

import hmac
import time
from asyncio import timeout
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraud_detection.scoring.online.metrics import LATENCY, REQUESTS
from fraud_detection.scoring.online.problems import Problem
from fraud_detection.scoring.online.settings import ServingSettings

BEARER: Final = b"bearer "
OWN_HEADER: Final = b"x-api-key"
SAFETY: Final = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
OTHER: Final = "other"


@dataclass
class Bucket:
    """Lets through so many a second on average, and some more at once."""

    rate: float
    size: float
    level: float = field(init=False)
    filled_at: float = field(init=False)

    def __post_init__(self) -> None:
        """Start full."""
        self.level, self.filled_at = self.size, time.monotonic()

    def take(self) -> bool:
        """Whether one more may pass."""
        now = time.monotonic()
        self.level = min(self.size, self.level + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Guard:
    """ASGI middleware. Of `open_paths` anybody may ask; of `paths` each has figures of its own."""

    def __init__(
        self,
        app: ASGIApp,
        tokens: Sequence[bytes],
        settings: ServingSettings,
        paths: Collection[str],
        open_paths: Collection[str],
    ) -> None:
        """Guard an app; each worker lets its part of the requests pass."""
        self._app, self._tokens, self._settings = app, tokens, settings
        self._paths, self._open = paths, open_paths
        share = 1 / settings.workers
        self._allowed = Bucket(settings.requests_per_second * share, max(1, settings.burst * share))
        self._refused = Bucket(settings.refusals_per_second * share, max(1, settings.refusals_per_second * share))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, path = time.perf_counter(), scope["path"] if scope["path"] in self._paths else OTHER
        status = [500]

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                message = {**message, "headers": [*message["headers"], *SAFETY]}
            await send(message)

        try:
            problem = self._find_problem(scope)
            answer = problem.response() if problem else self._app
            await answer(scope, receive, send_noted)
        finally:
            REQUESTS.labels(path, status[0]).inc()
            LATENCY.labels(path).observe(time.perf_counter() - began)

    def _find_problem(self, scope: Scope) -> Problem | None:
        if scope["path"] in self._open:
            return None
        headers = dict(scope["headers"])
        if not self._knows(_find_token(headers)):
            slow = not self._refused.take()
            return _TOO_MANY_REFUSED if slow else _UNAUTHORISED
        if not self._allowed.take():
            return _TOO_MANY
        size = headers.get(b"content-length", b"0")
        return too_large(self._settings.max_body_bytes) if int(size) > self._settings.max_body_bytes else None

    def _knows(self, token: bytes) -> bool:
        """Compare with each token, in a time that tells nothing of how much was right."""
        return any([hmac.compare_digest(token, known) for known in self._tokens])  # noqa: C419  none is left out


_UNAUTHORISED = Problem("unauthorised", "expected the app's token: Authorization: Bearer …, or X-Api-Key: …")
_TOO_MANY = Problem("too_many", "expected fewer requests a second; put several transactions into one")
_TOO_MANY_REFUSED = Problem("too_many", "expected fewer requests without a valid token")


def too_large(limit: int) -> Problem:
    """The answer to a body above the limit."""
    return Problem("too_large", f"expected at most {limit} bytes")


async def read_body(request: Request, settings: ServingSettings, types: Mapping[str, str]) -> bytes:
    """The whole body, of one of the media types, within the limits of size and time.

    Raises:
        Problem: too_large, slow_body or bad_media_type.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in types:
        raise Problem("bad_media_type", f"{kind or 'no type'} was sent; expected {' or '.join(types)}")
    body = bytearray()
    try:
        async with timeout(settings.body_seconds):
            async for part in request.stream():
                body += part
                if len(body) > settings.max_body_bytes:
                    raise too_large(settings.max_body_bytes)
    except TimeoutError as error:
        raise Problem("slow_body", f"expected the whole body within {settings.body_seconds:g} seconds") from error
    return bytes(body)


def _find_token(headers: Mapping[bytes, bytes]) -> bytes:
    """Of X-Api-Key, else of Authorization, which on Databricks holds the caller's own token for the platform."""
    if OWN_HEADER in headers:
        return headers[OWN_HEADER]
    value = headers.get(b"authorization", b"")
    return value[len(BEARER) :] if value[: len(BEARER)].lower() == BEARER else b""


async def answer_problem(_request: Request, error: Exception) -> Response:
    """What raised a problem answers it."""
    assert isinstance(error, Problem)  # noqa: S101  registered for problems only
    return error.response()


async def answer_http_error(_request: Request, error: Exception) -> Response:
    """No such address, or another method."""
    assert isinstance(error, HTTPException)  # noqa: S101  registered for these only
    codes = {404: "not_found", 405: "bad_method"}
    return Problem(codes.get(error.status_code, "bad_request"), "see openapi.json for the addresses").response()


async def answer_failure(_request: Request, _error: Exception) -> Response:
    """Anything that nobody expected; the log has it, the answer tells nothing of it."""
    return Problem("failed", "nothing was scored; the log of the app says why").response()
