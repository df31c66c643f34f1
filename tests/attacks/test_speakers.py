"""A service that was broken into, with its own password of the broker, tries to speak as every other service.

It knows all of the code. What it must not reach: that a hearer believes what it says in another's name, that
another's queue or exchange changes, that it reads what is not for it, or that another's fact counts as heard.
"""

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4
from zlib import crc32

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, FieldValue
from aio_pika.exceptions import AMQPError
from common import metrics
from common.contracts.base import Event
from common.contracts.casework import ReportClosed, ReportOffered, ReportTaken
from common.contracts.intake import FormsConfigured
from common.flow import HEARD_BY, PARTNERS, SERVICES, heard_by, spoken_by
from common.house import House, build_house
from common.messaging import forget_subject
from common.messaging.envelope import Delivery, encode
from common.messaging.handling import Handlers
from common.messaging.partners import PartnerAccess
from common.messaging.topology import DEAD, DEAD_QUEUE, EXCHANGE, UNROUTED, queues
from common.messaging.waiting_list import WaitingList, WaitingMessage
from making.examples import example_of
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support import ledger
from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.broker import ServedVhost, Try, as_relayed, send_raw, served_vhost, try_on_broker
from tests.support.hostile import send_two_faced
from tests.support.pair import running, settings_for
from tests.support.polling import wait_until

_BUILT_IN = ("", "amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.topic")
_OURS = (EXCHANGE, UNROUTED, DEAD)
_EXCHANGES = (*_OURS, *_BUILT_IN)
_FORGED = "Forged: not sent by its speaker"
_HEARERS = tuple(service for service in SERVICES if heard_by(service))


@dataclass
class Town:
    """Every hearer at work on one virtual host, and what each of them believed."""

    vhost: ServedVhost
    houses: dict[str, House] = field(default_factory=dict)
    believed: list[tuple[str, UUID, str]] = field(default_factory=list)  # hearer, event id, type
    #: Its partner is the whole broker's, so it has a municipality of its own.
    code: str = field(default_factory=lambda: f"dorp-{uuid4().hex[:8]}")

    def handlers(self, service: str) -> Handlers:
        """Believe everything that reaches a handler."""

        async def believe(_: AsyncConnection, deliveries: Sequence[Delivery[Any]]) -> None:
            self.believed += [(service, each.event_id, each.event.event_type()) for each in deliveries]

        return dict.fromkeys(heard_by(service), believe)

    async def speak(self, event: Event, event_id: UUID) -> None:
        """Say this as its own speaker does."""
        url = self.vhost.url(event.speaker())
        await send_raw(url, event.routing_key, encode(event, event_id=event_id).body)

    async def is_believed(self, event_id: UUID, *hearers: str) -> bool:
        """Whether each of these hearers believed it."""
        return set(hearers) <= {who for who, which, _ in self.believed if which == event_id}

    async def settle(self) -> None:
        """Wait until each hearer has come past everything that was sent so far."""
        for hearer in _HEARERS:
            marker = uuid4()
            await self.speak(example_of(heard_by(hearer)[0]), marker)
            await wait_until(partial(self.is_believed, marker, hearer), what=f"the end of {hearer}'s queue")


@pytest.fixture(scope="module")
async def town(backing: Backing) -> AsyncIterator[Town]:
    made = Town(await served_vhost(backing, "speakers"))
    async with AsyncExitStack() as stack:
        for service in _HEARERS:
            urls = await ledger.make_database(backing, service)
            settings = settings_for(urls, made.vhost.url(service))
            house = build_house(service, settings, made.handlers(service))
            made.houses[service] = await stack.enter_async_context(running(house))
        yield made


@pytest.fixture(autouse=True)
async def _room(town: Town) -> None:
    """What a test before this one had parked is gone, for only so much is kept."""
    for house in town.houses.values():
        async with house.database.flowing() as connection:
            await connection.execute(text("DELETE FROM waiting"))


