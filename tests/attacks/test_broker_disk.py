"""Who takes the broker's disk finds no event that was heard long ago: what is settled is written over."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from local.servers import PrivateRabbit
from local.servers.rabbit import WAL_BYTES

from tests.support.attempts import Attempts
from tests.support.polling import wait_until

ROOT = Path(__file__).parents[2]
_SIZE, _AT_ONCE = 2048, 100


@pytest.fixture
async def rabbit(tmp_path: Path) -> AsyncIterator[PrivateRabbit]:
    """A broker as `make run` starts it, of which the disk can be read."""
    server = PrivateRabbit(tmp_path / "rabbit")
    await asyncio.to_thread(server.start)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.erase)


async def _pass_through(channel: AbstractChannel, queue: str, words: Sequence[bytes]) -> None:
    """Send these by a queue as ours are, and settle each."""
    declared = await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
    heard = asyncio.Semaphore(0)

    async def settle(message: AbstractIncomingMessage) -> None:
        await message.ack()
        heard.release()

    consumer = await declared.consume(settle)
    for start in range(0, len(words), _AT_ONCE):
        await asyncio.gather(*[_send(channel, queue, word) for word in words[start : start + _AT_ONCE]])
    for _ in words:
        await heard.acquire()
    await declared.cancel(consumer)


async def _send(channel: AbstractChannel, queue: str, word: bytes) -> None:
    message = aio_pika.Message(word.ljust(_SIZE, b"."), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, routing_key=queue)


def _left(folder: Path, words: Sequence[bytes]) -> list[bytes]:
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [word for word in words if any(word in content for content in contents)]


async def test_what_was_heard_is_gone_from_the_disk_when_as_much_again_has_passed(
    rabbit: PrivateRabbit, attempts: Attempts
) -> None:
    words = [secrets.token_hex(16).encode() for _ in range(50)]
    others = [b"another"] * (2 * WAL_BYTES // _SIZE)
    async with await aio_pika.connect(rabbit.amqp_url) as connection:
        channel = await connection.channel()
        await _pass_through(channel, "theirs", words)
        assert _left(rabbit.folder, words), "the test does not look where events are written"
        # The latest of a queue stays until more comes to it.
        await _pass_through(channel, "theirs", others[:10])
        await _pass_through(channel, "others", others)

    async def is_gone() -> bool:
        return not _left(rabbit.folder, words)

    with contextlib.suppress(AssertionError):
        await wait_until(is_gone)
    left = _left(rabbit.folder, words)
    for word in words:
        attempts.record("an event that was heard, from the broker's disk", succeeded=word in left)


def test_compose_keeps_as_little() -> None:
    told = (ROOT / "deploy/compose/rabbitmq.conf").read_text(encoding="utf-8")
    assert f"raft.wal_max_size_bytes = {WAL_BYTES}\n" in told
    advanced = (ROOT / "deploy/compose/advanced.config").read_text(encoding="utf-8")
    assert "{quorum_snapshot_interval, 1}" in advanced
    assert "/etc/rabbitmq/advanced.config" in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
