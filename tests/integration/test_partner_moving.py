"""A partner of before there were virtual hosts is moved to one; what breaks off is mended by once more."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import quote, urlsplit

import aiohttp
import pytest
from aio_pika.exceptions import AMQPError
from aiohttp import web
from aiormq.exceptions import InvalidFrameError
from common.messaging.administration import BrokerAdministration
from common.messaging.topology import EXCHANGE, partner_bindings, partner_queue
from notifier.partners import run_partners
from yarl import URL

from tests.support.backing import Backing
from tests.support.broker import knock, served_vhost
from tests.support.partners import Exchange, Partner, cut_off, exchange_on, ids

_PASSWORD = "geheim"
_PASSED_ON = ("Authorization", "Content-Type")


@pytest.fixture
async def exchange(backing: Backing) -> AsyncIterator[Exchange]:
    async with exchange_on(await served_vhost(backing, "moving")) as exchange:
        yield exchange


async def _as_before(exchange: Exchange, partner: str = "politie") -> Partner:
    """A partner as it was provided before 30 November 2026: in the services' virtual host."""
    name, vhost = partner_queue(exchange.town, partner), exchange.services.name
    limits = {"max-length": 100_000, "overflow": "drop-head", "delivery-limit": 50}
    policy = {"pattern": r"^partner\.", "definition": limits, "apply-to": "queues", "priority": 1}
    await exchange.manage("PUT", f"/policies/{vhost}/partners", policy)
    await exchange.manage("PUT", f"/users/{name}", {"password": _PASSWORD, "tags": ""})
    queue = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
    await exchange.manage("PUT", f"/queues/{vhost}/{name}", queue)
    for binding in partner_bindings(exchange.town, partner):
        ends = f"/bindings/{vhost}/e/{EXCHANGE}/q/{name}"
        await exchange.manage("POST", ends, {"routing_key": binding.key})
    rights = {"configure": "^$", "write": "^$", "read": f"^{name.replace('.', '[.]')}$"}
    await exchange.manage("PUT", f"/permissions/{vhost}/{name}", rights)
    return Partner(vhost, name, exchange.url(name, _PASSWORD, vhost))


async def test_what_waits_moves_along_and_the_partner_leaves_the_services_virtual_host(
    exchange: Exchange,
) -> None:
    old, partners = await _as_before(exchange), exchange.administration.partners
    offers = [exchange.offer() for _ in range(5)]
    await exchange.speak(*offers)
    async with cut_off(old) as connection:
        queue = await (await connection.channel()).get_queue(old.queue, ensure=False)
        assert [await queue.get() for _ in range(2)]  # in hand, and never acknowledged
        assert await partners.unmoved() == [old.queue]
        new = await exchange.partner()
    await exchange.speak(last := exchange.offer())
    assert sorted(await new.take(6)) == sorted(ids(*offers, last))
    assert await partners.unmoved() == []
    with pytest.raises(AMQPError):
        await knock(old.url)
    password = urlsplit(new.url).password or ""
    with pytest.raises(InvalidFrameError):  # as the client words it that the broker shuts the door
        await knock(exchange.url(new.queue, password, old.vhost))


async def test_a_provision_that_breaks_off_anywhere_is_mended_by_one_more(exchange: Exchange) -> None:
    for count in itertools.count():
        partner = f"p{count}"
        old = await _as_before(exchange, partner)
        before, after = exchange.offer(partner), exchange.offer(partner)
        await exchange.speak(before)
        is_whole = await _breaking_off(exchange, count, partial(_provide, exchange, partner))
        await exchange.speak(after)
        new = await exchange.partner(partner)
        assert await new.take(2) == ids(before, after), count
        assert old.queue not in await exchange.administration.partners.unmoved()
        assert len(await _vhosts_of(exchange, old.queue)) == 1
        await exchange.administration.partners.remove(exchange.town, partner)
        if is_whole:
            break
    assert count > 10


async def test_a_removal_that_breaks_off_anywhere_is_ended_by_one_more(exchange: Exchange) -> None:
    for count in itertools.count():
        partner = f"p{count}"
        name = (await exchange.partner(partner)).queue
        await exchange.speak(exchange.offer(partner))
        is_whole = await _breaking_off(exchange, count, partial(_remove, exchange, partner))
        await exchange.administration.partners.remove(exchange.town, partner)
        for kind in ("users", "vhosts", "queues", "shovels", "bindings", "parameters"):
            assert name not in json.dumps(await exchange.manage("GET", f"/{kind}")), (count, kind)
        if is_whole:
            break
    assert count > 4


async def test_partners_get_their_bounds_while_one_of_them_leaves(exchange: Exchange) -> None:
    for partner in ("gaat", "blijft"):
        await exchange.partner(partner)
    leaving, staying = (partner_queue(exchange.town, each) for each in ("gaat", "blijft"))
    await exchange.manage("DELETE", f"/user-limits/{staying}/max-connections")
    asked: list[str] = []

    def gone(path: str) -> int | None:
        """As the broker answers for a user whom another command removed after they were listed."""
        asked.append(path)
        is_first = path.startswith(f"/api/user-limits/{leaving}/") and asked.count(path) == 1
        return 400 if is_first else None

    async with _in_between(exchange, gone) as url, _administration(exchange, url) as administration:
        await administration.partners.limit_again()
    limits = {row["user"]: row["value"] for row in await exchange.manage("GET", "/user-limits")}
    assert limits[staying]["max-connections"] == 2


