"""The gateway's half of a draft's key: held for a day, destroyed for good, and bounded."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from common.contracts.codes import Role
from common.provision import DatabaseUrls
from common.sealing import decode, encode
from gateway.domain.draft_keys import DraftKey, due_at
from gateway.main import build_sweeps
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from gateway import store
from tests.support.backing import Backing
from tests.support.gateway import Running, Upstream, running_gateway
from tests.support.polling import wait_until

PATH = "/api/v1/draft-keys"
_PAGE = "SELECT get_raw_page('draft_key', $1)"


@pytest_asyncio.fixture
async def running(urls: DatabaseUrls, upstream: Upstream) -> AsyncIterator[Running]:
    async with running_gateway(urls, upstream) as found:
        yield found
        async with found.database.flowing() as connection:
            await connection.execute(text("DELETE FROM draft_key"))


def new_id() -> str:
    return encode(secrets.token_bytes(16))


async def ask(running: Running, rest: str, own_id: object, **headers: str) -> tuple[int, dict[str, Any]]:
    """The status and the answer; none of them may be kept by anybody on the way."""
    async with running.client.post(PATH + rest, json={"id": own_id}, headers=headers) as answer:
        if answer.ok:
            assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, await answer.json() if answer.status != 204 else {}


async def rows(running: Running) -> int:
    async with running.database.flowing() as connection:
        return int((await connection.execute(text("SELECT count(due_at) FROM draft_key"))).scalar_one())


async def test_a_half_is_random_and_found_until_it_is_destroyed(running: Running) -> None:
    own_id, other_id = new_id(), new_id()
    status, made = await ask(running, "", own_id)
    assert (status, len(decode(made["half"]))) == (201, 32)
    assert (await ask(running, "", other_id))[1]["half"] != made["half"]
    assert await ask(running, "/_open", own_id) == (200, made)
    assert await ask(running, "/_destroy", own_id) == (204, {})
    assert await ask(running, "/_destroy", own_id) == (204, {})
    assert (await ask(running, "/_open", own_id))[0] == 404
    assert (await ask(running, "/_open", other_id))[0] == 200


async def test_no_id_is_given_twice(running: Running) -> None:
    own_id = new_id()
    _, made = await ask(running, "", own_id)
    assert (await ask(running, "", own_id))[0] == 429
    assert await ask(running, "/_open", own_id) == (200, made)


async def test_a_half_is_refused_after_a_day_whether_it_was_swept_or_not(running: Running) -> None:
    own_id = new_id()
    await ask(running, "", own_id)
    running.clock.move(hours=22, minutes=59)
    assert (await ask(running, "/_open", own_id))[0] == 200
    running.clock.move(hours=1, minutes=1)
    assert (await ask(running, "/_open", own_id))[0] == 404
    assert await rows(running) == 1
    assert await running.front.draft_keys.sweep() == 1
    assert await rows(running) == 0


async def test_the_sweeper_works_by_itself_and_ends_when_it_is_told(running: Running) -> None:
    await ask(running, "", new_id())
    running.clock.move(hours=25)
    stopping = asyncio.Event()
    sweeping = asyncio.gather(*(each.run(stopping) for each in build_sweeps(running.front)))

    async def is_swept() -> bool:
        return await rows(running) == 0

    await wait_until(is_swept)
    stopping.set()
    await asyncio.wait_for(sweeping, 10)


async def test_what_is_stored_tells_no_moment_and_leads_to_nothing(running: Running) -> None:
    await ask(running, "", new_id())
    async with running.database.tenant("veldstad") as connection:
        (row,) = (await connection.execute(text("SELECT * FROM draft_key"))).mappings().all()
    assert set(row) == {"municipality", "id", "half", "due_at"}
    assert (row["due_at"].minute, row["due_at"].second, row["due_at"].microsecond) == (0, 0, 0)
    assert timedelta(hours=22, minutes=59) < row["due_at"] - running.clock() <= timedelta(hours=24)


async def test_no_replica_or_backup_of_the_log_gets_a_half(running: Running) -> None:
    async with running.database.flowing() as connection:
        found = await connection.execute(
            text("SELECT relpersistence::text FROM pg_class WHERE relname = 'draft_key'")
        )
        assert found.scalar_one() == "u"


async def test_nothing_of_a_half_that_was_destroyed_stays_in_the_table_s_file(
    running: Running, urls: DatabaseUrls, backing: Backing
) -> None:
    """A deleted row stands in its page, which reaches the disk when the server is shut down."""
    kept, sent, old = new_id(), new_id(), new_id()
    await ask(running, "", old)
    running.clock.move(hours=12)
    halves = [decode((await ask(running, "", own_id))[1]["half"]) for own_id in (kept, sent)]
    connection = await asyncpg.connect(
        f"{backing.admin_url.rpartition('/')[0]}/{urls.owner.rpartition('/')[2]}"
    )
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")

        async def is_there(sought: bytes) -> bool:
            size = await connection.fetchval("SELECT pg_relation_size('draft_key') / 8192")
            pages = [await connection.fetchval(_PAGE, number) for number in range(size)]
            return any(sought in page for page in pages)

        await ask(running, "/_destroy", sent)
        assert await is_there(halves[1])
        await running.front.draft_keys.sweep()
        assert [await is_there(each) for each in (*halves, decode(sent))] == [True, False, False]
        running.clock.move(hours=13)
        assert await running.front.draft_keys.sweep() == 1
        assert not await is_there(decode(old))
        assert (await ask(running, "/_open", kept))[0] == 200
        async with connection.transaction():  # a dump that takes long
            await connection.execute("LOCK TABLE draft_key IN ACCESS SHARE MODE")
            await ask(running, "/_destroy", kept)
            await running.front.draft_keys.sweep()
            assert await is_there(halves[0])
        await running.front.draft_keys.sweep()
        assert await connection.fetchval("SELECT pg_relation_size('draft_key')") == 0
    finally:
        await connection.close()


async def test_halves_are_the_municipality_s_own_and_the_flow_reads_none(running: Running) -> None:
    own_id = new_id()
    await ask(running, "", own_id)
    assert (await ask(running, "/_open", own_id, Municipality="duinrade"))[0] == 404
    assert (await ask(running, "/_destroy", own_id, Municipality="duinrade"))[0] == 204
    assert (await ask(running, "/_open", own_id))[0] == 200
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with running.database.flowing() as connection:
            await connection.execute(text("SELECT half FROM draft_key"))


@pytest.mark.parametrize("own_id", ["", "x", "A" * 22 + "=", "A" * 23, "A" * 21 + "B", "é" * 22, None, 5, {}])
async def test_what_is_no_id_is_refused(running: Running, own_id: object) -> None:
    for rest in ("", "/_open", "/_destroy"):
        assert (await ask(running, rest, own_id))[0] == 400


async def test_another_site_may_not_ask_and_a_session_needs_its_token(running: Running) -> None:
    own_id = new_id()
    signed_in = await running.signed_in(Role.HANDLER)
    for rest in ("", "/_open", "/_destroy"):
        status, told = await ask(running, rest, own_id, **{"Sec-Fetch-Site": "cross-site"})
        assert (status, told["code"]) == (403, "cross-site")
        status, told = await ask(running, rest, own_id, Cookie=signed_in["Cookie"])
        assert (status, told["code"]) == (403, "csrf-token")
    assert (await ask(running, "", own_id, **signed_in))[0] == 201


async def test_halves_are_bounded_for_each_municipality(urls: DatabaseUrls, upstream: Upstream) -> None:
    few: dict[str, Any] = {"draft_keys_most": 4, "proxies": "127.0.0.0/8"}
    async with running_gateway(urls, upstream, **few) as running:
        networks = [{"X-Forwarded-For": f"198.51.{number}.7"} for number in range(4)]
        ids = [new_id() for _ in networks]
        async with running.database.tenant("veldstad") as connection:  # of another replica
            key = DraftKey(secrets.token_bytes(16), bytes(32), due_at(running.clock()))
            await store.insert_draft_key(connection, "veldstad", key, running.clock(), 4)
        answers = [await ask(running, "", each, **told) for each, told in zip(ids, networks, strict=True)]
        assert [status for status, _ in answers] == [201, 201, 201, 429]
        assert answers[-1][1]["code"] == "no-room-for-draft"
        assert (await ask(running, "", new_id(), Municipality="duinrade"))[0] == 201
        await ask(running, "/_destroy", ids[0], **networks[0])
        assert (await ask(running, "", new_id(), **networks[3]))[0] == 201
        running.clock.move(hours=25)  # what is past its day takes nobody's place
        assert (await ask(running, "", new_id(), **networks[3]))[0] == 201
        await running.front.draft_keys.sweep()


@pytest.mark.parametrize("address", ["198.51.100.{0}", "2001:db8:0:{0}00::1"], ids=["one /24", "one /48"])
async def test_one_network_takes_no_more_than_it_leaves_and_gets_back_what_it_destroys(
    urls: DatabaseUrls, upstream: Upstream, address: str
) -> None:
    few: dict[str, Any] = {"draft_keys_most": 12, "proxies": "127.0.0.0/8"}
    async with running_gateway(urls, upstream, **few) as running:
        greedy = [{"X-Forwarded-For": address.format(number)} for number in range(10, 22)]
        ids = [new_id() for _ in greedy]
        held = [(await ask(running, "", each, **told))[0] for each, told in zip(ids, greedy, strict=True)]
        assert held.count(201) <= 6
        assert (await ask(running, "", new_id(), **{"X-Forwarded-For": "203.0.113.7"}))[0] == 201
        await ask(running, "/_destroy", new_id(), **greedy[0])  # which nobody holds
        assert (await ask(running, "", new_id(), **greedy[0]))[0] == 429
        for own_id, told in zip(ids[:3], greedy, strict=False):
            await ask(running, "/_destroy", own_id, **told)
        assert (await ask(running, "", new_id(), **greedy[0]))[0] == 201
        running.clock.move(hours=25)
        await running.front.draft_keys.sweep()


async def test_one_network_takes_only_its_share(urls: DatabaseUrls, upstream: Upstream) -> None:
    few = {"draft_key_block_burst": 3, "draft_key_block_per_minute": 1, "rate_patience_seconds": 0}
    async with running_gateway(urls, upstream, **few) as running:
        statuses = [(await ask(running, "", new_id()))[0] for _ in range(6)]
        assert statuses[:3] == [201] * 3
        assert statuses[-1] == 429
        half = await running.front.draft_keys.make("veldstad", secrets.token_bytes(16), "198.51.100.7")
        assert len(half) == 32
