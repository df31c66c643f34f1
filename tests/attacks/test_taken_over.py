"""A program apart that was taken over, and who started it: no flood, no lie that breaks it, nothing kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from common.apart.starting import Bounds, Program, SaidTooMuch
from common.rooms import Account
from common.sealing import Recipient, generate_key_pair
from gateway.mail import MailReader, MailRefused
from intake.attachments import Attachments, Upload
from intake.files.blobs import FolderBlobs
from intake.files.claims import FileLimits
from intake.files.kinds import FileKind
from intake.files.refusals import FileRefused, FileTooLarge
from intake.files.workshop import Bounds as WorkshopBounds
from intake.files.workshop import Workshop

from tests.support.backing import Backing
from tests.support.intake import Desk, intake_desk
from tests.support.intake_files import files_below, rows

_CODE = (str(Path(__file__).parents[1] / "support" / "taken_over.py"),)
_MIB = 1024 * 1024
_SOMEBODY = Account("zandrecht")
_JPEG = b"\xff\xd8\xff"
_DRAFT: dict[str, Any] = {
    "text": "Elke nacht busjes.",
    "sender_name": "",
    "sender_address": "",
    "sent_at": None,
    "left_out": "",
    "enclosed": [],
}
_ENCLOSED = {"name": "a.jpg", "media_type": "image/jpeg", "content": "/9j/"}


def asking(**what: Any) -> bytes:
    """Content by which the program does this."""
    return json.dumps(what).encode()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _hear(pieces: AsyncIterator[bytes], heard: bytearray) -> None:
    async for piece in pieces:
        heard += piece


async def _hear_clean(cleaned: AbstractAsyncContextManager[AsyncIterator[bytes]]) -> None:
    async with cleaned as pieces:
        await _hear(pieces, bytearray())


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path) as made:
        yield made


async def test_no_more_is_heard_of_a_program_than_it_may_say() -> None:
    program, heard = Program(_CODE, Bounds(512, 60)), bytearray()
    async with asyncio.timeout(60), program.running(most_bytes=_MIB) as process:
        await process.feed(_once(asking(floods=64, stays=True)))
        with pytest.raises(SaidTooMuch):
            await _hear(process.said(), heard)
    assert 0 < len(heard) <= _MIB


async def test_a_program_that_nobody_hears_out_is_ended_all_the_same() -> None:
    program = Program(_CODE, Bounds(512, 60))
    async with asyncio.timeout(60), program.running(most_bytes=_MIB) as process:
        await process.feed(_once(asking(floods=64, stays=True)))
        await anext(process.said())


async def test_a_flood_instead_of_a_draft_is_a_mail_that_is_too_heavy() -> None:
    with pytest.raises(MailRefused) as refused:
        await MailReader(code=_CODE).read(asking(floods=40), "zandrecht")
    assert refused.value.reason == "too_heavy"


@pytest.mark.parametrize(
    "says",
    [
        pytest.param("", id="nothing"),
        pytest.param("[]", id="another kind"),
        pytest.param("[" * 50_000, id="nested without end"),
        pytest.param(json.dumps({**_DRAFT, "text": ["x"]}), id="a text that is none"),
        pytest.param(json.dumps({**_DRAFT, "text": "\ud800"}), id="half a character"),
        pytest.param(json.dumps({**_DRAFT, "text": "x\0"}), id="a control character"),
        pytest.param(json.dumps({**_DRAFT, "text": "x" * 10_001}), id="a long text"),
        pytest.param(json.dumps({**_DRAFT, "sender_name": "x" * 201}), id="a long name"),
        pytest.param(json.dumps({**_DRAFT, "sent_at": "gisteren"}), id="no moment"),
        pytest.param(json.dumps({**_DRAFT, "sent_at": "2026-11-30T09:00:00"}), id="no time zone"),
        pytest.param(json.dumps({**_DRAFT, "sent_at": "9999-12-31T23:59:59-14:00"}), id="the end of time"),
        pytest.param(json.dumps({**_DRAFT, "more": 1}), id="a field of its own"),
        pytest.param(json.dumps({**_DRAFT, "enclosed": None}), id="no list"),
        pytest.param(json.dumps({**_DRAFT, "enclosed": [_ENCLOSED] * 21}), id="many files"),
        pytest.param(
            json.dumps({**_DRAFT, "enclosed": [{**_ENCLOSED, "media_type": "image/png\r\nPurpose: x"}]}),
            id="a header in a media type",
        ),
        pytest.param(
            json.dumps({**_DRAFT, "enclosed": [{**_ENCLOSED, "content": "/9j"}]}), id="no bytes of a file"
        ),
    ],
)
async def test_a_draft_that_no_reader_gives_is_a_mail_that_is_not_read(says: str) -> None:
    with pytest.raises(MailRefused) as refused:
        await MailReader(code=_CODE).read(asking(says=says), "zandrecht")
    assert refused.value.reason == "damaged"


async def test_a_draft_that_a_reader_gives_is_believed() -> None:
    said = {**_DRAFT, "sent_at": "2026-11-30T08:00:00+00:00", "enclosed": [_ENCLOSED]}
    draft = await MailReader(code=_CODE).read(asking(says=json.dumps(said)), "zandrecht")
    assert (draft.text, [each.content for each in draft.enclosed]) == ("Elke nacht busjes.", [_JPEG])


async def test_a_clean_file_is_no_larger_than_its_kind_may_be() -> None:
    workshop = Workshop(1, WorkshopBounds(seconds=60), code=_CODE)
    for _ in range(2):  # the place is free again
        cleaned = workshop.cleaned(FileKind.JPEG, _once(asking(floods=4)), most_bytes=_MIB, account=_SOMEBODY)
        with pytest.raises(FileTooLarge):
            await _hear_clean(cleaned)


@pytest.mark.parametrize(
    ("what", "refusal"),
    [
        ({"floods": 3}, FileTooLarge),
        ({"floods": 1, "code": 1}, FileRefused),
        ({"floods": 1, "code": 0}, None),
    ],
)
async def test_of_a_file_that_is_refused_to_its_last_piece_nothing_stays(
    desk: Desk, what: dict[str, Any], refusal: type[Exception] | None
) -> None:
    folder = desk.settings.files_folder
    attachments = Attachments(
        desk.database,
        FolderBlobs(folder / "kept"),
        Workshop(1, WorkshopBounds(seconds=60), code=_CODE),
        folder / "arriving",
    )
    recipient = Recipient("general", "k1", generate_key_pair().public)

    async def take() -> None:
        upload = Upload(_once(_JPEG + asking(**what)))
        await attachments.take("zandrecht", upload, FileLimits(1, 2 * _MIB, 2 * _MIB), lambda: recipient)

    if refusal is None:
        await take()
        assert (len(await rows(desk)), len(files_below(folder / "kept"))) == (1, 1)
        return
    with pytest.raises(refusal):
        await take()
    assert (await rows(desk), files_below(folder)) == ([], [])