async def test_without_the_plugin_nothing_is_changed_and_the_complaint_says_what_to_do(
    exchange: Exchange,
) -> None:
    old = await _as_before(exchange)
    async with (
        _in_between(exchange, lambda path: 404 if path == "/api/shovels" else None) as url,
        _administration(exchange, url) as administration,
    ):
        with pytest.raises(RuntimeError, match="rabbitmq-plugins enable rabbitmq_shovel"):
            await _provide(exchange, "politie", administration)
    await exchange.speak(offer := exchange.offer())
    assert await old.take(1) == ids(offer)


async def test_the_commands_provide_list_revoke_and_remove(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backing, place = exchange.services.backing, urlsplit(exchange.services.admin_url)
    for name, value in (
        ("BROKER_MANAGEMENT_URL", backing.management_url),
        ("BROKER_ADMIN_USER", backing.rabbit_user),
        ("BROKER_ADMIN_PASSWORD", backing.rabbit_password),
        ("PARTNER_BROKER_URL", f"amqp://{place.hostname}:{place.port}{place.path}"),
    ):
        monkeypatch.setenv(f"VERMOEDEN_{name}", value)
    one = ("--municipality", exchange.town, "--partner", "politie")

    async def say(command: str, *arguments: str) -> str:
        await asyncio.to_thread(run_partners, (command, *arguments))
        return capsys.readouterr().out

    told = dict(line.split(maxsplit=1) for line in (await say("provide-partner", *one)).splitlines())
    vhost = urlsplit(told["address"]).path.removeprefix("/")
    await exchange.speak(offer := exchange.offer())
    assert await Partner(vhost, told["queue"], told["address"]).take(1) == ids(offer)
    await exchange.manage("DELETE", f"/parameters/shovel/{vhost}/offers")
    with pytest.raises(SystemExit) as ended:
        await say("list-partners")
    assert ended.value.code == 1
    (line,) = [each for each in capsys.readouterr().out.splitlines() if told["queue"] in each]
    assert line.split() == [told["queue"], "none", "0", "0"]
    await say("revoke-partner", *one)
    with contextlib.suppress(SystemExit):  # another test's partner may be cut off meanwhile
        await asyncio.to_thread(run_partners, ("list-partners",))
    assert f"{told['queue']} none 0 0 revoked" in " ".join(capsys.readouterr().out.split())
    await say("remove-partner", *one)
    assert await _vhosts_of(exchange, told["queue"]) == []


async def _vhosts_of(exchange: Exchange, name: str) -> list[str]:
    rows = await exchange.manage("GET", "/vhosts")
    return [row["name"] for row in rows if row["name"].startswith(f"{name}.")]


async def _provide(exchange: Exchange, partner: str, administration: BrokerAdministration) -> None:
    await administration.partners.provide(exchange.town, partner, "anders")


async def _remove(exchange: Exchange, partner: str, administration: BrokerAdministration) -> None:
    await administration.partners.remove(exchange.town, partner)


async def _breaking_off(
    exchange: Exchange, count: int, act: Callable[[BrokerAdministration], Awaitable[object]]
) -> bool:
    """Act, and be cut off after so many calls of the management API; whether all was done before that."""
    calls = itertools.count()
    async with (
        _in_between(exchange, lambda _path: 0 if next(calls) >= count else None) as url,
        _administration(exchange, url) as administration,
    ):
        try:
            await act(administration)
        except aiohttp.ClientError:
            return False
        return True


def _administration(exchange: Exchange, url: str) -> BrokerAdministration:
    backing = exchange.services.backing
    return BrokerAdministration(
        url, backing.rabbit_user, backing.rabbit_password, vhost=exchange.services.name
    )


@asynccontextmanager
async def _in_between(exchange: Exchange, answer: Callable[[str], int | None]) -> AsyncIterator[str]:
    """The management API, with a status of our own where `answer` has one; 0 cuts the connection."""
    async with aiohttp.ClientSession() as session:

        async def passed_on(request: web.Request) -> web.Response:
            status = answer(request.path)
            if status == 0:
                assert request.transport
                request.transport.abort()
            if status is not None:
                return web.Response(status=status or 500)
            kept = {name: it for name, it in request.headers.items() if name in _PASSED_ON}
            target = f"{exchange.services.backing.management_url}{request.raw_path}"
            async with session.request(
                request.method,
                URL(target, encoded=True),
                headers=kept,
                data=await request.read(),
            ) as answered:
                return web.Response(
                    status=answered.status, body=await answered.read(), content_type="application/json"
                )

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", passed_on)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            yield f"http://{quote(host)}:{port}"
        finally:
            await runner.cleanup()
