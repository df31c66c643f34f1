"""Starts the process that reads a mail, a few at a time, and ends it when it takes too long."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE
from base64 import b64decode
from datetime import datetime

from common.log import get_logger

from gateway.mail.draft import MAX_BYTES, REASONS, Draft, Enclosed, MailRefused

_REFUSED = 3  # the exit code of `gateway.mail.reading`
_SECONDS = 15

log = get_logger()


class MailReader:
    """Reads mails that staff drops; nothing of a mail is parsed in the process that serves requests."""

    def __init__(self, places: int = 2) -> None:
        self._places = asyncio.Semaphore(places)

    async def read(self, content: bytes) -> Draft:
        """The draft of a mail. Raises `MailRefused`."""
        if not content.strip():
            raise MailRefused("empty")
        if len(content) > MAX_BYTES:
            raise MailRefused("too_large")
        async with self._places:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-m", "gateway.mail.reading"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env={"LANG": "C.UTF-8", "PATH": os.defpath},  # no secret of ours
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(_SECONDS):
                    out, said = await process.communicate(content)
            except TimeoutError as error:
                raise MailRefused("too_heavy") from error
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        if process.returncode != 0:
            raise MailRefused(self._reason(process.returncode, said))
        return _draft(json.loads(out))

    def _reason(self, code: int | None, said: bytes) -> str:
        reason = said.decode("ascii", "replace")
        if code == _REFUSED and reason in REASONS:
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
