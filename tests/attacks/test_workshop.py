"""Who sends heavy files without end: to keep the photos of others out, in whatever municipality."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from intake.files.workshop import Bounds, Workshop

from tests.support.attempts import Attempts
from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer
from tests.support.intake import Desk, intake_desk
from tests.support.polling import wait_until

_CODE = (str(Path(__file__).parents[1] / "support" / "taken_over.py"),)
_JPEG = b"\xff\xd8\xff"
#: A file that is worked on for as long as one may be, and one that is clean at once.
_HEAVY = _JPEG + json.dumps({"stays": True}).encode()
_LIGHT = _JPEG + json.dumps({"floods": 1}).encode()


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path) as made:
        made.attachments._workshop = Workshop(2, Bounds(seconds=60), code=_CODE)
        yield made


async def send(desk: Desk, content: bytes, municipality: str, mark: str) -> httpx.Response:
    return await desk.send_file(
        content, **bearer("intake", anonymous(municipality)), **{"Network-Mark": mark}
    )


@asynccontextmanager
async def flooded(desk: Desk, *senders: tuple[str, str]) -> AsyncIterator[None]:
    """A heavy file of each (municipality, network), all of them waiting for the workshop or in it."""
    turns = desk.attachments._workshop._turns
    sending = [asyncio.create_task(send(desk, _HEAVY, *sender)) for sender in senders]

    async def are_in() -> bool:
        return len(turns._waiting) + len(turns._at_work) == len(senders)

    try:
        await wait_until(are_in, seconds=30, what="files at the workshop")
        yield
    finally:
        for each in sending:
            each.cancel()
        await asyncio.gather(*sending, return_exceptions=True)


@pytest.mark.parametrize("towns", [("zandrecht",), ("zandrecht", "polderdam")])
async def test_heavy_files_of_one_network_keep_no_photo_of_another_out(
    desk: Desk, attempts: Attempts, towns: tuple[str, ...]
) -> None:
    async with flooded(desk, *[(towns[number % len(towns)], "n1") for number in range(5)]):
        for municipality in ("polderdam", "zandrecht"):
            async with asyncio.timeout(45):
                answer = await send(desk, _LIGHT, municipality, "n2")
            attempts.record(f"heavy files for {len(towns)} towns", succeeded=answer.status_code != 201)
