"""When relay and consumer look, wait and acknowledge, against a real broker and database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aio_pika
import pytest
from common.contracts.intake import ReportCounted
from common.db import Database
from common.house import House, build_house
from common.messaging import WaitingRoom, publish
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from common.provision import DatabaseUrls
from common.settings import ServiceSettings
from sqlalchemy import text

from tests.support import ledger
from tests.support.backing import Backing
from tests.support.broker import ServedVhost, send_raw, served_vhost
from tests.support.databases import opened
from tests.support.polling import wait_until


class Post:
    """A speaker and a hearer, each with its house and a database of its own."""

    def __init__(self, vhost: ServedVhost, urls: dict[str, DatabaseUrls], hearer: Database) -> None:
        self.vhost, self._urls, self.hearer = vhost, urls, hearer

    def house(self, service: str, **changes: object) -> House:
        urls = self._urls[service]
        settings = ServiceSettings(
            database_web_url=urls.web, database_flow_url=urls.flow, broker_url=self.vhost.url(service)
        ).model_copy(update=changes)
        handlers = {ReportCounted: ledger.Flakiness(set()).record} if service == ledger.HEARER else {}
        return build_house(service, settings, handlers)

    async def send(self, *bodies: bytes) -> None:
        await send_raw(self.vhost.url(ledger.SPEAKER), ReportCounted.name, *bodies)

    async def transactions(self) -> list[int]:
        """How many facts each transaction of the hearer took."""
        async with self.hearer.flowing() as connection:
            rows = await connection.execute(text("SELECT count(*) FROM effect GROUP BY xmin::text"))
            return list(rows.scalars())

    async def has_heard(self, count: int) -> bool:
        return len(await ledger.effects(self.hearer)) == count


@pytest.fixture
async def post(backing: Backing) -> AsyncIterator[Post]:
    urls = {each: await ledger.make_database(backing, each) for each in (ledger.SPEAKER, ledger.HEARER)}
    async with AsyncExitStack() as stack:
        hearer = await stack.enter_async_context(opened(urls[ledger.HEARER]))
        yield Post(await served_vhost(backing), urls, hearer)


@contextlib.asynccontextmanager
async def running(house: House) -> AsyncIterator[House]:
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(part.run(stopping)) for part in house.parts]
    try:
        await wait_until(lambda: _is_ready(house), what="ready parts")
        yield house
    finally:
        stopping.set()
        _, unfinished = await asyncio.wait(tasks, timeout=5)
        for task in unfinished:  # a relay that rests for a minute
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await house.close()


async def _is_ready(house: House) -> bool:
    return all(part.trouble is None for part in house.parts)


async def _is_sent(house: House) -> bool:
    async with house.database.flowing() as connection:
        unsent = await connection.execute(text("SELECT count(*) FROM outbox WHERE sent_at IS NULL"))
        return bool(unsent.scalar_one() == 0)


async def test_what_a_process_speaks_is_sent_at_once(post: Post) -> None:
    async with running(post.house(ledger.SPEAKER, relay_poll_seconds=60, relay_idle_seconds=60)) as house:
        await ledger.speak(house.database, ledger.fact())
        await wait_until(lambda: _is_sent(house), seconds=10, what="a fact that wakes the relay")


async def test_what_another_process_wrote_is_found_by_looking(post: Post) -> None:
    house, other = (post.house(ledger.SPEAKER, relay_idle_seconds=0.2) for _ in range(2))
    async with running(house):
        await ledger.speak(other.database, ledger.fact())
        await wait_until(lambda: _is_sent(house), seconds=10, what="a fact that wakes nobody")
    await other.close()


async def test_only_what_was_spoken_and_committed_wakes_the_relay(post: Post) -> None:
    house = post.house(ledger.SPEAKER)
    with contextlib.suppress(ZeroDivisionError):
        async with house.database.flowing() as connection:
            await publish(connection, ledger.fact())
            raise ZeroDivisionError
    assert not house.database.spoken.is_set()
    async with house.database.flowing() as connection:
        await publish(connection, ledger.fact())
        assert not house.database.spoken.is_set()
    assert house.database.spoken.is_set()
    await house.close()


async def test_what_comes_at_the_same_time_shares_a_transaction(post: Post) -> None:
    async with running(post.house(ledger.HEARER, consumer_gather_seconds=2)):
        await post.send(*(encode(ledger.fact()).body for _ in range(10)))
        await wait_until(lambda: post.has_heard(10), what="10 effects")
    assert await post.transactions() == [10]


async def test_what_comes_soon_after_another_waits_for_more(post: Post) -> None:
    async with running(post.house(ledger.HEARER, consumer_gather_seconds=0, consumer_pace_seconds=4)):
        await post.send(encode(ledger.fact()).body)
        await wait_until(lambda: post.has_heard(1), what="one that comes alone")
        await post.send(*(encode(ledger.fact()).body for _ in range(4)))
        await wait_until(lambda: post.has_heard(5), what="5 effects")
    assert sorted(await post.transactions()) == [1, 4]


async def test_a_message_that_has_to_wait_wakes_who_tries_it(post: Post) -> None:
    dispatcher = Dispatcher({ReportCounted: ledger.Flakiness(set()).record})
    room = WaitingRoom(post.hearer, dispatcher, retry_seconds=(1,), poll_seconds=60, idle_seconds=60)
    at_work = asyncio.create_task(room.run(asyncio.Event()))
    for count in (1, 2):  # the second comes after it looked and found no more
        async with post.hearer.flowing() as connection:
            await room.put(connection, [encode(ledger.fact())], error="redelivered")
        await wait_until(lambda: post.has_heard(count), what="an effect that nobody looked for")  # noqa: B023
    at_work.cancel()


async def test_one_acknowledgement_covers_a_batch_but_not_what_cannot_be_read(post: Post) -> None:
    good = [encode(ledger.fact()).body for _ in range(5)]
    async with running(post.house(ledger.HEARER, consumer_gather_seconds=1)):
        await post.send(*good[:3], b"no event", *good[3:], b"no event either")
        await wait_until(lambda: post.has_heard(5), what="5 effects")
    connection = await aio_pika.connect(post.vhost.admin_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(ledger.HEARER)
        assert await queue.get(fail=False) is None, "something was not acknowledged"
