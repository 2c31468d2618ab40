"""Hands notifications to the notifiers beside the run, so that a slow server delays nothing."""

from concurrent.futures import Future, ThreadPoolExecutor, wait

from localjobs.notifiers.notifier import Notifier, deliver
from localjobs.state.records import Notification, Run

PATIENCE_SECONDS = 30
"""How long the end of a run waits for deliveries."""


class Postbox:
    """The notifications of one run, in order, with what became of each."""

    def __init__(self, notifiers: list[Notifier], earlier: tuple[Notification, ...]) -> None:
        """Begin after those of the run before it was repaired."""
        self._notifiers = notifiers
        self._earlier = earlier
        self._posted: list[tuple[Notification, Future[str]]] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="localjobs-notify")

    def post(self, notifications: list[Notification], run: Run) -> None:
        """Deliver them one after the other."""
        for one in notifications:
            self._posted.append((one, self._pool.submit(deliver, self._notifiers, one, run)))

    def notifications(self) -> tuple[Notification, ...]:
        """All notifications as they stand now."""
        return (*self._earlier, *(_as_it_stands(one, future) for one, future in self._posted))

    def close(self) -> None:
        """Wait for what is under way, but not for ever."""
        wait([future for _, future in self._posted], PATIENCE_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)


def _as_it_stands(notification: Notification, future: Future[str]) -> Notification:
    done = future.done() and not future.cancelled()
    return notification.model_copy(update={"delivery": future.result()}) if done else notification