@asynccontextmanager
async def _attacker(town: Town, service: str) -> "AsyncIterator[Callable[[], Awaitable[AbstractChannel]]]":
    """Gives a fresh channel of a service that was broken into, as often as the broker closes one."""
    async with await aio_pika.connect(town.vhost.url(service)) as connection:

        async def channel() -> AbstractChannel:
            return await connection.channel(on_return_raises=True)

        yield channel


_Lie = tuple[str, str, str | None, Event, "dict[str, FieldValue]"]


def _lies(town: Town, attacker: str) -> Iterator[_Lie]:
    """Where it could say something, under which key, as whom, what, and with which headers."""
    own = next(iter(spoken_by(attacker))).name
    for kind in HEARD_BY:
        if kind.speaker() == attacker:
            continue
        event = _offer_to(town) if kind is ReportOffered else example_of(kind)
        keys = {event.routing_key, own, *(each for each in HEARD_BY[kind] if each != PARTNERS), ""}
        users = (attacker, kind.speaker(), None)
        for number, (exchange, key, user) in enumerate(itertools.product(_EXCHANGES, sorted(keys), users)):
            is_telling = exchange in _OURS and key in (event.routing_key, own)
            if IS_LONG or (is_telling and user == attacker) or number % 97 == crc32(kind.name.encode()) % 97:
                yield exchange, key, user, event, {}
        for header in ("CC", "BCC"):  # further keys, on which the broker checks no right
            yield EXCHANGE, own, attacker, event, {header: [event.routing_key]}


def _offer_to(town: Town) -> Event:
    return example_of(ReportOffered).model_copy(update={"municipality": town.code})


@pytest.mark.parametrize("attacker", SERVICES)
async def test_nobody_is_believed_in_anothers_name(town: Town, attempts: Attempts, attacker: str) -> None:
    async with town.vhost.administration() as administration:
        access = await administration.partners.provide(town.code, "politie", "geheim")
    tried: dict[UUID, str] = {}
    async with _attacker(town, attacker) as another:
        channel = await another()
        for place, key, user, event, headers in _lies(town, attacker):
            lie = uuid4()
            way = ", ".join((place or "the nameless exchange", *headers))
            tried[lie] = f"a fact in another's name, by {way}"
            message = as_relayed(encode(event, event_id=lie).body, user, headers)
            try:
                exchange = await channel.get_exchange(place, ensure=False)
                if place == "":
                    exchange = channel.default_exchange
                await exchange.publish(message, routing_key=key, timeout=10)
            except AMQPError:
                if channel.is_closed:
                    channel = await another()
        for kind in (each for each in HEARD_BY if each.speaker() != attacker):
            lie = uuid4()
            tried[lie] = "a fact in another's name, in a header that two readers read differently"
            await _send_two_faced(town, channel, attacker, kind, lie)
    await town.settle()
    believed = {which for _, which, _ in town.believed}
    for lie, what in tried.items():
        attempts.record(what, succeeded=lie in believed)
    attempts.record(
        "a partner offered something by another than casework",
        succeeded=await _offers_before(town, access, uuid4()) > 0,
    )


async def _send_two_faced(
    town: Town, channel: AbstractChannel, attacker: str, kind: type[Event], lie: UUID
) -> None:
    event = _offer_to(town) if kind is ReportOffered else example_of(kind)
    own, body = next(iter(spoken_by(attacker))).name, encode(event, event_id=lie).body
    await send_two_faced(channel, attacker, kind.speaker(), own, event.routing_key, body)


async def test_a_speaker_is_believed_under_the_key_of_its_event_only(town: Town, attempts: Attempts) -> None:
    lie = uuid4()
    await send_raw(
        town.vhost.url("casework"), ReportTaken.name, encode(example_of(ReportClosed), event_id=lie).body
    )
    await town.settle()
    attempts.record("a fact under another's key", succeeded=await town.is_believed(lie, "reporting"))
    parked = await _waiting(town, lie)
    assert (parked.spoken_by, parked.error) == ("", _FORGED)


