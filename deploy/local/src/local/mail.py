"""A mail server for one machine: keeps every mail as a file and sends none on."""

import ssl
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from local.servers.ports import LOOPBACK


class MailCatcher:
    """Catches what the notifier sends; each mail is an .eml file with its recipients in `X-Caught-For`."""

    def __init__(self, folder: Path, port: int, context: ssl.SSLContext | None = None) -> None:
        """`context`: it then takes mail over STARTTLS only."""
        self._context = context
        self.folder = folder
        self.port = port
        self._controller: Controller | None = None
        self._refusals = 0
        self._lock = threading.Lock()
        self._count = 0

    def start(self) -> None:
        """Listen; nothing when it does already."""
        if self._controller is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._count = len(list(self.folder.glob("*.eml")))
            self._controller = Controller(
                self,
                hostname=LOOPBACK,
                port=self.port,
                tls_context=self._context,
                require_starttls=self._context is not None,
            )
            self._controller.start()

    def stop(self) -> None:
        """Stop listening; the mails stay."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def refuse(self, count: int) -> None:
        """Refuse the next recipients for now, as a busy server does."""
        with self._lock:
            self._refusals = count

    def messages(self) -> list[EmailMessage]:
        """Every mail that was caught, oldest first."""
        found = []
        for file in sorted(self.folder.glob("*.eml")):
            message: Any = message_from_bytes(file.read_bytes(), policy=policy.default)
            found.append(message)
        return found

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd names it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or refuse it for now."""
        with self._lock:
            if self._refusals > 0:
                self._refusals -= 1
                return "451 4.3.2 busy, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        recipients = ", ".join(envelope.rcpt_tos)
        with self._lock:
            self._count += 1
            name = f"{time.time_ns()}-{self._count:06d}.eml"
        part = self.folder / f"{name}.part"
        part.write_bytes(f"X-Caught-For: {recipients}\r\n".encode() + raw)
        part.replace(self.folder / name)
        return "250 OK"
