"""Who takes the broker's disk finds no event that was heard before the last padding: it is written over."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from common.broker_log import COMMANDS, LOG_BYTES
from common.contracts.gateway import Padding
from common.flow import HEARD_BY
from common.messaging.broker import Broker
from common.messaging.padding import COUNT, pad
from common.messaging.topology import EXCHANGE
from local.servers import PrivateRabbit

from tests.support.attempts import IS_LONG, Attempts
from tests.support.polling import wait_until

ROOT = Path(__file__).parents[2]
_SIZE = 2048
_QUEUES = HEARD_BY[Padding]


@pytest.fixture
async def rabbit(tmp_path: Path) -> AsyncIterator[PrivateRabbit]:
    """A broker as `make run` starts it, of which the disk can be read."""
    server = PrivateRabbit(tmp_path / "rabbit")
    await asyncio.to_thread(server.start)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.erase)


@pytest.fixture
async def broker(rabbit: PrivateRabbit) -> AsyncIterator[Broker]:
    """The connection of who pads."""
    opened = Broker(rabbit.amqp_url, name="gateway")
    yield opened
    await opened.close()


async def _bind(channel: AbstractChannel) -> None:
    """An exchange and queues as provisioning makes them."""
    exchange = await channel.declare_exchange(EXCHANGE, "topic", durable=True)
    for name in _QUEUES:
        queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(exchange, Padding.name)


@contextlib.asynccontextmanager
async def _settling(channel: AbstractChannel) -> AsyncIterator[asyncio.Semaphore]:
    """Settle all that comes to any queue; each releases once."""
    heard = asyncio.Semaphore(0)

    async def settle(message: AbstractIncomingMessage) -> None:
        await message.ack()
        heard.release()

    queues = [await channel.get_queue(name) for name in _QUEUES]
    consumers = [await queue.consume(settle) for queue in queues]
    yield heard
    for queue, consumer in zip(queues, consumers, strict=True):
        await queue.cancel(consumer)


async def _send(channel: AbstractChannel, words: Sequence[bytes]) -> None:
    for number, word in enumerate(words):
        message = aio_pika.Message(word.ljust(_SIZE, b"."), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key=_QUEUES[number % len(_QUEUES)])


def _left(folder: Path, words: Sequence[bytes]) -> list[bytes]:
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [word for word in words if any(word in content for content in contents)]


def _named(is_backlog: bool) -> str:
    return "heard when the log had gone on" if is_backlog else "heard at once"


@pytest.mark.parametrize("is_backlog", [False, True] if IS_LONG else [False], ids=_named)
async def test_what_was_heard_is_gone_from_the_disk_after_one_padding(
    rabbit: PrivateRabbit, broker: Broker, attempts: Attempts, is_backlog: bool
) -> None:
    words = [secrets.token_hex(16).encode() for _ in range(200)]
    async with await aio_pika.connect(rabbit.amqp_url) as connection:
        channel = await connection.channel()
        await _bind(channel)
        await _send(channel, words)
        if is_backlog:  # what waits longer is in the segments of its queue, and no longer in the log
            await pad(broker, between_seconds=0)
        async with _settling(channel) as heard:
            for _ in range(len(words) + is_backlog * COUNT * len(_QUEUES)):
                await heard.acquire()
            assert is_backlog or _left(rabbit.folder, words), "this does not look where events are written"
            await pad(broker, between_seconds=0)
            for _ in range(COUNT * len(_QUEUES)):
                await heard.acquire()

            async def is_gone() -> bool:
                return not _left(rabbit.folder, words)

            with contextlib.suppress(AssertionError):
                await wait_until(is_gone)
    left = _left(rabbit.folder, words)
    for word in words:
        attempts.record("an event that was heard, from the broker's disk", succeeded=word in left)


def test_compose_keeps_as_little() -> None:
    told = (ROOT / "deploy/compose/rabbitmq.conf").read_text(encoding="utf-8")
    assert f"raft.wal_max_size_bytes = {LOG_BYTES}\n" in told
    advanced = (ROOT / "deploy/compose/advanced.config").read_text(encoding="utf-8")
    assert f"{{quorum_snapshot_interval, {COMMANDS}}}" in advanced
    assert "/etc/rabbitmq/advanced.config" in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
