"""Intake while its database is away, and while one municipality sends more than it can take."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from common.coarse import coarse
from common.contracts.codes import Role
from common.errors import Unavailable
from common.receipt import hash_of_key, parse_key
from intake import store
from intake.writer import Writer, Written

from tests.support.backing import Backing
from tests.support.databases import shut
from tests.support.files import photo
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report, working
from tests.support.polling import wait_until


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path, files_arriving_at_once=2) as desk:
        yield desk


async def test_without_the_database_every_door_says_when_to_come_back_and_then_goes_on(
    backing: Backing, desk: Desk
) -> None:
    file, key = photo((64, 48)), secrets.token_urlsafe(24)
    async with shut(backing, desk.settings.database_flow_url.get_secret_value()):
        answers = [await desk.send(report(), key=key), await desk.send_file(file)]
        for answer in answers:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "unavailable"
        asked = bearer("intake", anonymous())
        assert (await desk.client.get("/api/v1/signal-types", headers=asked)).status_code == 200

    async def is_back() -> bool:
        return (await desk.send(report(), key=key)).status_code == 201

    await wait_until(is_back)
    assert (await desk.send_file(file)).status_code == 201
    async with desk.database.flowing() as connection:
        assert await store.body_macs(connection, [("zandrecht", hash_of_key(parse_key(key)))])


async def test_a_queue_full_of_one_municipality_has_room_for_another(desk: Desk) -> None:
    writer = Writer(desk.database, queue_size=8, batch=2, count=1)

    async def write(municipality: str) -> Written:
        return await writer.write(_submission(municipality), [])

    first = [asyncio.create_task(write("zandrecht")) for _ in range(9)]
    await asyncio.sleep(0)
    assert [task.done() for task in first] == [False] * 4 + [True] * 5
    assert all(isinstance(task.exception(), Unavailable) for task in first[4:])
    assert writer.trouble is None
    other = asyncio.create_task(write("polderdam"))
    async with working(writer):
        assert await asyncio.gather(*first[:4], other) == [Written.NEW] * 5
        assert await write("zandrecht") is Written.NEW


async def test_a_file_that_stalls_gives_its_place_to_one_that_comes(desk: Desk) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    content = photo((64, 48))

    async def slowly() -> AsyncIterator[bytes]:
        yield content[:100]
        begun.set()
        await go_on.wait()
        yield content[100:]

    first = asyncio.create_task(desk.send_file(slowly()))
    async with asyncio.timeout(20):
        await begun.wait()
    elsewhere = await desk.send_file(content, **bearer("intake", anonymous("polderdam")))
    assert elsewhere.status_code == 201, elsewhere.text
    known = await desk.send_file(content, **bearer("intake", staff(Role.REPORTER)))
    assert known.status_code == 201, known.text  # in a lane of their own
    assert not first.done()
    assert (await desk.send_file(content)).status_code == 201
    async with asyncio.timeout(20):
        assert (await first).status_code == 400
    go_on.set()


def _submission(municipality: str) -> store.Submission:
    return store.Submission(
        municipality=municipality,
        key_hash=secrets.token_bytes(32),
        body_mac=secrets.token_bytes(32),
        lookup_id=secrets.token_urlsafe(16),
        public_key=secrets.token_urlsafe(32),
        report_id=uuid4(),
        reporter_handle=uuid4(),
        received_at=coarse(datetime(2026, 11, 25, tzinfo=UTC)),
    )
