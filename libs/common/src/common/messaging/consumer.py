"""The consumer: takes what waits in a service's queue and commits its effects in micro-batches."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from aio_pika.abc import AbstractChannel
from aiormq.abc import AbstractChannel as Wire
from aiormq.abc import DeliveredMessage
from sqlalchemy.ext.asyncio import AsyncConnection

from common import metrics
from common.db import Database, is_away
from common.log import get_logger
from common.messaging.broker import Broker, keep_trying
from common.messaging.envelope import Envelope, Unreadable, read_envelope
from common.messaging.failing import is_hopeless
from common.messaging.handling import Dispatcher
from common.messaging.receiving import read_no_more_than_needed
from common.messaging.sender import is_place_of
from common.messaging.waiting import WaitingRoom

log = get_logger()

#: Keeps messages for later in the caller's transaction; returns those for which there is no room.
_Store = Callable[[AsyncConnection, Sequence[Envelope]], Awaitable[Sequence[Envelope]]]

_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass
class _Settled:
    """The delivery tags of a channel that are acknowledged or rejected: all up to one, and some beyond."""

    upto: int = 0
    _beyond: set[int] = field(default_factory=set)

    def add(self, tags: Iterable[int]) -> None:
        """These are settled too."""
        self._beyond.update(tags)
        while self.upto + 1 in self._beyond:
            self.upto += 1
            self._beyond.discard(self.upto)


@dataclass
class _Batch:
    """Messages that were read, by what is done with them, and the delivery tag of each."""

    fresh: list[Envelope] = field(default_factory=list)
    suspects: list[Envelope] = field(default_factory=list)
    forged: list[Envelope] = field(default_factory=list)
    tags: dict[int, int] = field(default_factory=dict)  # by the identity of the envelope: ids may repeat

    def add(self, envelope: Envelope, tag: int, is_redelivered: bool | None) -> None:
        """Put a message where it belongs."""
        self.tags[id(envelope)] = tag
        if not envelope.is_vouched_for:
            self.forged.append(envelope)
        else:
            (self.suspects if is_redelivered else self.fresh).append(envelope)


def _read(message: DeliveredMessage) -> Envelope:
    """The outside of a message; nobody vouches for one that came by another way than its type goes.

    Raises `Unreadable`.
    """
    envelope = read_envelope(message.body, spoken_by=str(message.header.properties.user_id or ""))
    if envelope.is_vouched_for and not is_place_of(envelope.type, message.exchange, message.routing_key):
        return replace(envelope, spoken_by="")
    return envelope


class Consumer:
    """Handles every message of one queue at least once, with effects exactly once.

    Acknowledges after the commit. A failing batch is retried one by one; a failing message moves to the
    waiting room. A redelivered message goes there untried, so that one which kills the process takes no
    innocent with it. What its speaker did not send is parked there, and never handled. What cannot be read or
    kept is rejected, and goes to the dead letters alone. While the database is away no attempt is spent: what
    was taken stays in hand.

    What comes alone is handled at once; under load a batch that is not full begins `pace_seconds` after the
    one before it, so that many messages share a transaction.
    """

    name = "consumer"
    is_background = True

    def __init__(
        self,
        queue: str,
        database: Database,
        broker: Broker,
        dispatcher: Dispatcher,
        waiting: WaitingRoom,
        *,
        prefetch: int = 200,
        batch: int = 100,
        gather_seconds: float = 0.01,
        pace_seconds: float = 0.1,
    ) -> None:
        self._queue = queue
        self._database = database
        self._broker = broker
        self._dispatcher = dispatcher
        self._waiting = waiting
        self._prefetch = prefetch
        self._batch = batch
        self._gather_seconds = gather_seconds
        self._pace_seconds = pace_seconds
        self._next_at = 0.0
        self._channel: AbstractChannel | None = None
        self._settled = _Settled()

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""
        return None if self._channel and not self._channel.is_closed else "not consuming"

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until told to stop; heals after any outage of broker or database."""
        await keep_trying(lambda: self._consume(stopping), stopping, what="consumer")

    async def _consume(self, stopping: asyncio.Event) -> None:
        if self._waiting.is_halted:
            raise RuntimeError("too many messages parked in a row")
        if not await self._database.answers():
            raise ConnectionError("the database is away")
        self._channel = await self._broker.channel(prefetch=self._prefetch)
        self._settled = _Settled()
        try:
            wire = await self._channel.get_underlay_channel()  # its wrapper costs more than the message
            read_no_more_than_needed(wire)
            inbound: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
            tag = (await wire.basic_consume(self._queue, inbound.put, timeout=10)).consumer_tag
            while not stopping.is_set() and not self._waiting.is_halted:
                messages = await self._next(inbound)
                if messages:
                    await self._handle(wire, messages, stopping)
                elif self._channel.is_closed:
                    raise ConnectionError("the channel closed")
                elif tag not in getattr(wire, "consumers", ()):  # the client takes a cancelled one out
                    raise ConnectionError("the broker cancelled the consumer")
            await wire.basic_cancel(str(tag))
        finally:
            await self._channel.close()

    async def _next(self, inbound: "asyncio.Queue[DeliveredMessage]") -> list[DeliveredMessage]:
        try:
            async with asyncio.timeout(0.5):
                messages = [await inbound.get()]
        except TimeoutError:
            return []
        loop = asyncio.get_running_loop()
        if inbound.qsize() < self._batch - 1:  # a transaction costs the same for one as for ten
            await asyncio.sleep(max(self._gather_seconds, self._next_at - loop.time()))
        self._next_at = loop.time() + self._pace_seconds
        while len(messages) < self._batch and not inbound.empty():
            messages.append(inbound.get_nowait())
        return messages

    async def _handle(
        self, wire: Wire, messages: Sequence[DeliveredMessage], stopping: asyncio.Event
    ) -> None:
        batch = _Batch()
        for message in messages:
            tag = message.delivery_tag or 0
            try:
                batch.add(_read(message), tag, message.redelivered)
            except Unreadable as error:
                log.warning("message.unreadable", error=str(error))
                await self._reject(wire, tag)
        not_kept = await self._keep(batch, stopping)
        if not_kept is None:
            return
        for envelope in not_kept:
            await self._reject(wire, batch.tags.pop(id(envelope)))
        await self._acknowledge(wire, sorted(batch.tags.values()))

    async def _reject(self, wire: Wire, tag: int) -> None:
        """To the dead letters with it."""
        await wire.basic_reject(tag, requeue=False)
        metrics.EVENTS_REJECTED.inc()
        self._settled.add([tag])

    async def _acknowledge(self, wire: Wire, tags: Sequence[int]) -> None:
        """One frame for a whole batch, when nothing that was delivered before it is still in hand.

        Deliveries may reach us out of order; then each is acknowledged by itself.
        """
        first = self._settled.upto + 1
        self._settled.add(tags)
        if tags and self._settled.upto == tags[-1] >= first:
            await wire.basic_ack(tags[-1], multiple=True)
            return
        for tag in tags:
            await wire.basic_ack(tag)

    async def _keep(self, batch: _Batch, stopping: asyncio.Event) -> Sequence[Envelope] | None:
        """Commit their effects; while the database is away they stay in hand.

        Returns those that are not kept, and None when told to stop before it was done. Giving these back
        instead would count as deliveries, and after enough of those the broker gives up.
        """
        pause = _PAUSE_SECONDS
        while not stopping.is_set():
            try:
                return await self._keep_once(batch)
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("consumer.database_away", error=type(error).__name__, count=len(batch.tags))
            while not stopping.is_set():
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                if self._channel is None or self._channel.is_closed:
                    raise ConnectionError("the channel closed")
                if await self._database.answers():
                    break
        return None

    async def _keep_once(self, batch: _Batch) -> Sequence[Envelope]:
        if batch.suspects:
            metrics.EVENTS_DEFERRED.labels("suspect").inc(len(batch.suspects))
        return [
            *await self._store(batch.forged, self._waiting.impound),
            *await self._store(batch.suspects, partial(self._waiting.put, error="redelivered")),
            *await self._apply(batch.fresh),
        ]

    async def _store(self, envelopes: Sequence[Envelope], store: _Store) -> Sequence[Envelope]:
        """Keep these in one transaction, or each in its own when that fails; returns those not kept.

        So what the database refuses takes no other along. Raises only while the database is away.
        """
        if not envelopes:
            return ()
        try:
            async with self._database.flowing() as connection:
                return await store(connection, envelopes)
        except Exception as error:
            if is_away(error):
                raise
            if len(envelopes) == 1:
                log.error("message.not_kept", type=envelopes[0].type, error=type(error).__name__)  # noqa: TRY400 -- a trace may hold what it says
                return envelopes
        return [each for envelope in envelopes for each in await self._store([envelope], store)]

    async def _apply(self, envelopes: Sequence[Envelope]) -> Sequence[Envelope]:
        """Handle these, together or one by one; returns those that failed and could not be deferred."""
        if not envelopes:
            return ()
        try:
            async with self._database.flowing() as connection:
                await self._dispatcher.apply(connection, envelopes)
        except Exception as error:
            if is_away(error):
                raise
            if len(envelopes) > 1:
                return [each for envelope in envelopes for each in await self._apply([envelope])]
            trace = not is_hopeless(error)
            log.warning(
                "message.deferred", type=envelopes[0].type, error=type(error).__name__, exc_info=trace
            )
            return await self._store(envelopes, partial(self._waiting.defer, error=error))
        self._waiting.succeeded({each.spoken_by for each in envelopes})
        return ()
