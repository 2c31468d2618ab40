"""Requests that arrive together are computed together: most of the work of one serves them all."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fraud_detection.features.online import Incoming
from fraud_detection.scoring.online.problems import Problem

Compute = Callable[[Sequence[Incoming]], Awaitable[list[bytes]]]


@dataclass(frozen=True)
class Order:
    """Transactions to score together, and who waits for the answers."""

    transactions: Sequence[Incoming]
    answers: "asyncio.Future[list[bytes]]"


class Batcher:
    """Takes what waits, up to a limit, computes it, and hands the answers out; a lone request waits for nobody."""

    def __init__(self, compute: Compute, most: int, gather_seconds: float = 0.0) -> None:
        """Compute at most so many transactions at a time."""
        self._compute, self._most, self._gather_seconds = compute, most, gather_seconds
        self._waiting: asyncio.Queue[Order] = asyncio.Queue()
        self._left: deque[Order] = deque()

    async def submit(self, transactions: Sequence[Incoming]) -> list[bytes]:
        """The answers to transactions, in their order; many go in parts by time, so that nobody else waits long."""
        order = sorted(range(len(transactions)), key=lambda place: _moment(transactions[place]))
        answers: dict[int, bytes] = {}
        for first in range(0, len(order), self._most):
            part = order[first : first + self._most]
            done: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
            self._waiting.put_nowait(Order([transactions[place] for place in part], done))
            answers.update(zip(part, await done, strict=True))
        return [answers[place] for place in range(len(transactions))]

    async def run(self) -> None:
        """Compute for ever; several may run beside each other."""
        orders: Sequence[Order] = ()
        while True:
            if len(orders) > 1:
                await self._gather(len(orders) + self._waiting.qsize())
            first = self._left.popleft() if self._left else await self._waiting.get()
            orders = self._take(first)
            await self._serve(orders)

    async def _gather(self, expected: int) -> None:
        """Give callers that have just been answered together the moment that they need to ask again together."""
        end = time.perf_counter() + self._gather_seconds
        while self._waiting.qsize() < min(expected, self._most) and time.perf_counter() < end:  # noqa: ASYNC110  a poll of sockets
            await asyncio.sleep(0)

    def _take(self, first: Order) -> list[Order]:
        """What waits already, as far as it fits; a transaction that is sent twice at once is scored twice in turn."""
        orders = [first]
        seen = {one.transaction_id for one in first.transactions}
        while not self._waiting.empty():
            order = self._waiting.get_nowait()
            ids = {one.transaction_id for one in order.transactions}
            if len(seen) + len(ids) > self._most or seen & ids:
                self._left.append(order)
                break
            orders.append(order)
            seen |= ids
        return orders

    async def _serve(self, orders: Sequence[Order]) -> None:
        try:
            answers = iter(await self._compute([one for order in orders for one in order.transactions]))
        except Exception as error:  # noqa: BLE001  whatever it is, those who wait must hear of it
            await self._fail(orders, error)
            return
        for order in orders:
            own = [next(answers) for _ in order.transactions]
            if not order.answers.done():  # who waited may have gone
                order.answers.set_result(own)

    async def _fail(self, orders: Sequence[Order], error: Exception) -> None:
        """A problem is everybody's; any other error may be about one transaction, which must not fail the others."""
        if len(orders) > 1 and not isinstance(error, Problem):
            for order in orders:
                await self._serve([order])
            return
        for order in orders:
            if not order.answers.done():
                order.answers.set_exception(error)


def _moment(one: Incoming) -> tuple[int, str]:
    return one.event_time, one.transaction_id
