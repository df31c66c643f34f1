"""A chain partner, with its own password of the broker, looks for anything but its own offers.

It knows all of the code, the other partners' codes, and every name that can be guessed. What it must not get:
how much waits for whom, that another partner exists, or a change to anything.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, urlsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import InvalidFrameError
from common.contracts.casework import ReportOffered
from common.flow import SERVICES
from common.messaging.topology import DEAD, EXCHANGE, UNROUTED, binding_key, partner_queue, queues
from pamqp.commands import Connection as Said

from tests.support.attempts import Attempts
from tests.support.backing import Backing
from tests.support.broker import ServedVhost, Try, knock, served_vhost, try_on_broker
from tests.support.polling import wait_until

_OURS = (EXCHANGE, UNROUTED, DEAD)
_BUILT_IN = ("amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.topic")
_PASSWORD = "geheim"


@dataclass(frozen=True)
class Agency:
    """A partner, and another one whose code it knows."""

    services: ServedVhost
    town: str
    own: str
    other: str
    vhost: str
    others_vhost: str

    def url(self, vhost: str, user: str = "", password: str = _PASSWORD) -> str:
        """The address of a virtual host for a user; for this partner when none is named."""
        place = urlsplit(self.services.admin_url)
        login = f"{quote(user or self.own)}:{password}"
        return f"amqp://{login}@{place.hostname}:{place.port}/{quote(vhost, safe='')}"


@pytest.fixture
async def agency(backing: Backing) -> Agency:
    services, town = await served_vhost(backing, "partners"), f"dorp-{secrets.token_hex(4)}"
    async with services.administration() as administration:
        own, other = [
            await administration.partners.provide(town, each, _PASSWORD) for each in ("politie", "riec")
        ]
    return Agency(services, town, own.queue, other.queue, own.vhost, other.vhost)


@pytest.fixture
async def another(agency: Agency) -> "AsyncIterator[Callable[[], Awaitable[AbstractChannel]]]":
    """Gives the partner's one channel, on a fresh connection as often as the broker closes it."""
    async with AsyncExitStack() as stack:

        async def channel() -> AbstractChannel:
            made: list[AbstractChannel] = []

            async def is_let_in() -> bool:  # once the broker counts the one before no more
                await stack.aclose()
                with contextlib.suppress(AMQPError):
                    connection = await stack.enter_async_context(
                        await aio_pika.connect(agency.url(agency.vhost))
                    )
                    made.append(await connection.channel(on_return_raises=True))
                return bool(made)

            await wait_until(is_let_in, what="the partner is let in")
            return made[0]

        yield channel


def _looks(agency: Agency) -> Iterator[tuple[str, Try]]:
    for name in (*queues(), agency.other, partner_queue("zandrecht", "politie")):
        yield "depth and consumers of another's queue", partial(_see_queue, name)
        for what, act in (("get", _get), ("consume", _consume), ("purge", _purge), ("delete", _delete)):
            yield f"{what} another's queue", partial(act, name)
    for name in _OURS:
        yield "whether an exchange of ours is there", partial(_see_exchange, name)


def _changes(agency: Agency) -> Iterator[tuple[str, Try]]:
    yield "declare a queue", lambda channel: channel.declare_queue("mine")
    yield "declare a queue without a name", lambda channel: channel.declare_queue(exclusive=True)
    yield "declare another's queue", lambda channel: channel.declare_queue("casework", durable=True)
    yield "declare an exchange", lambda channel: channel.declare_exchange("mine")
    yield "delete its own queue", partial(_delete, agency.own)
    mine, theirs = [binding_key(ReportOffered, agency.town, each) for each in ("politie", "riec")]
    for exchange, key in itertools.product((*_OURS, *_BUILT_IN), ("#", mine, theirs)):
        yield "bind its queue", partial(_bind, agency.own, exchange, key)
    for exchange in (*_OURS, *_BUILT_IN):
        yield "delete an exchange", partial(_delete_exchange, exchange)
        yield "bind an exchange to another", partial(_bind_exchange, exchange)
    for exchange, key in itertools.product(("", *_OURS, *_BUILT_IN), (agency.own, "casework", mine, theirs)):
        yield "publish", partial(_publish, exchange, key)


async def test_a_partner_sees_no_queue_but_its_own(
    agency: Agency, another: Callable[[], Awaitable[AbstractChannel]], attempts: Attempts
) -> None:
    await try_on_broker(_looks(agency), another, attempts)


async def test_a_partner_changes_nothing(
    agency: Agency, another: Callable[[], Awaitable[AbstractChannel]], attempts: Attempts
) -> None:
    await try_on_broker(_changes(agency), another, attempts)


