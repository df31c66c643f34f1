"""Keeps a copy of every event that is spoken, delivers copies again, and shuffles what waits in a queue."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.connection import Connection, make_url
from common.contracts.base import TYPE_PREFIX
from common.flow import BY_TYPE, HEARD_BY, PARTNERS
from common.messaging.envelope import Envelope, Unreadable, read_envelope, speaker_of
from common.messaging.publishing import Fate, Outgoing, publish_batch
from common.messaging.topology import EXCHANGE

_QUEUE = "faults.copies"
_QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}
_AWAY = (aio_pika.exceptions.AMQPError, OSError, TimeoutError, RuntimeError)
_AWAY_SECONDS = 90.0
_SHUFFLED_AT_ONCE = 400
_BATCH = 40


class Echo:
    """Repeats deliveries as a broker may: in any order, any number of times, to whoever hears the event."""

    def __init__(self, amqp_url: Callable[[], str], dice: random.Random) -> None:
        """Needs a user who may publish under the names of others (RabbitMQ's tag `impersonator`)."""
        self.copies: dict[UUID, Envelope] = {}
        self.repeated = 0
        self.shuffled = 0
        self._amqp_url = amqp_url
        self._dice = dice
        self._own: set[str] = set()  # what was put there from here is nothing that a service said

    async def listen(self) -> None:
        """Keep what is spoken; heals after any outage of the broker and never returns."""
        while True:
            try:
                async with self._channel() as channel:
                    await channel.set_qos(prefetch_count=500)
                    queue = await channel.declare_queue(_QUEUE, durable=True, arguments=_QUORUM)
                    await queue.bind(EXCHANGE, routing_key="#")
                    await queue.consume(self._keep, timeout=10)
                    await _closed(channel)
            except _AWAY:
                await asyncio.sleep(0.5)

    async def _keep(self, message: AbstractIncomingMessage) -> None:
        if message.message_id not in self._own:
            envelope = read_envelope(message.body)
            if envelope.type in BY_TYPE:
                self.copies[envelope.event_id] = envelope
        await message.ack()

    async def repeat(self, total: int, seconds: float) -> None:
        """Deliver this many copies of what was spoken so far again, spread over so many seconds."""
        rounds = max(1, total // _BATCH)
        for _ in range(rounds):
            await asyncio.sleep(seconds / rounds * self._dice.uniform(0.5, 1.5))
            if self.copies:
                await self.deliver(self._dice.choices(list(self.copies.values()), k=_BATCH))

    async def deliver(self, envelopes: Iterable[Envelope]) -> None:
        """Deliver these, in random order, to each service that hears them."""
        addressed = [(queue, each) for each in envelopes for queue in hearers(each)]
        self._dice.shuffle(addressed)
        await self.publish([(queue, str(each.event_id), each.body) for queue, each in addressed])
        self.repeated += len(addressed)

    async def publish(self, messages: Iterable[tuple[str, str, bytes]]) -> None:
        """Put messages (queue, id, body) into queues, confirmed; all once more when the broker was away.

        They go the way of an event, as hearers want it, so whoever else hears it gets it too.
        """
        messages = list(messages)
        self._own |= {message_id for _, message_id, _ in messages} - set(map(str, self.copies))
        until = asyncio.get_running_loop().time() + _AWAY_SECONDS
        while True:
            try:
                async with self._channel() as channel:
                    await _publish(channel, messages)
            except _AWAY:
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(0.5)
            else:
                return

    async def shuffle(self, queue: str) -> int:
        """Put what waits in a queue back in random order, some of it twice; returns how many waited.

        A message is acknowledged only after its copies are confirmed: none can get lost here.
        """
        async with self._channel() as channel:
            source = await channel.get_queue(queue, ensure=False)
            taken: list[AbstractIncomingMessage] = []
            while len(taken) < _SHUFFLED_AT_ONCE:
                message = await source.get(fail=False)
                if message is None:
                    break
                taken.append(message)
            order = [*taken, *self._dice.sample(taken, len(taken) // 3)]
            self._dice.shuffle(order)
            await _publish(channel, [(queue, each.message_id or str(uuid4()), each.body) for each in order])
            for each in taken:
                await each.ack()
        self.shuffled += len(taken)
        self.repeated += len(order) - len(taken)
        return len(taken)

    async def depth(self, queue: str) -> int:
        """Messages that wait in a queue now."""
        async with self._channel() as channel:
            found = await channel.declare_queue(queue, passive=True)
            return int(found.declaration_result.message_count or 0)

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        # Not `aio_pika.connect`: that leaves what could not connect to the garbage collector to close.
        connection = Connection(make_url(self._amqp_url()))
        try:
            await connection.connect(timeout=5)
            yield await connection.channel()
        finally:
            await connection.close()


async def _publish(channel: AbstractChannel, messages: list[tuple[str, str, bytes]]) -> None:
    """Put messages (queue, id, body) into queues; raises unless every one is confirmed."""
    for name, key in {(queue, _key(body)) for queue, _, body in messages}:
        await (await channel.get_queue(name, ensure=False)).bind(EXCHANGE, key)  # what nobody hears is new
    for start in range(0, len(messages), _BATCH):
        part = messages[start : start + _BATCH]
        batch = [Outgoing(message_id, _key(body), body) for _, message_id, body in part]
        for speaker in {_speaker(each.body) for each in batch}:
            spoken = [each for each in batch if _speaker(each.body) == speaker]
            fates = await publish_batch(channel, EXCHANGE, spoken, user=speaker)
            if any(fate is not Fate.CONFIRMED for fate in fates):
                raise ConnectionError("not everything was confirmed")


def _key(body: bytes) -> str:
    """Under which key this would go; what is no event has one of its own."""
    try:
        return read_envelope(body).type.removeprefix(TYPE_PREFIX)
    except Unreadable:
        return "intake.nothing.v1"


def _speaker(body: bytes) -> str:
    """Who would have sent this; for what no service speaks, intake."""
    try:
        return speaker_of(read_envelope(body).type)
    except Unreadable:
        return "intake"


async def _closed(channel: AbstractChannel) -> None:
    """Return when the channel has closed, for whatever reason."""
    while not channel.is_closed:  # noqa: ASYNC110 -- a broken connection sets no event
        await asyncio.sleep(0.3)


def hearers(envelope: Envelope) -> list[str]:
    """The queues of the services that hear this event."""
    return [name for name in HEARD_BY[BY_TYPE[envelope.type]] if name != PARTNERS]


def renamed(envelope: Envelope) -> Envelope:
    """The same event under a new id, which no inbox knows: as a restored backup would say it."""
    fresh = uuid4()
    body = envelope.body.replace(str(envelope.event_id).encode(), str(fresh).encode(), 1)
    return replace(envelope, event_id=fresh, body=body)
