"""A mail server of the tests: keeps what it takes, and can refuse or be slow."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from local.servers import free_port


class Catcher:
    """Everything that was delivered, and what the server answers next."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: list[str] = []  # for the next recipients, first first; then "250 OK"
        self.delay = 0.0
        self.then: Callable[[], Awaitable[None]] | None = None  # after a message was taken, before its answer

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd names it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message."""
        await asyncio.sleep(self.delay)
        content = envelope.content
        assert isinstance(content, bytes)
        message: Any = message_from_bytes(content, policy=policy.default)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        if self.then is not None:
            await self.then()
        return "250 OK"


@contextmanager
def catching(catcher: Catcher | None = None) -> Iterator[Catcher]:
    """A running server; it stops at the end."""
    catcher = catcher or Catcher()
    controller = Controller(catcher, hostname="127.0.0.1", port=catcher.port)
    controller.start()
    try:
        yield catcher
    finally:
        controller.stop()
