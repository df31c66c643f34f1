"""A broker with everything of an installation on it, and chain partners on that broker."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import AMQPError
from common.contracts.base import Event
from common.contracts.casework import ReportOffered
from common.contracts.codes import Urgency
from common.messaging.administration import BrokerAdministration
from common.messaging.envelope import encode
from common.messaging.publishing import Fate, Outgoing, publish_batch
from common.messaging.topology import EXCHANGE

from tests.support.backing import manage
from tests.support.broker import ServedVhost
from tests.support.polling import wait_until

NOW = datetime(2026, 11, 24, 9, 15, tzinfo=UTC)


@dataclass(frozen=True)
class Partner:
    """What a partner knows: its queue and its own address of the broker."""

    vhost: str
    queue: str
    url: str

    async def take(self, count: int) -> list[str]:
        """The ids of the next offers for it, each acknowledged; AssertionError unless so many come."""
        async with own_queue(self.url, self.queue) as queue:
            found: list[str] = []

            async def are_all_there() -> bool:
                while (message := await queue.get(fail=False)) is not None:
                    await message.ack()
                    found.append(json.loads(message.body)["data"]["offerId"])
                return len(found) >= count

            await wait_until(are_all_there, what=f"{count} offers for {self.queue}")
            return found


@dataclass(frozen=True)
class Exchange:
    """A broker with the topology, its administrator, and casework's own channel."""

    services: ServedVhost
    administration: BrokerAdministration
    channel: AbstractChannel
    #: Partners are the whole broker's, so every test has a municipality of its own.
    town: str = field(default_factory=lambda: f"dorp-{secrets.token_hex(4)}")

    async def speak(self, *events: Event) -> None:
        """Publish as casework's relay does; some queue takes each."""
        batch = []
        for event in events:
            envelope = encode(event)
            batch.append(Outgoing(str(envelope.event_id), event.routing_key, envelope.body))
        fates = await publish_batch(self.channel, EXCHANGE, batch, user="casework")
        assert fates == [Fate.CONFIRMED] * len(events)

    async def partner(self, partner: str = "politie", municipality: str = "") -> Partner:
        """A partner with its user, password, virtual host and queue."""
        password = secrets.token_urlsafe(12)
        vhost, queue = await self.administration.partners.provide(
            municipality or self.town, partner, password
        )
        return Partner(vhost, queue, self.url(queue, password, vhost))

    def url(self, user: str, password: str, vhost: str) -> str:
        """Where a user finds a virtual host."""
        place = urlsplit(self.services.admin_url)
        return f"amqp://{quote(user)}:{password}@{place.hostname}:{place.port}/{quote(vhost, safe='')}"

    def at(self, vhost: str) -> str:
        """Where the broker's administrator finds a virtual host."""
        return f"{self.services.admin_url.rpartition('/')[0]}/{quote(vhost, safe='')}"

    async def manage(self, method: str, path: str, body: object = None) -> Any:
        """Call the management API as the broker's administrator."""
        return await asyncio.to_thread(manage, self.services.backing, method, path, body)

    def offer(self, partner: str = "politie", municipality: str = "") -> ReportOffered:
        """Something to offer."""
        return ReportOffered(
            municipality=municipality or self.town,
            offer_id=uuid4(),
            partner=partner,
            signal_type="hennepteelt",
            urgency=Urgency.NORMAL,
            neighbourhood="Havenkwartier",
            due_at=NOW,
            ground="art. 16 WGS",
        )


@asynccontextmanager
async def own_queue(url: str, name: str) -> AsyncIterator[AbstractQueue]:
    """A partner's queue on its one channel, once the broker has counted off the one before."""
    async with AsyncExitStack() as stack:
        found: list[AbstractQueue] = []

        async def is_let_in() -> bool:
            await stack.aclose()
            with contextlib.suppress(AMQPError):
                connection = await stack.enter_async_context(await aio_pika.connect(url))
                found.append(await (await connection.channel()).get_queue(name, ensure=False))
            return bool(found)

        await wait_until(is_let_in, what=f"{name} is let in")
        yield found[0]


@asynccontextmanager
async def cut_off(partner: Partner) -> AsyncIterator[AbstractConnection]:
    """A connection of this partner that the broker ends by what is done meanwhile; AssertionError if not."""
    connection, ended = await aio_pika.connect(partner.url), asyncio.Event()
    connection.close_callbacks.add(lambda *_arguments: ended.set())
    try:
        yield connection

        async def has_ended() -> bool:
            return ended.is_set()

        await wait_until(has_ended, what=f"the end of a connection of {partner.queue}")
    finally:
        await connection.close()


@asynccontextmanager
async def exchange_on(services: ServedVhost) -> AsyncIterator[Exchange]:
    """Speak on this virtual host as casework, and administer it."""
    async with (
        await aio_pika.connect(services.url("casework")) as connection,
        services.administration() as administration,
    ):
        channel = await connection.channel(on_return_raises=True)
        exchange = Exchange(services, administration, channel)
        try:
            yield exchange
        finally:
            for standing in await administration.partners.listed():
                _, municipality, partner = standing.queue.split(".")
                if municipality.startswith(exchange.town):
                    await administration.partners.remove(municipality, partner)


def ids(*offers: ReportOffered) -> list[str]:
    """The ids of these offers, as a partner reads them."""
    return [str(each.offer_id) for each in offers]
