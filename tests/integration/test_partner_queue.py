"""A partner agency on the broker: its own offers reach it, and no other partner is held up by it.

What it must not reach: `attacks/test_partners.py`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from uuid import uuid4

import aio_pika
import pamqp.frame
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue, DeliveryMode
from aio_pika.exceptions import AMQPConnectionError, AMQPError
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from common.contracts.casework import ReportRouted
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from tests.support.backing import Backing, OwnBacking, settle_new_queues
from tests.support.broker import knock, served_vhost
from tests.support.partners import NOW, Exchange, Partner, cut_off, exchange_on, ids, own_queue
from tests.support.polling import wait_until


@pytest.fixture
async def exchange(backing: Backing) -> AsyncIterator[Exchange]:
    async with exchange_on(await served_vhost(backing, "partners")) as exchange:
        yield exchange


async def test_a_partner_gets_its_own_offers_and_nothing_else(exchange: Exchange) -> None:
    elsewhere = f"{exchange.town}-oost"
    police = await exchange.partner()
    others = [await exchange.partner("riec"), await exchange.partner(municipality=elsewhere)]
    mine, last = exchange.offer(), exchange.offer()
    await exchange.speak(
        mine, exchange.offer("riec"), exchange.offer(municipality=elsewhere), _routed(exchange.town), last
    )
    assert await police.take(2) == ids(mine, last)
    assert [len(await each.take(1)) for each in others] == [1, 1]


async def test_an_offer_holds_no_id_of_the_report_and_no_content(exchange: Exchange) -> None:
    police = await exchange.partner()
    await exchange.speak(exchange.offer())
    assert set(json.loads((await _next(police)).body)["data"]) == {
        "municipality",
        "offerId",
        "partner",
        "signalType",
        "urgency",
        "neighbourhood",
        "dueAt",
        "ground",
    }


async def test_an_offer_comes_as_casework_sent_it_and_tells_nothing_of_its_way(exchange: Exchange) -> None:
    police = await exchange.partner()
    await exchange.speak(exchange.offer())
    message = await _next(police)
    assert message.user_id == "casework"  # still the word of the broker, who let nobody else say it
    assert message.message_id == json.loads(message.body)["id"]
    assert message.delivery_mode == DeliveryMode.PERSISTENT
    assert set(message.headers) <= {"x-delivery-count"}


async def test_a_new_password_puts_the_old_one_out_and_keeps_what_waits(exchange: Exchange) -> None:
    old = await exchange.partner()
    offer = exchange.offer()
    await exchange.speak(offer)
    async with cut_off(old):
        new = await exchange.partner()
    with pytest.raises(AMQPConnectionError):
        await knock(old.url)
    assert new.vhost == old.vhost
    assert await new.take(1) == ids(offer)


async def test_a_revoked_partner_is_put_out_at_once_and_keeps_only_what_it_had(exchange: Exchange) -> None:
    police = await exchange.partner()
    earlier, lost, later = exchange.offer(), exchange.offer(), exchange.offer()
    await exchange.speak(earlier)
    async with cut_off(police):
        for _ in range(2):
            await exchange.administration.partners.revoke(exchange.town, "politie")
    with pytest.raises(AMQPConnectionError):
        await knock(police.url)
    await exchange.speak(lost)
    again = await exchange.partner()
    await exchange.speak(later)
    assert await again.take(2) == ids(earlier, later)


async def test_a_removed_partner_leaves_nothing_and_can_come_back(exchange: Exchange) -> None:
    partners = exchange.administration.partners
    police, riec = await exchange.partner(), await exchange.partner("riec")
    await exchange.speak(exchange.offer())
    for _ in range(2):
        await partners.remove(exchange.town, "politie")
    for kind in ("users", "vhosts", "queues", "shovels", "bindings", "parameters", "permissions"):
        assert police.queue not in json.dumps(await exchange.manage("GET", f"/{kind}")), kind
    again, offer = await exchange.partner(), exchange.offer()
    await exchange.speak(offer, exchange.offer("riec"))
    assert await again.take(1) == ids(offer)
    assert len(await riec.take(1)) == 1


async def test_what_nobody_wants_is_bounded(exchange: Exchange) -> None:
    limits = await exchange.manage("GET", f"/policies/{exchange.services.name}/unrouted")
    assert limits["pattern"] == r"^(events\.unrouted|dead\-letter)$"
    assert limits["definition"] == {
        "max-length": 100_000,
        "max-length-bytes": 1 << 30,
        "message-ttl": 30 * 24 * 3600 * 1000,
        "overflow": "drop-head",
    }


async def test_a_partner_that_dies_of_a_message_time_and_again_loses_no_offer(exchange: Exchange) -> None:
    police, offer = await exchange.partner(), exchange.offer()
    before = {"max-length": 100_000, "overflow": "drop-head", "delivery-limit": 50}  # as it was provided once
    policy = {"pattern": r"^partner\.", "definition": before, "apply-to": "queues", "priority": 1}
    await exchange.manage("PUT", f"/policies/{police.vhost}/partners", policy)
    await exchange.administration.partners.limit_again()
    await exchange.speak(offer)
    async with await aio_pika.connect(exchange.at(police.vhost)) as connection:  # who may open many channels
        for _ in range(60):
            channel = await connection.channel()
            queue = await channel.get_queue(police.queue, ensure=False)
            await wait_until(partial(_is_taken, queue), what="the offer is back")
            await channel.close()
    assert await police.take(1) == ids(offer)


async def test_a_full_partner_queue_loses_its_oldest_and_holds_nobody_up(exchange: Exchange) -> None:
    police, riec = await exchange.partner(), await exchange.partner("riec")
    await _keep_only(3, police.vhost, exchange)
    offers = [exchange.offer() for _ in range(6)]
    await exchange.speak(*offers, exchange.offer("riec"))
    assert len(await riec.take(1)) == 1
    await _until_the_way_is_empty(exchange, police)
    await wait_until(lambda: _is_told_full(exchange, police), seconds=30, what="the operator sees it")
    assert await police.take(3) == ids(*offers[3:])


async def test_a_shovel_that_stands_still_costs_its_partner_the_oldest_and_nobody_else_any(
    exchange: Exchange,
) -> None:
    police, riec = await exchange.partner(), await exchange.partner("riec")
    await _keep_only(3, exchange.services.name, exchange)
    await exchange.manage("DELETE", f"/parameters/shovel/{police.vhost}/offers")
    offers = [exchange.offer() for _ in range(6)]
    for offer in offers:  # one by one, so that the other's queue never holds more than its three
        await exchange.speak(offer, exchange.offer("riec"))
        assert len(await riec.take(1)) == 1
    police = await exchange.partner()
    assert await police.take(3) == ids(*offers[3:])


async def test_a_shovel_that_breaks_off_time_and_again_loses_nothing(exchange: Exchange) -> None:
    police, offer = await exchange.partner(), exchange.offer()
    await exchange.manage("DELETE", f"/parameters/shovel/{police.vhost}/offers")
    await exchange.speak(offer)
    async with await aio_pika.connect(exchange.services.admin_url) as connection:
        for _ in range(60):  # more than a partner may take an offer without keeping it
            channel = await connection.channel()
            queue = await channel.get_queue(police.queue, ensure=False)
            await wait_until(partial(_is_taken, queue), what="the offer is back")
            await channel.close()
    assert await (await exchange.partner()).take(1) == ids(offer)


async def _is_taken(queue: AbstractQueue) -> bool:
    return await queue.get(fail=False) is not None


async def test_offers_outlive_a_broker_that_is_killed_on_their_way(own_backing: OwnBacking) -> None:
    async with exchange_on(await served_vhost(own_backing, "partners")) as exchange:
        police = await exchange.partner()
        settle_new_queues()
        offers = [exchange.offer() for _ in range(200)]
        await exchange.speak(*offers)
        await asyncio.to_thread(own_backing.rabbit.kill)
        await asyncio.to_thread(own_backing.rabbit.start)
        assert set(await police.take(len(offers))) == set(ids(*offers))


async def test_operators_see_a_shovel_that_stands_still_and_a_partner_that_was_revoked(
    exchange: Exchange,
) -> None:
    partners = exchange.administration.partners
    police, riec = await exchange.partner(), await exchange.partner("riec")
    await exchange.manage("DELETE", f"/parameters/shovel/{police.vhost}/offers")
    await partners.revoke(exchange.town, "riec")
    await exchange.speak(exchange.offer())

    async def is_counted() -> bool:
        return any(each.on_the_way for each in await partners.listed() if each.queue == police.queue)

    await wait_until(is_counted, seconds=30, what="the broker counts")
    found = {each.queue: each for each in await partners.listed()}
    still, revoked = found[police.queue], found[riec.queue]
    assert (still.shovel, still.has_user, still.on_the_way, still.waiting) == ("none", True, 1, 0)
    assert (revoked.shovel, revoked.has_user, revoked.on_the_way, revoked.waiting) == ("running", False, 0, 0)


async def test_a_partner_cannot_pile_up_connections(exchange: Exchange) -> None:
    police = await exchange.partner()
    async with AsyncExitStack() as opened:
        for _ in range(2):
            last = await opened.enter_async_context(await aio_pika.connect(police.url))
        with pytest.raises(AMQPError):
            await knock(police.url)
        await last.channel()
        with pytest.raises(AMQPError):
            await last.channel()


async def test_an_offer_that_is_given_back_for_ever_is_kept_for_the_operator(exchange: Exchange) -> None:
    police, dies, others = await exchange.partner(), exchange.offer(), exchange.offer()
    await exchange.speak(dies)
    rounds = 0
    async with own_queue(police.url, police.queue) as queue:

        async def is_gone() -> bool:
            nonlocal rounds
            while (message := await queue.get(fail=False)) is not None:
                await message.nack(requeue=True)
                rounds += 1
            return rounds > 1000

        await wait_until(is_gone, seconds=60, what="an end to it")
    assert rounds == 1001
    await exchange.speak(others)
    assert await police.take(1) == ids(others)

    async def is_counted() -> bool:
        found = {each.queue: each for each in await exchange.administration.partners.listed()}
        return found[police.queue].given_up == 1 and not found[police.queue].is_well

    await wait_until(is_counted, seconds=30, what="the operator sees it")


async def test_what_a_partner_skips_or_lets_expire_is_not_kept_any_longer(exchange: Exchange) -> None:
    police = await exchange.partner()
    definition = {"max-length": 1, "overflow": "drop-head", "dead-letter-exchange": "given-up"}
    policy = {"pattern": r"^partner\.", "definition": definition, "apply-to": "queues", "priority": 9}
    await exchange.manage("PUT", f"/policies/{police.vhost}/few", policy)
    offers = [exchange.offer() for _ in range(3)]
    await exchange.speak(*offers)
    await _until_the_way_is_empty(exchange, police)
    async with own_queue(police.url, police.queue) as queue:
        await wait_until(partial(_is_taken_and_rejected, queue), what="the last offer")
    async with await aio_pika.connect(exchange.at(police.vhost)) as connection:
        kept = await (await connection.channel()).declare_queue("given-up", passive=True)
        assert kept.declaration_result.message_count == 0


async def _is_taken_and_rejected(queue: AbstractQueue) -> bool:
    message = await queue.get(fail=False)
    if message is not None:
        await message.reject(requeue=False)
    return message is not None


async def test_a_partner_that_sends_is_told_and_can_be_cut_off(exchange: Exchange) -> None:
    police, partners = await exchange.partner(), exchange.administration.partners
    async with cut_off(police) as connection:
        wire = await (await connection.channel()).get_underlay_channel()
        assert isinstance(wire, Channel)
        header = ContentHeader(body_size=64 << 20, properties=Basic.Properties())
        begun = (Basic.Publish(exchange="", routing_key="x"), header)
        written = [pamqp.frame.marshal(part, wire.number) for part in begun]
        written += [pamqp.frame.marshal(ContentBody(bytes(1 << 16)), wire.number)] * 300
        for frame in written:  # the rest never comes
            await wire.write_queue.put(ChannelFrame(frame, should_close=False))

        async def is_told() -> bool:
            return any(each.is_sending for each in await partners.listed() if each.queue == police.queue)

        await wait_until(is_told, seconds=30, what="the operator sees it")
        assert await partners.cut(exchange.town, "politie") == 1
    assert await partners.cut(exchange.town, "politie") == 0
    await exchange.speak(offer := exchange.offer())
    assert await police.take(1) == ids(offer)


async def _next(partner: Partner) -> AbstractIncomingMessage:
    async with own_queue(partner.url, partner.queue) as queue:
        found: list[AbstractIncomingMessage] = []

        async def came() -> bool:
            message = await queue.get(fail=False, no_ack=True)
            found.extend([message] if message else [])
            return bool(found)

        await wait_until(came, what="an offer")
        return found[0]


async def _keep_only(count: int, vhost: str, exchange: Exchange) -> None:
    definition = {"max-length": count, "overflow": "drop-head"}
    policy = {"pattern": r"^partner\.", "definition": definition, "apply-to": "queues", "priority": 9}
    await exchange.manage("PUT", f"/policies/{vhost}/few", policy)


async def _is_told_full(exchange: Exchange, partner: Partner) -> bool:
    found = {each.queue: each.is_full for each in await exchange.administration.partners.listed()}
    return found[partner.queue]


async def _until_the_way_is_empty(exchange: Exchange, partner: Partner) -> None:
    async with await aio_pika.connect(exchange.services.admin_url) as connection:
        channel = await connection.channel()

        async def is_empty() -> bool:
            queue = await channel.declare_queue(partner.queue, passive=True)
            return queue.declaration_result.message_count == 0

        await wait_until(is_empty, what="all are at the partner")


def _routed(town: str) -> ReportRouted:
    return ReportRouted(
        municipality=town,
        report_id=uuid4(),
        version=1,
        department="oov",
        rule="catch-all",
        rules_version=0,
        due_at=NOW,
        routed_at=NOW,
    )
