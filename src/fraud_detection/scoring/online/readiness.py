"""Whether the store answers, asked at most once a second: who asks /readyz needs no token and has no limit of rate."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from fraud_detection.errors import StoreError
from fraud_detection.scoring.online.store import Store

SECONDS: Final = 1.0


class Readiness:
    """What the store last said of itself."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing has been asked yet."""
        self._store, self._clock = store, clock
        self._lock = asyncio.Lock()
        self._good_until = float("-inf")
        self._refusal: str | None = None

    async def check(self) -> None:
        """Ask the store, unless it was asked within the last second.

        Raises:
            StoreError: what it said.
        """
        async with self._lock:
            if self._clock() >= self._good_until:
                self._refusal = await self._ask()
                self._good_until = self._clock() + SECONDS
        if self._refusal is not None:
            raise StoreError(self._refusal)

    async def _ask(self) -> str | None:
        try:
            await self._store.check()
        except StoreError as error:
            return str(error)
        return None
