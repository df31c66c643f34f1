"""The broker: one robust connection of a service's own user, who may configure nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractRobustConnection

from common.addresses import is_encrypted, refuse_plain
from common.db import is_away
from common.log import get_logger
from common.messaging.receiving import outlive_strangers_bytes
from common.tls import Tls

log = get_logger()


class Broker:
    """A connection that heals itself; what there is on the broker was made by provisioning."""

    def __init__(self, url: str, *, name: str, tls: Tls | None = None) -> None:
        refuse_plain("the broker's address", url)
        self._url = url
        self._ssl_context = (tls or Tls()).client() if is_encrypted(url) else None
        self._name = name
        #: Stands on all that is published: the broker refuses another, and hearers know the speaker by it.
        self.user = broker_user(url)
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
        outlive_strangers_bytes()
        async with self._opening:
            if self._connection is None or self._connection.is_closed:
                self._connection = await aio_pika.connect_robust(
                    self._url,
                    ssl_context=self._ssl_context,  # whatever the address says: it verifies
                    reconnect_interval=0.5,
                    timeout=5,
                    fail_fast=True,
                    client_properties={"connection_name": self._name},
                )
        await asyncio.wait_for(self._connection.connected.wait(), 5)
        return self._connection


def broker_user(url: str) -> str:
    """The user in an address of the broker; the protocol's own default where it names none."""
    return unquote(urlsplit(url).username or "guest")


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
