"""The real intake process while 100 MB come in: its memory stays flat, and what it started ends with it."""

import asyncio
import io
import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pikepdf
import pytest
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from intake.consumers import handlers
from intake.main import build_attachments
from intake.seed import load_seed
from intake.signers import Signers
from local.process import READY_SECONDS
from local.servers import free_port

from tests.support import files
from tests.support.backing import Backing
from tests.support.databases import opened, service_database
from tests.support.identities import KEYS, anonymous, bearer
from tests.support.intake import settings_for
from tests.support.municipality import make_town
from tests.support.polling import wait_until

MIB = 1024 * 1024
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "intake", "serve"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def intake_url(backing: Backing, tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    """Where a real intake answers, and its process id; it takes PDFs of 100 MB."""
    urls = await service_database(backing, "intake")
    settings = settings_for(urls, tmp_path)
    async with opened(urls) as database:
        dispatcher = Dispatcher(
            handlers(load_seed(), build_attachments(settings, database), Signers(settings.own_key))
        )
        async with database.flowing() as connection:
            await dispatcher.apply(connection, [encode(make_town().state)])
    port = free_port()
    environment = {
        **os.environ,
        "VERMOEDEN_DATABASE_WEB_URL": urls.web,
        "VERMOEDEN_DATABASE_FLOW_URL": urls.flow,
        "VERMOEDEN_BROKER_URL": "amqp://intake@127.0.0.1:1/",  # files come in while the broker is away
        "VERMOEDEN_IDENTITY_KEYS": json.dumps(KEYS),
        "VERMOEDEN_NOTIFIER_PUBLIC_KEY": settings.notifier_public_key,
        "VERMOEDEN_VOUCHER_PRIVATE_KEY": settings.voucher_private_key.get_secret_value(),
        "VERMOEDEN_PORT": str(port),
        "VERMOEDEN_OPERATIONS_PORT": str(free_port(frozenset({port}))),
        "VERMOEDEN_FILES_FOLDER": str(tmp_path / "files"),
        "VERMOEDEN_FILES_MAX_PDF_MIB": "100",
        "VERMOEDEN_FILES_WORKER_MEMORY_MIB": "2048",
        "VERMOEDEN_FILES_WORKER_SECONDS": "240",
    }
    with serving(environment) as process:
        url = f"http://127.0.0.1:{port}"
        await wait_until(lambda: _answers(url), seconds=READY_SECONDS, what="a started intake")
        yield url, process.pid


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as client, client.get(f"{url}/api/v1/openapi.json") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def peak_bytes(process_id: int) -> int:
    """The most memory that this process ever had at once."""
    found = _PEAK.search(Path(f"/proc/{process_id}/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) * 1024


def large_document(size_bytes: int) -> bytes:
    """A PDF of about this size that does not compress."""

    noise = files.with_noise(secrets.token_bytes(size_bytes))
    return files.pdf(noise, stream_decode_level=pikepdf.StreamDecodeLevel.none)


async def send(client: aiohttp.ClientSession, content: bytes) -> int:
    headers = {
        **bearer("intake", anonymous()),
        "Content-Type": "application/pdf",
        "Signal-Type": "hennepteelt",
    }
    async with client.post("/api/v1/attachments", data=io.BytesIO(content), headers=headers) as answer:
        await answer.read()
        return answer.status


async def test_memory_stays_flat_while_a_hundred_megabytes_come_in(intake_url: tuple[str, int]) -> None:
    url, process_id = intake_url
    content = large_document(99 * MIB)
    async with aiohttp.ClientSession(url) as client:
        assert await send(client, files.pdf()) == 201  # everything is loaded once
        before = peak_bytes(process_id)
        assert await send(client, content) == 201
        grown = peak_bytes(process_id) - before
    print(f"taking {len(content) / MIB:.0f} MiB in: intake's peak grew by {grown / MIB:.1f} MiB")
    assert grown < 24 * MIB


def children_of(process_id: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]


def is_alive(process_id: int) -> bool:
    status = Path(f"/proc/{process_id}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_a_cleaning_process_dies_with_its_intake(intake_url: tuple[str, int]) -> None:
    url, process_id = intake_url
    async with aiohttp.ClientSession(url) as client:
        sending = asyncio.create_task(send(client, large_document(80 * MIB)))

        async def is_cleaning() -> bool:
            return bool(children_of(process_id))

        await wait_until(is_cleaning, seconds=30)
        (child,) = children_of(process_id)
        os.kill(process_id, signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await sending

    async def is_gone() -> bool:
        return not is_alive(child)

    await wait_until(is_gone, seconds=10)
