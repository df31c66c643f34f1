"""Starts the process that reads a mail, a few at a time, and ends it when it takes too long."""

import asyncio
import json
from base64 import b64decode
from datetime import datetime

from common.apart.inside import REFUSED, SHUT
from common.apart.starting import Bounds, Program, ended
from common.errors import Unavailable
from common.log import get_logger

from gateway.mail.draft import MAX_BYTES, REASONS, Draft, Enclosed, MailRefused

_CODE = ("-m", "gateway.mail.reading")
_BOUNDS = Bounds(memory_mib=768, cpu_seconds=8)
_SECONDS = 15

log = get_logger()


class MailsUnread(Unavailable):
    """This machine cannot shut in what reads a mail, and the settings ask that it does."""

    code = "mails-unread"
    title = "Mails cannot be read here"


class MailReader:
    """Reads mails that staff drops; nothing of a mail is parsed in the process that serves requests."""

    def __init__(self, places: int = 2, *, needs_walls: bool = True, code: tuple[str, ...] = _CODE) -> None:
        self._places = asyncio.Semaphore(places)
        self._program = Program(code, _BOUNDS, needs_walls=needs_walls)

    async def read(self, content: bytes) -> Draft:
        """The draft of a mail. Raises `MailRefused`, or `MailsUnread`."""
        if not content.strip():
            raise MailRefused("empty")
        if len(content) > MAX_BYTES:
            raise MailRefused("too_large")
        async with self._places:
            process = await self._program.start()
            try:
                async with asyncio.timeout(_SECONDS):
                    out, said = await process.communicate(content)
            except TimeoutError as error:
                raise MailRefused("too_heavy") from error
            finally:
                await ended(process)
        if process.returncode != 0:
            raise MailRefused(self._reason(process.returncode, said))
        return _draft(json.loads(out))

    def _reason(self, code: int | None, said: bytes) -> str:
        if code == SHUT:
            raise MailsUnread("This machine has no walls to read a mail behind; paste its text.")
        reason = said.decode("ascii", "replace")
        if code == REFUSED and reason in REASONS:
            return reason
        log.warning("mail.reading_died", code=code)
        return "too_heavy"


def _draft(told: dict[str, object]) -> Draft:
    sent_at, enclosed = told["sent_at"], told["enclosed"]
    assert isinstance(enclosed, list)  # noqa: S101 -- our own words
    return Draft(
        text=str(told["text"]),
        sender_name=str(told["sender_name"]),
        sender_address=str(told["sender_address"]),
        sent_at=datetime.fromisoformat(str(sent_at)) if sent_at else None,
        left_out=str(told["left_out"]),
        enclosed=tuple(
            Enclosed(each["name"], each["media_type"], b64decode(each["content"])) for each in enclosed
        ),
    )
