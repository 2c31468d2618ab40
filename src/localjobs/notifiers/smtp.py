"""E-mail by SMTP."""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Self
from urllib.parse import urlsplit

from localjobs.state.records import Notification, Run

SERVER_VARIABLE = "LOCALJOBS_SMTP"
"""`smtp://[user@]host[:port]`, or `smtps://…` for TLS from the first byte; with STARTTLS where the server offers it."""
PASSWORD_VARIABLE = "LOCALJOBS_SMTP_PASSWORD"  # noqa: S105 - the name of a variable, not a secret
SENDER_VARIABLE = "LOCALJOBS_SMTP_FROM"
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class SmtpNotifier:
    """Sends one message for each notification."""

    server: str
    password: str = ""
    sender: str = "localjobs@localhost"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The server that the environment names, if it does."""
        sender = environment.get(SENDER_VARIABLE, "localjobs@localhost")
        return cls(environment.get(SERVER_VARIABLE, ""), environment.get(PASSWORD_VARIABLE, ""), sender)

    def deliver(self, notification: Notification, run: Run) -> str | None:
        """Send a message to the address."""
        if notification.channel != "email":
            return None
        if not self.server:
            return f"not sent: set {SERVER_VARIABLE} to smtp://host:port"
        message = EmailMessage()
        message["From"], message["To"] = self.sender, notification.to
        message["Subject"] = " ".join(f"[localjobs] {notification.text}".split())
        message.set_content(f"{notification.text}\n\njob {run.job_name}, run {run.run_id}, target {run.target}\n")
        with self._connect() as connection:
            connection.send_message(message)
        return "sent by SMTP"

    def _connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.server)
        host, port = parts.hostname or "localhost", parts.port or 0
        if parts.scheme == "smtps":
            context = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            connection = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
            connection.ehlo_or_helo_if_needed()
            if connection.has_extn("starttls"):
                connection.starttls(context=ssl.create_default_context())
        if parts.username:
            connection.login(parts.username, self.password)
        return connection
