"""What is known of each message of a batch after it was published, against a real broker."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from common.messaging.broker import Broker
from common.messaging.envelope import MAX_BYTES
from common.messaging.publishing import Fate, Outgoing, publish_batch

from tests.support.backing import Backing, fresh_vhost
from tests.support.polling import wait_until

PLACE, USER = "place", "vermoeden_admin"
TAKEN, FULL, NOWHERE = "taken", "full", "nowhere"


@pytest.fixture
async def channel(backing: Backing) -> AsyncIterator[AbstractChannel]:
    """A channel with an exchange that knows a queue which takes all, and one that takes a single message."""
    broker = Broker(fresh_vhost(backing), name="publishing")
    opened = await broker.channel()
    exchange = await opened.declare_exchange(PLACE, "topic")
    limits: dict[str, Any] = {"x-max-length": 1, "x-overflow": "reject-publish"}
    for name, arguments in ((TAKEN, None), (FULL, limits)):
        queue = await opened.declare_queue(name, arguments=arguments)
        await queue.bind(exchange, routing_key=name)
    yield opened
    await broker.close()


def _message(key: str, body: bytes = b"{}") -> Outgoing:
    return Outgoing(str(uuid4()), key, body)


async def test_a_batch_arrives_in_its_order_as_it_was_given(channel: AbstractChannel) -> None:
    batch = [_message(TAKEN, b"x" * size) for size in (1, MAX_BYTES, 2)]
    assert await publish_batch(channel, PLACE, batch, user=USER) == [Fate.CONFIRMED] * 3
    queue = await channel.get_queue(TAKEN)
    for sent in batch:
        found = await queue.get(no_ack=True)
        assert (found.message_id, found.body) == (sent.event_id, sent.body)
        assert found.content_type == "application/cloudevents+json"
        assert found.user_id == USER
        assert found.delivery_mode is aio_pika.DeliveryMode.PERSISTENT


async def test_what_is_refused_or_has_no_queue_spoils_no_other(channel: AbstractChannel) -> None:
    assert await publish_batch(channel, PLACE, [_message(FULL)], user=USER) == [Fate.CONFIRMED]
    queue = await channel.get_queue(FULL)

    async def is_full() -> bool:
        return (await queue.declare()).message_count == 1

    await wait_until(is_full, what="a queue that knows that it is full")
    for _ in range(2):  # a channel goes on counting as the broker does
        batch = [_message(key) for key in (TAKEN, NOWHERE, FULL, TAKEN)]
        fates = await publish_batch(channel, PLACE, batch, user=USER)
        assert fates == [Fate.CONFIRMED, Fate.REFUSED, Fate.REFUSED, Fate.CONFIRMED]


async def test_a_channel_that_closes_leaves_the_rest_unknown(channel: AbstractChannel) -> None:
    batch = [_message(TAKEN), _message(TAKEN)]
    assert await publish_batch(channel, "no-such-exchange", batch, user=USER) == [Fate.UNKNOWN] * 2
    with pytest.raises(aio_pika.exceptions.ChannelInvalidStateError):
        await publish_batch(channel, PLACE, batch, user=USER)


async def test_what_comes_back_is_refused_on_any_channel(backing: Backing) -> None:
    connection = await aio_pika.connect(fresh_vhost(backing))
    async with connection:
        lenient = await connection.channel(on_return_raises=False)
        assert await publish_batch(lenient, "", [_message(NOWHERE)], user=USER) == [Fate.REFUSED]


async def test_what_goes_under_another_users_name_is_not_taken(channel: AbstractChannel) -> None:
    assert await publish_batch(channel, PLACE, [_message(TAKEN)], user="casework") == [Fate.UNKNOWN]
    assert channel.is_closed