async def test_whoever_forged_an_event_cannot_have_the_trace_of_it_erased(
    town: Town, attempts: Attempts
) -> None:
    lie, event = uuid4(), example_of(FormsConfigured)
    await send_raw(town.vhost.url("casework"), ReportTaken.name, encode(event, event_id=lie).body)
    await town.settle()
    async with town.houses["reporting"].database.flowing() as connection:
        for _ in range(2):
            await forget_subject(connection, event.municipality, event.subject)
        rows = await connection.execute(
            text("SELECT subject, body FROM waiting WHERE event_id = :lie"), {"lie": lie}
        )
        left = [(row.subject, bytes(row.body)) for row in rows]
        await connection.execute(text("DELETE FROM tombstone"))
    attempts.record("a trace of a forged event erased", succeeded=not left)
    assert left == [("", b"")]


async def _offers_before(town: Town, access: PartnerAccess, last: UUID) -> int:
    """Speak an offer as casework does; how many came before it that seem to be casework's too."""
    await town.speak(_offer_to(town), last)
    seen: list[tuple[str | None, UUID]] = []
    async with await aio_pika.connect(
        f"{town.vhost.admin_url.rpartition('/')[0]}/{access.vhost}"
    ) as connection:
        queue = _queue(await connection.channel(), access.queue)

        async def has_come() -> bool:
            while message := await queue.get(no_ack=True, fail=False):
                seen.append((message.user_id, UUID(json.loads(message.body)["id"])))
            return bool(seen) and seen[-1][1] == last

        await wait_until(has_come, what="casework's own offer")
    return sum(who == "casework" for who, _ in seen) - 1


async def _depth(town: Town, queue: str) -> int:
    async with await aio_pika.connect(town.vhost.admin_url) as connection:
        found = await (await connection.channel()).declare_queue(queue, passive=True)
        return int(found.declaration_result.message_count or 0)


def _changes(attacker: str) -> Iterator[tuple[str, Try]]:
    """Everything that would change what there is on the broker, or read what is another's."""
    yield "declare a queue", lambda channel: channel.declare_queue("mine")
    yield "declare a queue without a name", lambda channel: channel.declare_queue(exclusive=True)
    yield "declare an exchange", lambda channel: channel.declare_exchange("mine")
    keys = ("#", "", *(kind.name for kind in HEARD_BY if IS_LONG))
    for queue, exchange, key in itertools.product((*queues(), attacker), (*_OURS, *_BUILT_IN[1:]), keys):
        yield "bind a queue", partial(_bind, queue, exchange, key)
    for hearer in _HEARERS:
        yield "take a binding away", partial(_unbind, hearer, heard_by(hearer)[0].name)
    for queue in queues():
        yield "delete a queue", partial(_delete_queue, queue)
        if queue != attacker:
            for what, change in (("empty", _purge), ("read", _get), ("consume", _consume)):
                yield f"{what} another's queue", partial(change, queue)
    for exchange, other in itertools.product(_OURS, _OURS):
        yield "delete an exchange", partial(_delete_exchange, exchange)
        yield "bind an exchange to another", partial(_bind_exchange, exchange, other)


async def _bind(queue: str, exchange: str, key: str, channel: AbstractChannel) -> None:
    await _queue(channel, queue).bind(exchange, key)


async def _unbind(queue: str, key: str, channel: AbstractChannel) -> None:
    await _queue(channel, queue).unbind(EXCHANGE, key)


async def _purge(queue: str, channel: AbstractChannel) -> None:
    await _queue(channel, queue).purge()


async def _get(queue: str, channel: AbstractChannel) -> None:
    await _queue(channel, queue).get()


async def _consume(queue: str, channel: AbstractChannel) -> None:
    await _queue(channel, queue).consume(_ignore)


async def _delete_queue(queue: str, channel: AbstractChannel) -> None:
    await channel.queue_delete(queue)


async def _delete_exchange(exchange: str, channel: AbstractChannel) -> None:
    await channel.exchange_delete(exchange)


async def _bind_exchange(exchange: str, other: str, channel: AbstractChannel) -> None:
    await aio_pika.Exchange(channel, exchange).bind(other)


@pytest.mark.parametrize("attacker", SERVICES)
async def test_nobody_changes_the_topology_or_reads_anothers_queue(
    town: Town, attempts: Attempts, attacker: str
) -> None:
    async with _attacker(town, attacker) as another:
        await try_on_broker(_changes(attacker), another, attempts)
    await town.settle()


