"""A partner agency on the broker: its own offers reach it, and everything else is refused."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPConnectionError, AMQPError, ChannelClosed
from common.contracts.base import Event
from common.contracts.casework import ReportOffered, ReportRouted
from common.contracts.codes import Urgency
from common.messaging.administration import BrokerAdministration
from common.messaging.envelope import encode
from common.messaging.publishing import Fate, Outgoing, publish_batch
from common.messaging.topology import EXCHANGE, binding_key

from tests.support.backing import Backing, manage
from tests.support.broker import served_vhost

NOW = datetime(2026, 11, 24, 9, 15, tzinfo=UTC)


@dataclass(frozen=True)
class Exchange:
    """A broker with the topology, its administrator, and a channel that may do anything."""

    administration: BrokerAdministration
    channel: AbstractChannel
    url: str
    backing: Backing

    @property
    def vhost(self) -> str:
        return self.url.rpartition("/")[2]

    async def speak(self, event: Event) -> None:
        """Publish as the relay does; some queue takes it."""
        envelope = encode(event)
        sent = Outgoing(str(envelope.event_id), event.routing_key, envelope.body)
        user = self.backing.rabbit_user
        assert await publish_batch(self.channel, EXCHANGE, [sent], user=user) == [Fate.CONFIRMED]

    async def policy(self, name: str) -> Any:
        """A policy as the broker has it."""
        return await asyncio.to_thread(manage, self.backing, "GET", f"/policies/{self.vhost}/{name}")

    async def partner(self, municipality: str, partner: str) -> "Partner":
        """A partner with its user, password and queue."""
        password = secrets.token_urlsafe(12)
        queue = await self.administration.provide_partner(municipality, partner, password)
        place = urlsplit(self.url)
        url = f"amqp://{quote(queue)}:{password}@{place.hostname}:{place.port}{place.path}"
        return Partner(queue, url)


@dataclass(frozen=True)
class Partner:
    """What a partner knows: its queue and its own address of the broker."""

    queue: str
    url: str

    async def take(self) -> list[dict[str, object]]:
        """Everything that waits for it, acknowledged; the data of each event."""
        async with await aio_pika.connect(self.url) as connection:
            queue = await (await connection.channel()).get_queue(self.queue, ensure=False)
            found = []
            while (message := await queue.get(fail=False)) is not None:
                await message.ack()
                found.append(json.loads(message.body)["data"])
            return found


@pytest.fixture
async def exchange(backing: Backing) -> AsyncIterator[Exchange]:
    vhost = await served_vhost(backing, "partners")
    async with (
        await aio_pika.connect(vhost.admin_url) as connection,
        vhost.administration() as administration,
    ):
        channel = await connection.channel(on_return_raises=True)
        yield Exchange(administration, channel, vhost.admin_url, backing)


async def test_a_partner_gets_its_own_offers_and_nothing_else(exchange: Exchange) -> None:
    police = await exchange.partner("zandrecht", "politie")
    others = [await exchange.partner("zandrecht", "riec"), await exchange.partner("duinrade", "politie")]
    mine = _offer("zandrecht", "politie")
    for event in (mine, _offer("zandrecht", "riec"), _offer("duinrade", "politie"), _routed()):
        await exchange.speak(event)
    assert [each["offerId"] for each in await police.take()] == [str(mine.offer_id)]
    assert [len(await each.take()) for each in others] == [1, 1]
    assert await police.take() == []


async def test_an_offer_holds_no_id_of_the_report_and_no_content(exchange: Exchange) -> None:
    police = await exchange.partner("zandrecht", "politie")
    await exchange.speak(_offer("zandrecht", "politie"))
    (offer,) = await police.take()
    assert set(offer) == {
        "municipality",
        "offerId",
        "partner",
        "signalType",
        "urgency",
        "neighbourhood",
        "dueAt",
        "ground",
    }


Attempt = Callable[[AbstractChannel], Awaitable[object]]


async def _read(channel: AbstractChannel, queue: str) -> object:
    return await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def _consume(channel: AbstractChannel, queue: str) -> object:
    received: asyncio.Queue[object] = asyncio.Queue()
    return await (await channel.get_queue(queue, ensure=False)).consume(received.put)


async def _publish(channel: AbstractChannel, exchange: str, key: str) -> None:
    target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
    await target.publish(aio_pika.Message(b"{}"), key)


async def _bind(channel: AbstractChannel, queue: str, key: str) -> object:
    return await (await channel.get_queue(queue, ensure=False)).bind(EXCHANGE, key)


OWN, OTHER = "partner.zandrecht.politie", "partner.duinrade.politie"
FORBIDDEN: dict[str, Attempt] = {
    "reads another partner's queue": lambda channel: _read(channel, OTHER),
    "consumes another partner's queue": lambda channel: _consume(channel, OTHER),
    "reads a service's queue": lambda channel: _read(channel, "casework"),
    "reads the dead letters": lambda channel: _read(channel, "dead-letter"),
    "reads what was not routed": lambda channel: _read(channel, "events.unrouted"),
    "declares a queue": lambda channel: channel.declare_queue("mine"),
    "declares a queue without a name": lambda channel: channel.declare_queue(exclusive=True),
    "declares an exchange": lambda channel: channel.declare_exchange("mine"),
    "binds its queue to every event": lambda channel: _bind(channel, OWN, "#"),
    "binds its queue to another's offers": lambda channel: _bind(
        channel, OWN, binding_key(ReportOffered, "duinrade", "politie")
    ),
    "publishes an event": lambda channel: _publish(channel, EXCHANGE, "intake.report-received.v1"),
    "publishes to a service's queue": lambda channel: _publish(channel, "", "casework"),
    "publishes to its own queue": lambda channel: _publish(channel, "", OWN),
}


@pytest.mark.parametrize("attempt", FORBIDDEN.values(), ids=FORBIDDEN.keys())
async def test_a_partner_is_refused_everything_else(exchange: Exchange, attempt: Attempt) -> None:
    police = await exchange.partner("zandrecht", "politie")
    await exchange.partner("duinrade", "politie")
    async with await aio_pika.connect(police.url) as connection:
        channel = await connection.channel(on_return_raises=True)
        with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
            await attempt(channel)


async def test_a_new_password_replaces_the_old_and_keeps_what_waits(exchange: Exchange) -> None:
    old = await exchange.partner("zandrecht", "politie")
    await exchange.speak(_offer("zandrecht", "politie"))
    new = await exchange.partner("zandrecht", "politie")
    with pytest.raises(AMQPConnectionError):
        await old.take()
    assert len(await new.take()) == 1


async def test_a_revoked_partner_is_put_out_at_once_and_keeps_only_what_it_had(exchange: Exchange) -> None:
    police = await exchange.partner("zandrecht", "politie")
    earlier = _offer("zandrecht", "politie")
    await exchange.speak(earlier)
    connection = await aio_pika.connect(police.url)
    ended = asyncio.Event()
    connection.close_callbacks.add(lambda *_arguments: ended.set())
    await exchange.administration.revoke_partner("zandrecht", "politie")
    await asyncio.wait_for(ended.wait(), 15)
    with pytest.raises(AMQPConnectionError):
        await police.take()
    await exchange.speak(_offer("zandrecht", "politie"))
    again = await exchange.partner("zandrecht", "politie")
    assert [each["offerId"] for each in await again.take()] == [str(earlier.offer_id)]
    await exchange.speak(_offer("zandrecht", "politie"))
    assert len(await again.take()) == 1


async def test_what_nobody_wants_is_bounded(exchange: Exchange) -> None:
    limits = await exchange.policy("unrouted")
    assert limits["pattern"] == r"^(events\.unrouted|dead\-letter)$"
    assert limits["definition"] == {
        "max-length": 100_000,
        "max-length-bytes": 1 << 30,
        "message-ttl": 30 * 24 * 3600 * 1000,
        "overflow": "drop-head",
    }


async def test_a_full_partner_queue_loses_its_oldest_and_holds_nobody_up(exchange: Exchange) -> None:
    police = await exchange.partner("zandrecht", "politie")
    await exchange.administration.limit(
        "few", r"^partner\.zandrecht\.politie$", {"max-length": 3, "overflow": "drop-head"}, priority=9
    )
    offers = [_offer("zandrecht", "politie") for _ in range(6)]
    for offer in offers:
        await exchange.speak(offer)
    assert [each["offerId"] for each in await police.take()] == [str(each.offer_id) for each in offers[3:]]


async def test_a_partner_cannot_pile_up_connections(exchange: Exchange) -> None:
    police = await exchange.partner("zandrecht", "politie")
    async with AsyncExitStack() as opened:
        for _ in range(8):
            await opened.enter_async_context(await aio_pika.connect(police.url))
        with pytest.raises(AMQPError):
            await aio_pika.connect(police.url)


def _offer(municipality: str, partner: str) -> ReportOffered:
    return ReportOffered(
        municipality=municipality,
        offer_id=uuid4(),
        partner=partner,
        signal_type="hennepteelt",
        urgency=Urgency.NORMAL,
        neighbourhood="Havenkwartier",
        due_at=NOW,
        ground="art. 16 WGS",
    )


def _routed() -> ReportRouted:
    return ReportRouted(
        municipality="zandrecht",
        report_id=uuid4(),
        version=1,
        department="oov",
        rule="catch-all",
        rules_version=0,
        due_at=NOW,
        routed_at=NOW,
    )
