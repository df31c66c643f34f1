"""The topology is what `flow.py` says, made by provisioning alone, and nothing that strays from it stays."""

import asyncio
from typing import Any
from urllib.parse import quote

import aio_pika
import pytest
from common import commands
from common.contracts.casework import ReportOffered
from common.messaging.topology import DEAD, EXCHANGE, UNROUTED, Binding, bindings, partner_bindings, queues
from common.settings import ServiceSettings

from tests.support.backing import Backing, manage
from tests.support.broker import ServedVhost, served_vhost

TOWN, PARTNER = "zandrecht", "politie"


async def _found(vhost: ServedVhost) -> set[Binding]:
    rows: list[dict[str, Any]] = await asyncio.to_thread(
        manage, vhost.backing, "GET", f"/bindings/{quote(vhost.name, safe='')}"
    )
    return {Binding(row["source"], row["destination"], row["routing_key"]) for row in rows if row["source"]}


async def test_there_is_what_the_flow_says_and_nothing_else(backing: Backing) -> None:
    vhost = await served_vhost(backing)
    assert await _found(vhost) == bindings()
    rows = await asyncio.to_thread(manage, backing, "GET", f"/queues/{quote(vhost.name, safe='')}")
    assert {row["name"] for row in rows} == set(queues())


async def test_a_binding_that_strays_is_removed_and_a_partners_own_stays(backing: Backing) -> None:
    vhost = await served_vhost(backing)
    async with vhost.administration() as administration:
        police = (await administration.partners.provide(TOWN, PARTNER, "geheim")).queue
        async with await aio_pika.connect(vhost.admin_url) as connection:
            channel = await connection.channel()
            mine = await channel.declare_queue("mine", durable=True)
            await mine.bind(EXCHANGE, "intake.#")
            await (await channel.get_queue("intake")).bind(UNROUTED)
            await (await channel.get_queue("casework")).bind("amq.fanout")
            await (await channel.get_queue("reporting")).bind(EXCHANGE, "intake.report-received.v1")
            await (await channel.get_queue(police)).bind(EXCHANGE, f"{ReportOffered.name}.duinrade.{PARTNER}")
            await (await channel.get_exchange(UNROUTED)).bind(DEAD)
        assert await administration.set_up({}) == 6
        assert await administration.set_up({}) == 0
    assert await _found(vhost) == bindings() | set(partner_bindings(TOWN, PARTNER))


def test_a_service_with_anothers_user_of_the_broker_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("WEB", "FLOW"):
        monkeypatch.setenv(f"VERMOEDEN_DATABASE_{role}_URL", "postgresql://nobody@127.0.0.1/none")
    monkeypatch.setenv("VERMOEDEN_BROKER_URL", "amqp://intake:secret@127.0.0.1/")

    async def never(_: ServiceSettings) -> None:
        raise AssertionError("it started")

    with pytest.raises(
        SystemExit, match="VERMOEDEN_BROKER_URL has the user «intake»; casework must have"
    ) as told:
        commands.main("casework", ServiceSettings, never, ["serve"])
    assert "secret" not in str(told.value)