async def test_a_partner_enters_no_other_virtual_host_and_learns_of_none(
    agency: Agency, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for vhost in (agency.services.name, "/", agency.others_vhost):
        attempts.record("another virtual host", succeeded=await _answer(agency.url(vhost), monkeypatch) == "")
    absent = await _answer(agency.url("nowhere"), monkeypatch)
    for guess in (agency.other, agency.town, f"{agency.town}.riec", *SERVICES, "events"):
        told = await _answer(agency.url(guess), monkeypatch)
        attempts.record("that another partner exists", succeeded=told != absent.replace("nowhere", guess))
    nobody = await _answer(agency.url("nowhere", "partner.nobody.x", "guess"), monkeypatch)
    for user in (agency.other, "casework"):
        told = await _answer(agency.url("nowhere", user, "guess"), monkeypatch)
        attempts.record("that another user exists", succeeded=told != nobody)


async def _answer(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Why the broker admits nobody under this address, in its own words; empty when it does."""
    words: list[str] = []
    read = Said.Close.unmarshal

    def overheard(frame: Said.Close, payload: bytes) -> None:  # the client keeps the words to itself
        read(frame, payload)
        words.append(str(frame.reply_text))

    with monkeypatch.context() as patched:
        patched.setattr(Said.Close, "unmarshal", overheard)
        try:
            await knock(url)
        except (AMQPError, InvalidFrameError, OSError) as error:
            return words[-1] if words else f"{type(error).__name__}"
        return ""


async def test_a_partner_is_no_administrator(agency: Agency, attempts: Attempts) -> None:
    shovel = {"src-uri": f"amqp:///{agency.services.name}", "src-queue": "casework"}
    mine = quote(agency.vhost, safe="")
    body = {"value": {**shovel, "dest-uri": f"amqp:///{mine}", "dest-queue": agency.own}}
    calls: list[tuple[str, str, object]] = [
        ("PUT", f"parameters/shovel/{mine}/theft", body),
        ("PUT", f"users/{agency.own}", {"password": _PASSWORD, "tags": "administrator"}),
        ("PUT", "vhosts/mine", {}),
        *(("GET", each, None) for each in ("overview", "whoami", "vhosts", "users", "queues", "connections")),
        *(("GET", each, None) for each in ("definitions", "permissions", "shovels", "parameters", "nodes")),
        ("GET", f"queues/{mine}/{agency.own}", None),
        ("GET", f"queues/{agency.services.name}/casework", None),
    ]
    for method, path, content in calls:
        status = await asyncio.to_thread(_manage, agency, method, path, content)
        attempts.record("the management API", succeeded=status not in (401, 403))


def _manage(agency: Agency, method: str, path: str, body: object) -> int:
    login = b64encode(f"{agency.own}:{_PASSWORD}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 -- our own http address
        f"{agency.services.backing.management_url}/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _queue(channel: AbstractChannel, name: str) -> aio_pika.Queue:
    return aio_pika.Queue(channel, name, durable=True, exclusive=False, auto_delete=False, arguments=None)


async def _see_queue(name: str, channel: AbstractChannel) -> None:
    await channel.declare_queue(name, passive=True)


async def _see_exchange(name: str, channel: AbstractChannel) -> None:
    await channel.declare_exchange(name, passive=True)


async def _get(name: str, channel: AbstractChannel) -> None:
    await _queue(channel, name).get(fail=False)


async def _consume(name: str, channel: AbstractChannel) -> None:
    await _queue(channel, name).consume(_ignore)


async def _purge(name: str, channel: AbstractChannel) -> None:
    await _queue(channel, name).purge()


async def _delete(name: str, channel: AbstractChannel) -> None:
    await channel.queue_delete(name)


async def _delete_exchange(name: str, channel: AbstractChannel) -> None:
    await channel.exchange_delete(name)


async def _bind(name: str, exchange: str, key: str, channel: AbstractChannel) -> None:
    await _queue(channel, name).bind(exchange, key)


async def _bind_exchange(exchange: str, channel: AbstractChannel) -> None:
    await aio_pika.Exchange(channel, exchange).bind("amq.topic", "#")


async def _publish(exchange: str, key: str, channel: AbstractChannel) -> None:
    target = aio_pika.Exchange(channel, exchange) if exchange else channel.default_exchange
    await target.publish(aio_pika.Message(b"{}"), key, timeout=10)


async def _ignore(_: object) -> None:
    """Reads and says nothing."""