async def test_a_lie_under_the_liars_own_topic_is_parked_and_raises_the_alarm(
    town: Town, attempts: Attempts
) -> None:
    lie, before = uuid4(), metrics.EVENTS_FORGED._value.get()
    body = encode(example_of(FormsConfigured), event_id=lie).body
    await send_raw(town.vhost.url("casework"), ReportTaken.name, body)
    await town.settle()
    parked = await _waiting(town, lie)
    assert (parked.spoken_by, parked.error) == ("casework", _FORGED)
    assert metrics.EVENTS_FORGED._value.get() == before + 1
    seen = WaitingList(town.houses["reporting"].database)
    assert await seen.replay() == 0  # by an operator who did not look
    assert await seen.replay(ids=[parked.id]) == 0
    assert await seen.left_out(ids=[parked.id]) == 1
    await town.settle()
    attempts.record("a lie replayed by an operator", succeeded=await town.is_believed(lie, "reporting"))


async def test_a_message_without_a_sender_is_handled_once_a_person_vouches_for_it(
    town: Town, attempts: Attempts
) -> None:
    """As what waits in a queue while an older version, which named no sender, is replaced."""
    event, event_id = example_of(FormsConfigured), uuid4()
    async with _attacker(town, "intake") as another:
        exchange = await (await another()).get_exchange(EXCHANGE, ensure=False)
        await exchange.publish(aio_pika.Message(encode(event, event_id=event_id).body), event.routing_key)
    await town.settle()
    attempts.record("a fact without a sender", succeeded=await town.is_believed(event_id, "reporting"))
    seen = WaitingList(town.houses["reporting"].database)
    parked = await _waiting(town, event_id)
    assert parked.spoken_by == ""
    assert await seen.vouch([parked.id]) == 1
    assert await seen.replay(ids=[parked.id]) == 1
    await wait_until(lambda: town.is_believed(event_id, "reporting"), what="the vouched message")


async def test_the_id_of_anothers_fact_cannot_be_used_up(town: Town, attempts: Attempts) -> None:
    """casework hears the id of a form's change as reporting does, and is quicker with an event of its own."""
    theirs = uuid4()
    await town.speak(example_of(ReportTaken), theirs)
    await wait_until(lambda: town.is_believed(theirs, "reporting"), what="casework's own event")
    await town.speak(example_of(FormsConfigured), theirs)
    await town.settle()
    heard = [kind for who, which, kind in town.believed if (who, which) == ("reporting", theirs)]
    attempts.record("another's id used up", succeeded=len(heard) != 2)


async def test_a_flood_of_lies_stops_no_hearer_and_fills_no_database(town: Town, attempts: Attempts) -> None:
    count, dead = 1200, await _depth(town, DEAD_QUEUE)
    bodies = [encode(example_of(FormsConfigured), event_id=uuid4()).body for _ in range(count)]
    await send_raw(town.vhost.url("casework"), ReportTaken.name, *bodies)
    await town.settle()
    seen = WaitingList(town.houses["reporting"].database)
    parked = [each for each in await seen.listed(limit=5000) if each.error == _FORGED]
    attempts.record("a database filled with lies", succeeded=len(parked) > 1000)
    attempts.record("a hearer stopped by lies", succeeded=town.houses["reporting"].waiting.is_halted)
    assert len(parked) == 1000
    await wait_until(lambda: _is_deeper(town, DEAD_QUEUE, dead + count - 1000), what="the rest, dead letters")


async def _waiting(town: Town, event_id: UUID) -> WaitingMessage:
    listed = await WaitingList(town.houses["reporting"].database).listed(limit=5000)
    (found,) = (each for each in listed if each.event_id == event_id)
    return found


async def _is_deeper(town: Town, queue: str, count: int) -> bool:
    return await _depth(town, queue) >= count


def _queue(channel: AbstractChannel, name: str) -> aio_pika.Queue:
    return aio_pika.Queue(channel, name, durable=True, exclusive=False, auto_delete=False, arguments=None)


async def _ignore(_: object) -> None:
    """Reads and says nothing."""
