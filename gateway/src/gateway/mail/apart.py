"""Starts the process that reads a mail, a few at a time, and believes of its answer what a mail may hold."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from common.apart.starting import Bounds, NoWalls, Program, SaidTooMuch
from common.errors import Unavailable
from common.log import get_logger
from common.rooms import Account
from common.sharing import NothingLeft
from common.turns import Turns
from pydantic import AfterValidator, AwareDatetime, Base64Bytes, BaseModel, Field, ValidationError

from gateway.mail.draft import (
    LONGEST_LINE,
    MAX_BYTES,
    MAX_TEXT,
    MOST_ENCLOSED,
    REASONS,
    Draft,
    Enclosed,
    MailRefused,
    clean,
    is_usual,
)

_CODE = ("-m", "gateway.mail.reading")
BOUNDS = Bounds(memory_mib=256, cpu_seconds=8)
PLACES = 2  # at work together
_SECONDS = 15
_PATIENCE_SECONDS = 20  # whose turn is next waits for the longest reading, and no longer
_PIECE_BYTES = 256 * 1024
#: What was enclosed comes back in base64, and beside it two texts in which each character may be escaped.
_MOST_SAID = MAX_BYTES * 4 // 3 + 1024 * 1024

log = get_logger()


class MailsUnread(Unavailable):
    """This machine cannot shut in what reads a mail, and the settings ask that it does; or starts nothing."""

    code = "mails-unread"
    title = "Mails cannot be read here"


class MailReader:
    """Reads mails that staff drops; nothing of a mail is parsed in the process that serves requests."""

    def __init__(
        self, places: int = PLACES, *, needs_walls: bool = True, code: tuple[str, ...] = _CODE
    ) -> None:
        self._turns = Turns(places, patience_seconds=_PATIENCE_SECONDS)
        self._program = Program(code, BOUNDS, needs_walls=needs_walls)

    async def read(self, content: bytes, municipality: str) -> Draft:
        """The draft of a mail. Raises `MailRefused`, or `MailsUnread`.

        Mails of this municipality wait for those of others that had less read lately.
        """
        if not content.strip():
            raise MailRefused("empty")
        if len(content) > MAX_BYTES:
            raise MailRefused("too_large")
        try:
            async with self._turns.place(Account(municipality)):
                said, code, reason = await self._said_of(content)
        except (TimeoutError, SaidTooMuch) as error:
            raise MailRefused("too_heavy") from error
        except NoWalls as error:
            raise MailsUnread("Nothing shuts in here what reads a mail; paste its text.") from error
        except (NothingLeft, OSError) as error:
            raise MailsUnread("No mail can be read at this moment; paste its text.") from error
        if code != 0:
            if reason not in REASONS:
                log.warning("mail.reading_died", code=code)
            raise MailRefused(reason if reason in REASONS else "too_heavy")
        return _draft(said)

    async def _said_of(self, content: bytes) -> tuple[bytes, int, str]:
        """What the process says of a mail, its exit code, and its reason for refusing."""
        async with self._program.running(most_bytes=_MOST_SAID) as process, asyncio.timeout(_SECONDS):
            await process.feed(_pieces(content))
            said = b"".join([piece async for piece in process.said()])
            return said, *await process.ending()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), _PIECE_BYTES):
        yield content[at : at + _PIECE_BYTES]


def _require_clean(text: str) -> str:
    if clean(text) != text:
        raise ValueError("this is not as the reader leaves a text")
    return text


_Line = Annotated[str, Field(max_length=LONGEST_LINE), AfterValidator(_require_clean)]
_Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_require_clean)]


def _require_usual(moment: AwareDatetime) -> AwareDatetime:
    if not is_usual(moment):
        raise ValueError("not every clock has this moment")
    return moment


class _EnclosedSaid(BaseModel, extra="forbid", strict=True):
    name: _Line
    media_type: Literal["image/jpeg", "image/png", "image/webp", "application/pdf"]
    content: Base64Bytes


class _Said(BaseModel, extra="forbid", strict=True, hide_input_in_errors=True):
    """What the process may say: it read what is hostile, and may have been taken over."""

    text: _Text
    sender_name: _Line
    sender_address: _Line
    sent_at: Annotated[AwareDatetime, AfterValidator(_require_usual)] | None
    left_out: _Text
    enclosed: Annotated[list[_EnclosedSaid], Field(max_length=MOST_ENCLOSED)]


def _draft(said: bytes) -> Draft:
    """The draft in an answer; one that no reader of ours gives is of a mail that is not read."""
    try:
        told = _Said.model_validate_json(said)
    except ValidationError as error:
        log.warning("mail.answer_not_believed", faults=error.error_count())
        raise MailRefused("damaged") from error
    return Draft(
        text=told.text,
        sender_name=told.sender_name,
        sender_address=told.sender_address,
        sent_at=told.sent_at,
        left_out=told.left_out,
        enclosed=tuple(Enclosed(each.name, each.media_type, each.content) for each in told.enclosed),
    )
