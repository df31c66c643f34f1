"""The sample subscriber that partners get (docs/examples/partner.py), run as they would run it."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import FieldValue
from common.contracts.casework import ReportOffered
from common.flow import spoken_by
from common.messaging.envelope import encode
from common.messaging.publishing import Fate, Outgoing, publish_batch
from common.messaging.topology import EXCHANGE
from making.examples import example_of

from tests.support.backing import Backing, manage
from tests.support.broker import ServedVhost, send_raw, served_vhost
from tests.support.hostile import send_unreadable
from tests.support.partners import own_queue
from tests.support.polling import wait_until

SAMPLE = Path(__file__).parents[2] / "docs/examples/partner.py"


@dataclass(frozen=True)
class Agency:
    """A partner with a queue of its own, on a virtual host of its own."""

    municipality: str
    queue: str
    url: str
    vhost: ServedVhost

    async def offered(self) -> ReportOffered:
        """Offer it something, as casework's relay would."""
        event = _offer_to(self)
        sent = encode(event)
        async with await aio_pika.connect(self.vhost.url("casework")) as connection:
            batch = [Outgoing(str(sent.event_id), event.routing_key, sent.body)]
            sending = publish_batch(await connection.channel(), EXCHANGE, batch, user="casework")
            assert await sending == [Fate.CONFIRMED]
        return event


def _offer_to(agency: Agency) -> ReportOffered:
    return example_of(ReportOffered).model_copy(
        update={"municipality": agency.municipality, "offer_id": uuid4()}
    )


@pytest.fixture
async def agency(backing: Backing) -> Agency:
    vhost = await served_vhost(backing)
    town = f"dorp-{uuid4().hex[:8]}"
    async with vhost.administration() as administration:
        access = await administration.partners.provide(town, "politie", "geheim")
    own = replace(vhost, admin_url=f"{vhost.admin_url.rpartition('/')[0]}/{access.vhost}")
    return Agency(town, access.queue, own.url(access.queue, "geheim"), vhost)


@asynccontextmanager
async def sample_subscriber(agency: Agency) -> AsyncIterator[Process]:
    """The file in a process of its own."""
    environment = {**os.environ, "PARTNER_AMQP_URL": agency.url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SAMPLE), env=environment, stdout=PIPE, stdin=DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def _next_line(process: Process) -> str:
    assert process.stdout
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode()


async def test_the_sample_subscriber_gets_its_offer_acknowledges_it_and_comes_back(
    agency: Agency, backing: Backing
) -> None:
    first = await agency.offered()
    async with sample_subscriber(agency) as subscriber:
        got = json.loads(await _next_line(subscriber))
        assert got["data"] == first.model_dump(mode="json", by_alias=True)
        await _cut_connections_of(agency, backing)
        second = await agency.offered()
        while (line := await _next_line(subscriber)).startswith("Not connected"):
            continue
        assert json.loads(line)["subject"] == str(second.offer_id)
        third = await agency.offered()  # it is printed only after the second was acknowledged
        assert json.loads(await _next_line(subscriber))["subject"] == str(third.offer_id)
    assert set(await _left_in_queue(agency)) <= {str(third.offer_id)}


async def test_the_sample_subscriber_believes_nobody_but_casework(agency: Agency) -> None:
    await _send_as_reporting(agency, encode(_offer_to(agency)).body)
    offer = await agency.offered()
    async with sample_subscriber(agency) as subscriber:
        assert json.loads(await _next_line(subscriber))["subject"] == str(offer.offer_id)


async def test_rubbish_neither_stops_the_sample_subscriber_nor_costs_it_an_offer(agency: Agency) -> None:
    offers = [await agency.offered()]
    await _send_as_reporting(agency, b"", b"\xff", b"[]", b"{}", b'{"type": 1}', b"[" * 60_000)
    for body in (b"\xff", b"[]", b"{}"):  # casework itself was broken into
        await send_raw(agency.vhost.url("casework"), _offer_to(agency).routing_key, body)
    offers.append(await agency.offered())
    async with sample_subscriber(agency) as subscriber:
        for offer in offers:
            assert json.loads(await _next_line(subscriber))["subject"] == str(offer.offer_id)


async def _send_as_reporting(agency: Agency, *bodies: bytes) -> None:
    """By carbon copy, on which topic rights do not count; at last what no client can decode."""
    key, copied_to = next(iter(spoken_by("reporting"))).name, _offer_to(agency).routing_key
    carbon_copy: dict[str, FieldValue] = {"CC": [copied_to]}
    async with await aio_pika.connect(agency.vhost.url("reporting")) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        for body in bodies:
            message = aio_pika.Message(body, user_id="reporting", headers=carbon_copy)
            await exchange.publish(message, key)
        await send_unreadable(channel, "reporting", key, copied_to)


async def _left_in_queue(agency: Agency) -> list[str]:
    """The subjects of what was not acknowledged, and so is back."""
    left = []
    async with own_queue(agency.url, agency.queue) as queue:
        while message := await queue.get(fail=False):
            left.append(json.loads(message.body)["subject"])
    return left


async def _cut_connections_of(agency: Agency, backing: Backing) -> None:
    async def cut() -> bool:
        rows = await asyncio.to_thread(manage, backing, "GET", "/connections")
        mine = [row["name"] for row in rows if row.get("user") == agency.queue]
        for name in mine:
            await asyncio.to_thread(manage, backing, "DELETE", f"/connections/{quote(name, safe='')}")
        return bool(mine)

    await wait_until(cut, seconds=30)


async def test_the_sample_subscriber_sends_no_password_in_clear_over_a_network() -> None:
    environment = {**os.environ, "PARTNER_AMQP_URL": "amqp://politie:geheim@broker.example/"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SAMPLE), env=environment, stderr=PIPE, stdin=DEVNULL
    )
    _, complaint = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"must begin with amqps://" in complaint
    assert b"geheim" not in complaint
