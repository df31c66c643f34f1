"""Posing as a server, and calling a service as if one were the gateway."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import pytest
from aio_pika.exceptions import AMQPError
from common.auth import Identity, IdentitySigner
from common.certificates import make_authority, make_certificate
from common.db import make_engine
from common.errors import AppError
from common.messaging.administration import BrokerAdministration
from common.messaging.broker import Broker
from common.sealing import encode, generate_key_pair
from common.tls import FILES
from gateway.settings import GatewaySettings
from gateway.upstream import ServiceClient
from intake.files.scanner import Clamd, ScannerAway
from notifier.delivery.post import Post
from notifier.settings import NotifierSettings
from sqlalchemy.exc import DBAPIError

from tests.support.attempts import Attempts
from tests.support.impostors import Talk, at_once, posing, postgres, smtp
from tests.support.wire import HERE, NOWHERE, Authority, answers, own_files, service_at_work, tls_of


def false_contexts(authority: Authority) -> Iterator[tuple[str, ssl.SSLContext | None]]:
    """What an impostor can show: nothing, another's, its own, or one of before."""
    long_ago = datetime.now(UTC) - timedelta(days=400)
    yield "no TLS at all", None
    yield "another authority's certificate", authority.shows(make_certificate(authority.theirs, (HERE,)))
    yield "another service's certificate", authority.shows(make_certificate(authority.ours, ("casework",)))
    yield (
        "a certificate that has ended",
        authority.shows(make_certificate(authority.ours, (HERE,), at=long_ago)),
    )
    yield "a certificate that signed itself", authority.shows(make_authority())


async def _ask_service(port: int, folder: Path) -> None:
    settings = GatewaySettings(
        **NOWHERE,
        **own_files(folder),
        identity_private_key="x",
        voucher_keys={},
        intake_url=f"https://{HERE}:{port}",
        upstream_connect_seconds=2,
        upstream_read_seconds=2,
    )
    client = ServiceClient(settings, IdentitySigner("k1", generate_key_pair().private))
    await client.start()
    try:
        await client.call(
            Identity("veldstad"), "intake", "POST", "/api/v1/reports", {"description": "geheim"}
        )
    finally:
        await client.close()


async def _ask_broker(port: int, folder: Path) -> None:
    address = f"amqps://intake:geheim@{HERE}:{port}/?no_verify_ssl=1"  # the address cannot turn it off
    broker = Broker(address, name="intake", tls=tls_of(folder))
    await asyncio.wait_for(broker.channel(), 3)


async def _ask_management(port: int, folder: Path) -> None:
    address = f"https://{HERE}:{port}"
    async with BrokerAdministration(
        address, "vermoeden_admin", "geheim", tls=tls_of(folder)
    ) as administration:
        await asyncio.wait_for(administration.queue_depths(), 3)


async def _ask_database(port: int, folder: Path) -> None:
    address = f"postgresql://intake_web:geheim@{HERE}:{port}/intake?sslmode=verify-full"
    engine = make_engine(address, tls_of(folder), connect_args={"timeout": 3})
    try:
        async with engine.connect():
            pass
    finally:
        await engine.dispose()


async def _ask_mail_server(port: int, folder: Path) -> None:
    settings = NotifierSettings(
        **NOWHERE,
        tls_ca_file=folder / FILES["ca"],
        notifier_private_key=encode(generate_key_pair().private),
        smtp_host=HERE,
        smtp_port=port,
        smtp_user="melder",
        smtp_password="geheim",
        smtp_seconds=3,
    )
    database: Any = None  # not asked: this is about the wire only
    async with Post(database, settings)._server():
        pass


async def _ask_scanner(port: int, folder: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"een bestand"

    scanner = Clamd(f"tls:{HERE}:{port}", seconds=3, context=tls_of(folder).client())
    await scanner.is_clean(pieces())


CALLERS: dict[str, tuple[Callable[[int, Path], Awaitable[None]], Talk]] = {
    "the gateway's calls": (_ask_service, at_once),
    "the broker's clients": (_ask_broker, at_once),
    "the broker's administration": (_ask_management, at_once),
    "the database's clients": (_ask_database, postgres),
    "the notifier's mails": (_ask_mail_server, smtp),
    "the files for the scanner": (_ask_scanner, at_once),
}
_REFUSED = (
    AppError,
    AMQPError,
    aiohttp.ClientError,
    aiosmtplib.SMTPException,
    DBAPIError,
    OSError,
    RuntimeError,
    ScannerAway,
    TimeoutError,
    ssl.SSLError,
)


@pytest.mark.parametrize("caller", CALLERS)
async def test_who_poses_as_a_server_is_told_nothing(
    caller: str, authority: Authority, attempts: Attempts
) -> None:
    ask, talk = CALLERS[caller]
    folder = authority.own((HERE,), is_caller=True)
    for what, context in false_contexts(authority):
        async with posing(context, talk) as impostor:
            with suppress(*_REFUSED):
                await ask(impostor.port, folder)
            assert impostor.calls, what  # it was asked, and only then refused
            attempts.record(f"{caller}: {what}", succeeded=bool(impostor.told))
    async with posing(authority.shows(make_certificate(authority.ours, (HERE,))), talk) as right:
        with suppress(*_REFUSED):
            await ask(right.port, folder)
        assert right.told, "who proves the name is told: else nothing was tried above"


def false_callers(authority: Authority) -> Iterator[tuple[str, str, ssl.SSLContext | bool]]:
    """Who else can call: with nothing, with a certificate of a service, or with one of elsewhere."""
    casework = tls_of(authority.own(("casework", "vermoeden-casework")))
    other = authority.own(("gateway",), is_caller=True, signer=authority.theirs)
    namesake = authority.own(("gateway.example", "notgateway", "proxy"), is_caller=True)
    common_name = authority.own(("proxy",), is_caller=True)
    yield "in clear", "http", True
    yield "without a certificate", "https", casework.client()
    yield "with another service's certificate", "https", casework.client(shows=True)
    yield "with another authority's certificate", "https", tls_of(other).client(shows=True)
    yield "with a name that is like the gateway's", "https", tls_of(namesake).client(shows=True)
    yield "with a caller's certificate of somebody else", "https", tls_of(common_name).client(shows=True)


async def test_only_the_gateway_isanswers_even_with_a_signed_identity(
    authority: Authority, attempts: Attempts
) -> None:
    gateway = tls_of(authority.own(("gateway", "vermoeden-gateway"), is_caller=True))
    async with service_at_work(authority) as (port, identity):
        for what, scheme, context in false_callers(authority):
            answered = await answers(f"{scheme}://{HERE}:{port}", context, identity)
            attempts.record(f"calling a service {what}", succeeded=answered)
        assert await answers(f"https://{HERE}:{port}", gateway.client(shows=True), identity)
