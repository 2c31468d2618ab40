"""Answers to what cannot be scored: problem details (RFC 9457), never a stack trace."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
PREFIX: Final = "urn:fraud:problem:"
RETRY_SECONDS: Final = "5"

CODES: Final[Mapping[str, tuple[int, str]]] = {
    "not_json": (400, "The body is not JSON"),
    "bad_request": (400, "The request cannot be read"),
    "unauthorised": (401, "A valid token is needed"),
    "not_found": (404, "There is no such address"),
    "bad_method": (405, "The method does not fit the address"),
    "slow_body": (408, "The body took too long to arrive"),
    "too_large": (413, "The body is too large"),
    "bad_media_type": (415, "The body has a type that is not read here"),
    "invalid": (422, "A transaction breaks the contract"),
    "too_many": (429, "There are too many requests"),
    "failed": (500, "The request failed"),
    "store_down": (503, "The online store does not answer"),
    "no_champion": (503, "There is no champion to score with"),
    "model_failed": (503, "The model cannot be used"),
}
"""Every code, with its status and title."""


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a body: where (JSON pointer), and what."""

    pointer: str
    code: str
    detail: str


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818  an answer, which happens to be raised
    """What is answered instead of a score."""

    code: str
    detail: str
    faults: Sequence[Fault] = field(default_factory=tuple)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return CODES[self.code][0]

    def response(self) -> Response:
        """The answer itself."""
        content: dict[str, Any] = {"type": PREFIX + self.code, "title": CODES[self.code][1], "status": self.status}
        content |= {"detail": self.detail} if self.detail else {}
        content |= {"errors": [vars(fault) for fault in self.faults]} if self.faults else {}
        return Response(json.dumps(content), self.status, self._headers(), MEDIA_TYPE)

    def _headers(self) -> dict[str, str]:
        if self.status == HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer"}
        if self.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
            return {"Retry-After": RETRY_SECONDS}
        if self.status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT}:
            return {"Connection": "close"}  # the rest of the body is not read
        return {}


def store_down(error: Exception) -> Problem:
    """What a caller hears of a store that fails: what a database says, names of hosts and users, is for the log."""
    log.error("%s", error)
    return Problem("store_down", "the app's log says why; ask again later")
