"""What a notifier is, and all of them together: plug-ins of the entry-point group `localjobs.notifiers`."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Protocol

from localjobs.notifiers.smtp import SmtpNotifier
from localjobs.notifiers.webhook import WebhookNotifier
from localjobs.state.records import Notification, Run

GROUP = "localjobs.notifiers"
NOBODY = "not sent: no notifier for this channel"


class Notifier(Protocol):
    """Delivers notifications. It is called in a thread of its own, so it may take its time."""

    def deliver(self, notification: Notification, run: Run) -> str | None:
        """How the notification was delivered, or why not; None if the notifier has nothing to do with it."""


def installed_notifiers(environment: Mapping[str, str]) -> list[Notifier]:
    """Those by SMTP and HTTP, configured by environment variables, then the plug-ins: callables that return one."""
    plugged: list[Notifier] = [point.load()() for point in entry_points(group=GROUP)]
    return [SmtpNotifier.from_environment(environment), WebhookNotifier(environment), *plugged]


def deliver(notifiers: list[Notifier], notification: Notification, run: Run) -> str:
    """What all notifiers have to say about the delivery."""
    answers = [_ask(notifier, notification, run) for notifier in notifiers]
    return "; ".join(answer for answer in answers if answer) or NOBODY


def _ask(notifier: Notifier, notification: Notification, run: Run) -> str | None:
    try:
        return notifier.deliver(notification, run)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong on the way to a person, the run goes on
        return f"failed: {type(error).__name__}: {error}"
