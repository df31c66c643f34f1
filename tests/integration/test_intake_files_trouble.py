"""Files while something is away, full, slow or hostile: told by name, and reports still come in."""

import asyncio
import secrets
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from common.contracts.codes import Role
from intake.files.blobs import FolderBlobs, NoSuchBlob

from tests.support import files
from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report
from tests.support.intake_files import (
    files_below,
    named,
    rows,
    taken,
)

MIB = 1024 * 1024


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path, files_max_photo_mib=2, files_max_pdf_mib=3) as made:
        yield made


async def test_a_full_or_missing_folder_is_told_and_reports_still_come_in(desk: Desk) -> None:
    folder = desk.settings.files_folder
    for name in ("arriving", "kept"):
        (folder / name).rename(folder / "away")
        answer = await desk.send_file(files.photo())
        assert (answer.status_code, answer.json()["code"]) == (503, "files-unavailable")
        assert answer.headers["retry-after"]
        (folder / "away").rename(folder / name)
    assert (await desk.send(report())).status_code == 201
    assert (await taken(desk))["id"]


async def test_too_many_unclaimed_files_of_one_municipality_do_not_stop_another(
    backing: Backing, tmp_path: Path
) -> None:
    async with intake_desk(backing, tmp_path, files_unclaimed_limit=2) as desk:
        first, second = await taken(desk), await taken(desk)
        answer = await desk.send_file(files.photo())
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "600")
        await taken(desk, headers=bearer("intake", anonymous("polderdam")))
        known = bearer("intake", staff(Role.STAFF_ENTRY))
        third, _ = [await taken(desk, headers=known) for _ in range(2)]  # as much room again
        assert (await desk.send_file(files.photo(), **known)).status_code == 429
        for each in (first, second, third):
            await desk.send(report(attachments=named(each)))
        await taken(desk)


async def test_a_file_that_takes_too_long_is_ended(backing: Backing, tmp_path: Path) -> None:
    async with intake_desk(backing, tmp_path, files_worker_seconds=0.01) as desk:
        answer = await desk.send_file(files.photo())
        assert answer.json()["errors"][0]["code"] == "too-heavy"
    async with intake_desk(backing, tmp_path, files_worker_memory_mib=150) as desk:
        answer = await desk.send_file(files.photo((6000, 4000)))
        assert answer.json()["errors"][0]["code"] == "too-heavy"
        assert (await taken(desk))["id"]


@asynccontextmanager
async def clamd(reply: bytes, tmp_path: Path) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A scanner on a socket that answers this; its address and the files that it got."""
    scanned: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = b""
        while size := struct.unpack(">I", await reader.readexactly(4))[0]:
            content += await reader.readexactly(size)
        scanned.append(content)
        writer.write(reply)
        writer.close()
        await writer.wait_closed()

    path = tmp_path / "clamd.sock"
    server = await asyncio.start_unix_server(serve, path)
    async with server:
        yield f"unix:{path}", scanned


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (b"stream: OK\0", 201, None),
        (b"stream: Eicar-Test-Signature FOUND\0", 400, "file-refused"),
        (b"INSTREAM size limit exceeded. ERROR\0", 503, "files-unavailable"),
        (b"", 503, "files-unavailable"),
    ],
)
async def test_a_scanner_decides_and_its_silence_is_no_consent(
    backing: Backing, tmp_path: Path, reply: bytes, status: int, code: str | None
) -> None:
    photo = files.photo()
    async with (
        clamd(reply, tmp_path) as (address, scanned),
        intake_desk(backing, tmp_path, clamav_address=address) as desk,
    ):
        answer = await desk.send_file(photo)
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        assert scanned == [photo]
        if code == "file-refused":
            assert answer.json()["errors"][0]["code"] == "malware"


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything and never answer."""
    while await reader.read(65_536):
        continue
    writer.close()
    await writer.wait_closed()


async def test_a_scanner_that_is_away_or_slow_means_no_files_and_never_unscanned_ones(
    backing: Backing, tmp_path: Path
) -> None:
    slow = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = slow.sockets[0].getsockname()[1]
    async with slow:
        for address in (f"unix:{tmp_path}/none.sock", "127.0.0.1:1", f"127.0.0.1:{port}"):
            changes = {"clamav_address": address, "clamav_seconds": 0.2}
            async with intake_desk(backing, tmp_path / "files", **changes) as desk:
                answer = await desk.send_file(files.photo())
                assert (answer.status_code, answer.json()["code"]) == (503, "files-unavailable")
                assert await rows(desk) == []
                assert (await desk.send(report())).status_code == 201


async def test_blobs_are_whole_or_not_there(tmp_path: Path) -> None:
    blobs, name = FolderBlobs(tmp_path), secrets.token_hex(16)

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await blobs.put(name, broken())
    with pytest.raises(NoSuchBlob):
        await blobs.open(name)
    await blobs.delete(name)
    assert files_below(tmp_path) == []
    with pytest.raises(ValueError, match="hexadecimal"):
        await blobs.open("../../etc/passwd")
    assert UUID(hex=name)
