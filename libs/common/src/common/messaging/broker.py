"""The broker: one robust connection, and the whole topology declared from `flow.py`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractRobustConnection

from common.contracts.base import Event
from common.db import is_away
from common.flow import HEARD_BY, PARTNERS, SERVICES, heard_by
from common.log import get_logger

EXCHANGE = "events"
UNROUTED = "events.unrouted"
DEAD = "events.dead"
DEAD_QUEUE = "dead-letter"
_QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}

log = get_logger()


class Broker:
    """A connection that heals itself; every opening declares the topology, so start order loses nothing."""

    def __init__(self, url: str, *, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: AbstractRobustConnection | None = None
        self._opening = asyncio.Lock()

    async def channel(self, *, prefetch: int | None = None) -> AbstractChannel:
        """A fresh plain channel with confirms; raises a connection error while the broker is away.

        The channel is not restored behind our back: who uses it sees it close and asks for another.
        """
        connection = await self._connected()
        channel = aio_pika.Channel(connection, publisher_confirms=True, on_return_raises=True)
        await asyncio.wait_for(channel.initialize(timeout=10), 15)
        if prefetch is not None:
            await channel.set_qos(prefetch_count=prefetch)
        await declare_topology(channel)
        return channel

    @property
    def is_connected(self) -> bool:
        """Whether the connection is up at this moment."""
        return self._connection is not None and self._connection.connected.is_set()

    async def close(self) -> None:
        """Close the connection; unacknowledged messages go back to their queues."""
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> AbstractRobustConnection:
        async with self._opening:
            if self._connection is None or self._connection.is_closed:
                self._connection = await aio_pika.connect_robust(
                    self._url,
                    reconnect_interval=0.5,
                    timeout=5,
                    fail_fast=True,
                    client_properties={"connection_name": self._name},
                )
        await asyncio.wait_for(self._connection.connected.wait(), 5)
        return self._connection


async def declare_topology(channel: AbstractChannel) -> None:
    """Declare exchanges, every service's queue and its bindings; the same everywhere, safe to repeat.

    Limits and dead-lettering are policies (`common.messaging.administration`): arguments cannot change.
    """
    unrouted = await channel.declare_exchange(UNROUTED, "fanout", durable=True)
    dead = await channel.declare_exchange(DEAD, "fanout", durable=True)
    events = await channel.declare_exchange(
        EXCHANGE, "topic", durable=True, arguments={"alternate-exchange": UNROUTED}
    )
    for name, exchange in ((UNROUTED, unrouted), (DEAD_QUEUE, dead)):
        queue = await channel.declare_queue(name, durable=True, arguments=_QUORUM)
        await queue.bind(exchange, routing_key="")
    for service in SERVICES:
        heard = heard_by(service)
        if heard:
            queue = await channel.declare_queue(service, durable=True, arguments=_QUORUM)
            await asyncio.gather(*(queue.bind(events, routing_key=event.name) for event in heard))


def binding_key(event: type[Event], municipality: str, partner: str) -> str:
    """The one routing key that a partner's queue is bound to for an event meant for partners."""
    if PARTNERS not in HEARD_BY[event]:
        raise ValueError(f"{event.name} is not for partners")
    return f"{event.name}.{municipality}.{partner}"


async def keep_trying(
    action: Callable[[], Awaitable[None]], stopping: asyncio.Event, *, what: str, pause_seconds: float = 0.5
) -> None:
    """Run an endless action again whenever what it stands on goes away, until told to stop.

    The pause doubles up to 5 s while it fails at once. Errors that are not an outage are logged with their
    trace and tried again too: a relay or consumer that dies silently would leave reports lying.
    """
    pause = pause_seconds
    while not stopping.is_set():
        started = asyncio.get_running_loop().time()
        try:
            await action()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.warning(
                "part.interrupted", part=what, error=type(error).__name__, exc_info=not _is_outage(error)
            )
        if asyncio.get_running_loop().time() - started > 5:
            pause = pause_seconds
        try:
            await asyncio.wait_for(stopping.wait(), pause)
        except TimeoutError:
            pause = min(pause * 2, 5)


def _is_outage(error: BaseException) -> bool:
    return isinstance(error, aio_pika.exceptions.AMQPError) or is_away(error)
