"""The consumer: takes what waits in a service's queue and commits its effects in micro-batches."""

import asyncio
from collections.abc import Sequence

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from common import metrics
from common.db import Database, is_away
from common.log import get_logger
from common.messaging.broker import Broker, keep_trying
from common.messaging.envelope import Envelope, Unreadable, read_envelope
from common.messaging.handling import Dispatcher
from common.messaging.waiting import WaitingRoom

log = get_logger()


class Consumer:
    """Handles every message of one queue at least once, with effects exactly once.

    Acknowledges after the commit. A failing batch is retried one by one; a failing message moves to the
    waiting room. A redelivered message goes there untried, so that one which kills the process takes no
    innocent with it. While the database is away nothing is consumed and no attempt is spent.
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
    ) -> None:
        self._queue = queue
        self._database = database
        self._broker = broker
        self._dispatcher = dispatcher
        self._waiting = waiting
        self._prefetch = prefetch
        self._batch = batch
        self._gather_seconds = gather_seconds
        self._channel: AbstractChannel | None = None

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
        await self._database_answers()
        self._channel = await self._broker.channel(prefetch=self._prefetch)
        try:
            queue = await self._channel.get_queue(self._queue, ensure=False)
            inbound: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
            tag = await queue.consume(inbound.put, timeout=10)
            while not stopping.is_set() and not self._waiting.is_halted:
                messages = await self._next(inbound)
                if messages:
                    await self._handle(messages)
                elif self._channel.is_closed:
                    raise ConnectionError("the channel closed")
            await queue.cancel(tag)
        finally:
            await self._channel.close()

    async def _next(self, inbound: "asyncio.Queue[AbstractIncomingMessage]") -> list[AbstractIncomingMessage]:
        try:
            messages = [await asyncio.wait_for(inbound.get(), 0.5)]
        except TimeoutError:
            return []
        if inbound.qsize() < self._batch - 1:  # a transaction costs the same for one as for ten
            await asyncio.sleep(self._gather_seconds)
        while len(messages) < self._batch and not inbound.empty():
            messages.append(inbound.get_nowait())
        return messages

    async def _handle(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        fresh: list[Envelope] = []
        suspects: list[Envelope] = []
        readable: list[AbstractIncomingMessage] = []
        for message in messages:
            try:
                envelope = read_envelope(message.body)
            except Unreadable as error:
                log.warning("message.unreadable", error=str(error))
                metrics.EVENTS_REJECTED.inc()
                await message.reject(requeue=False)
                continue
            readable.append(message)
            (suspects if message.redelivered else fresh).append(envelope)
        if suspects:
            metrics.EVENTS_DEFERRED.labels("suspect").inc(len(suspects))
            async with self._database.flowing() as connection:
                await self._waiting.put(connection, suspects, error="redelivered")
        if fresh:
            await self._apply(fresh)
        if readable:  # everything up to here is handled: one frame acknowledges it all
            await readable[-1].ack(multiple=True)

    async def _apply(self, envelopes: Sequence[Envelope]) -> None:
        try:
            async with self._database.flowing() as connection:
                await self._dispatcher.apply(connection, envelopes)
            self._waiting.succeeded()
        except Exception as error:
            if is_away(error):
                raise
            if len(envelopes) > 1:
                for envelope in envelopes:
                    await self._apply([envelope])
                return
            log.warning("message.deferred", type=envelopes[0].type, error=type(error).__name__, exc_info=True)
            async with self._database.flowing() as connection:
                await self._waiting.defer(connection, envelopes[0], error=error)

    async def _database_answers(self) -> None:
        async with self._database.flowing():
            pass
