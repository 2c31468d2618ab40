"""Real servers on this machine: a small one for SMTP, and http.server."""

import asyncio
import threading
from email import message_from_bytes

import pytest

from localjobs.notifiers.notifier import installed_notifiers

NOTICE = {
    "email_notifications": {"on_failure": ["a@example.com"]},
    "webhook_notifications": {"on_failure": [{"id": "ab-1"}]},
}


class SmtpServer:
    """As much of SMTP as one message needs."""

    def __init__(self):
        self.messages = []
        self.refuse = False
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])
        self._thread.start()
        self._ready.wait(10)

    async def _serve(self):
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()

    async def _talk(self, reader, writer):
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).strip().upper():
            if line == b"DATA":
                writer.write(b"354 go on\r\n")
                body = (await reader.readuntil(b"\r\n.\r\n"))[:-5]
                self.messages.append(message_from_bytes(body))
            refused = self.refuse and line.startswith(b"RCPT")
            writer.write(b"221 bye\r\n" if line == b"QUIT" else b"550 no\r\n" if refused else b"250 ok\r\n")
            await writer.drain()
            if line == b"QUIT":
                break
        writer.close()

    def stop(self):
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def smtp():
    server = SmtpServer()
    yield server
    server.stop()


def test_a_failure_reaches_people_and_webhooks(bench, wheel, smtp, hook):
    url, posted = hook
    environment = {"LOCALJOBS_SMTP": f"smtp://127.0.0.1:{smtp.port}", "LOCALJOBS_SMTP_FROM": "jobs@example.com"}
    notifiers = installed_notifiers({**environment, "LOCALJOBS_WEBHOOK_AB_1": f"{url}/hook"})
    run = bench.run([wheel("a", "fail", **NOTICE)], notifiers=notifiers, **NOTICE)
    task_mail, run_mail = smtp.messages
    assert (task_mail["From"], task_mail["To"]) == ("jobs@example.com", "a@example.com")
    assert task_mail["Subject"].startswith("[localjobs] a: attempt 1 FAILED after ")
    assert "it was meant to fail" in task_mail.get_payload()
    assert run_mail["Subject"].startswith("[localjobs] the job: FAILED after ")
    assert str(run.run_id) in run_mail.get_payload()
    assert [told["event_type"] for told in posted] == ["jobs.on_failure"] * 2
    assert posted[0]["task"] == {"task_key": "a"}
    assert posted[1]["run"] == {"run_id": str(run.run_id)}
    assert [told.delivery for told in run.notifications] == ["sent by SMTP", "sent by HTTP POST: 204"] * 2


@pytest.mark.parametrize(
    ("variables", "email", "webhook"),
    [
        ({}, "not sent: set LOCALJOBS_SMTP to smtp://host:port", "not sent: set LOCALJOBS_WEBHOOK_AB_1 to the URL"),
        (
            {"LOCALJOBS_SMTP": "smtp://127.0.0.1:1", "LOCALJOBS_WEBHOOK_AB_1": "file:///etc/passwd"},
            "failed: ConnectionRefusedError",
            "not sent: LOCALJOBS_WEBHOOK_AB_1 must be an http",
        ),
        ({"LOCALJOBS_WEBHOOK_AB_1": "{url}/broken"}, "not sent", "failed: HTTPError: HTTP Error 500"),
    ],
)
def test_what_cannot_be_delivered_is_written_down_and_fails_no_run(bench, wheel, hook, variables, email, webhook):
    environment = {name: text.format(url=hook[0]) for name, text in variables.items()}
    task = wheel("a", "fail", **NOTICE)
    run = bench.run([task, wheel("b", after=["a"], run_if="ALL_DONE")], notifiers=installed_notifiers(environment))
    assert run.result == "SUCCESS_WITH_FAILURES"
    first, second = (told.delivery for told in run.notifications)
    assert first.startswith(email)
    assert second.startswith(webhook)


def test_a_server_that_refuses_the_address_is_written_down(bench, wheel, smtp):
    smtp.refuse = True
    notifiers = installed_notifiers({"LOCALJOBS_SMTP": f"smtp://127.0.0.1:{smtp.port}"})
    run = bench.run([wheel("a", "fail")], notifiers=notifiers, email_notifications={"on_failure": ["a@example.com"]})
    assert run.notifications[0].delivery.startswith("failed: SMTPRecipientsRefused")
    assert smtp.messages == []


def test_a_notifier_that_is_plugged_in_hears_of_everything(bench, wheel):
    class Keeper:
        def deliver(self, notification, run):
            return f"kept for {run.job_key}" if notification.channel == "email" else None

    run = bench.run([wheel("a", "fail", **NOTICE)], notifiers=[Keeper()])
    assert [told.delivery for told in run.notifications] == ["kept for job", "not sent: no notifier for this channel"]
