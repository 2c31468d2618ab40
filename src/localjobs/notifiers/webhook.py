"""Webhooks: the platform's message by HTTP POST."""

import json
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localjobs.state.records import Notification, Run

PREFIX = "LOCALJOBS_WEBHOOK_"
"""`LOCALJOBS_WEBHOOK_<ID OF THE DESTINATION>` holds the URL that stands for a destination of the workspace."""
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class WebhookNotifier:
    """Posts one message for each notification."""

    environment: Mapping[str, str]

    def deliver(self, notification: Notification, run: Run) -> str | None:
        """Post to the destination."""
        if notification.channel != "webhook":
            return None
        name = PREFIX + re.sub(r"[^A-Z0-9]", "_", notification.to.upper())
        url = self.environment.get(name)
        if not url:
            return f"not sent: set {name} to the URL of the destination"
        if not url.startswith(("http://", "https://")):
            return f"not sent: {name} must be an http:// or https:// URL"
        body = json.dumps(message_of(notification, run)).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - http only, see above
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the same
            return f"sent by HTTP POST: {answer.status}"


def message_of(notification: Notification, run: Run) -> dict[str, Any]:
    """The message in the platform's shape."""
    task = {"task": {"task_key": notification.task}} if notification.task else {}
    return {
        "event_type": f"jobs.{notification.occasion}",
        "workspace_id": "0",
        "job": {"job_id": str(run.job_id), "name": run.job_name},
        "run": {"run_id": str(run.run_id)},
        **task,
        "text": notification.text,
    }
