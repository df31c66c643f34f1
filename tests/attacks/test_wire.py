"""Listening in between two parts, posing as one of them, and calling a service as if one were the gateway."""

import asyncio
import os
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import aiosmtplib
import pytest
from aio_pika.exceptions import AMQPError
from common.auth import Identity, IdentitySigner, IdentityVerifier, generate_identity_key
from common.certificates import Pair, make_authority, make_certificate
from common.contracts.intake import ReportCounted
from common.db import make_engine
from common.errors import AppError
from common.flow import SERVICES
from common.house import build_house
from common.messaging.administration import BrokerAdministration
from common.messaging.broker import Broker
from common.runtime import serve
from common.sealing import encode, generate_key_pair
from common.settings import ServiceSettings
from common.tls import FILES, Tls
from common.web import create_app
from gateway.settings import GatewaySettings
from gateway.upstream import ServiceClient
from intake.files.scanner import Clamd, ScannerAway
from local.check import Chain
from local.servers import PrivatePostgres, PrivateRabbit, free_port
from local.system import Options, System
from notifier.delivery.post import Post
from notifier.settings import NotifierSettings
from sqlalchemy.exc import DBAPIError

from tests.support import ledger
from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.broker import password_of, served_vhost
from tests.support.impostors import Talk, at_once, posing, postgres, smtp
from tests.support.pair import running
from tests.support.polling import wait_until
from tests.support.recording import Recorders, recording

HERE = "127.0.0.1"
NOWHERE: dict[str, Any] = {
    "database_web_url": "postgresql://127.0.0.1:1/x",
    "database_flow_url": "postgresql://127.0.0.1:1/x",
    "broker_url": "amqp://127.0.0.1:1/",
}


# --- posing as a server ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """One that our processes trust, and one that they do not."""

    folder: Path
    ours: Pair
    theirs: Pair

    def shows(self, pair: Pair) -> ssl.SSLContext:
        """A server's context with this certificate, that takes what it gets."""
        for name, text in (("shown.crt", pair.certificate), ("shown.key", pair.key)):
            (self.folder / name).write_text(text)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "shown.crt", self.folder / "shown.key")
        return context

    def own(self, names: tuple[str, ...], *, is_caller: bool = False, signer: Pair | None = None) -> Path:
        """A folder with a certificate as a service has it; `signer` is who signed it, ours if not given."""
        pair = make_certificate(signer or self.ours, names, is_caller=is_caller)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for name, text in zip(
            FILES.values(), (self.ours.certificate, pair.certificate, pair.key), strict=True
        ):
            (folder / name).write_text(text)
        return folder


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, make_authority(), make_authority())


def tls_of(folder: Path) -> Tls:
    return Tls(*(folder / name for name in FILES.values()))


def own_files(folder: Path) -> dict[str, Any]:
    """The settings of TLS for a process whose certificate lies in this folder."""
    return {f"tls_{kind}_file": folder / name for kind, name in FILES.items()}


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


# --- calling a service as if one were the gateway --------------------------------------------------------


@asynccontextmanager
async def service_at_work(
    authority: Authority, *, is_tls: bool = True
) -> AsyncIterator[tuple[int, dict[str, str]]]:
    """A service with one route behind its front, and what it takes as a signed identity."""
    private, public = generate_identity_key()
    port = free_port()
    settings = ServiceSettings(
        **NOWHERE,
        **(own_files(authority.own(("intake", HERE))) if is_tls else {}),
        port=port,
        operations_port=free_port(frozenset({port})),
    )
    app = create_app("intake", IdentityVerifier("intake", {"k1": public}))
    running = asyncio.create_task(serve(app, settings))
    token = IdentitySigner("k1", private).sign(Identity("veldstad"), "intake")
    try:
        for _ in range(100):
            with suppress(OSError):
                (await asyncio.open_connection(HERE, port))[1].close()
                break
            await asyncio.sleep(0.05)
        yield port, {"Authorization": f"Bearer {token}"}
    finally:
        os.kill(os.getpid(), signal.SIGTERM)  # the service has set its own handler for it
        await asyncio.wait_for(running, 20)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)


async def _answered(url: str, context: ssl.SSLContext | bool, headers: dict[str, str]) -> bool:
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=timeout) as client:
        try:
            async with client.get(f"{url}/api/v1/openapi.json", headers=headers) as answer:
                return answer.status > 0
        except (aiohttp.ClientError, TimeoutError):
            return False


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


async def test_only_the_gateway_is_answered_even_with_a_signed_identity(
    authority: Authority, attempts: Attempts
) -> None:
    gateway = tls_of(authority.own(("gateway", "vermoeden-gateway"), is_caller=True))
    async with service_at_work(authority) as (port, identity):
        for what, scheme, context in false_callers(authority):
            answered = await _answered(f"{scheme}://{HERE}:{port}", context, identity)
            attempts.record(f"calling a service {what}", succeeded=answered)
        assert await _answered(f"https://{HERE}:{port}", gateway.client(shows=True), identity)


# --- listening in ----------------------------------------------------------------------------------------

WORD = "zwavelkruidkwartet"  # stands for what a report says, where text goes from one service to another
FLOW_SAYS = {
    "broker: what an event holds": ("broker", WORD.encode()),
    "broker: an event's type": ("broker", b"nl.vermoeden."),
    "postgres: what an event holds": ("postgres", WORD.encode()),
    "postgres: a statement": ("postgres", b"INSERT INTO"),
}


async def _speak_and_hear(
    recorders: Recorders, admin_url: str, broker: Callable[[str], str], folder: Path | None
) -> None:
    """An event from one service's outbox over the broker to another, with a recorder before both servers.

    `broker` gives the address of the broker as a service has it.
    """
    tls = tls_of(folder) if folder else Tls()
    files = own_files(folder) if folder else {}
    (database_port, from_database), (broker_port, from_broker) = (
        (port, recorders.through(part, port))
        for part, port in (
            ("postgres", urlsplit(admin_url).port or 0),
            ("broker", urlsplit(broker("")).port or 0),
        )
    )
    database = admin_url.replace(f":{database_port}/", f":{from_database}/")
    houses = []
    for service, handlers in (
        (ledger.SPEAKER, {}),
        (ledger.HEARER, {ReportCounted: ledger.Flakiness(set()).record}),
    ):
        urls = await ledger.make_database_at(database, service, tls)
        settings = ServiceSettings(
            database_web_url=urls.web,
            database_flow_url=urls.flow,
            broker_url=broker(service).replace(f":{broker_port}/", f":{from_broker}/"),
            **files,
        )
        houses.append(build_house(service, settings, handlers))
    speaker, hearer = houses
    await ledger.speak(speaker.database, ledger.fact(WORD))

    async def is_heard() -> bool:
        return bool(await ledger.effects(hearer.database))

    async with running(speaker), running(hearer):
        await wait_until(is_heard, what="the event is heard")


def _in(recorders: Recorders, part: str, canary: bytes) -> bool:
    return any(canary in each for each in recorders.parts[part].heard)


@contextmanager
def servers_with_tls(authority: Authority) -> Iterator[tuple[PrivatePostgres, PrivateRabbit]]:
    """A PostgreSQL and a RabbitMQ that show certificates of ours."""
    authority.folder.chmod(0o711)
    own = authority.own((HERE,))
    postgres = PrivatePostgres(authority.folder / "postgres", certificates=own)
    rabbit = PrivateRabbit(authority.folder / "rabbit", certificates=own)
    with ThreadPoolExecutor(2) as pool:
        try:
            list(pool.map(lambda server: server.start(), (postgres, rabbit)))
            yield postgres, rabbit
        finally:
            list(pool.map(lambda server: server.erase(), (postgres, rabbit)))


async def _provided(rabbit: PrivateRabbit, folder: Path) -> str:
    """Let a broker with TLS have its topology and its users; returns the password of each."""
    password = token_hex(16)
    async with BrokerAdministration(
        rabbit.management_url, rabbit.admin_user, rabbit.admin_password, tls=tls_of(folder)
    ) as administration:
        await administration.set_up(dict.fromkeys((ledger.SPEAKER, ledger.HEARER), password))
    return password


async def test_who_listens_in_before_broker_and_database_hears_nothing(
    authority: Authority, backing: Backing, attempts: Attempts
) -> None:
    with recording() as plain:
        vhost = await served_vhost(backing)
        await _speak_and_hear(plain, backing.admin_url, vhost.url, None)
        for what, (part, canary) in FLOW_SAYS.items():
            assert _in(plain, part, canary), f"{what}: in clear it is heard, so that this test can fail"
        assert _in(plain, "broker", password_of(backing, ledger.SPEAKER).encode())
    with servers_with_tls(authority) as (postgres, rabbit), recording() as recorders:
        admin_url = f"{postgres.admin_url}?sslmode=verify-full"
        own = authority.own((HERE,))
        password = await _provided(rabbit, own)
        place = rabbit.amqp_url.rpartition("@")[2]
        await _speak_and_hear(recorders, admin_url, lambda user: f"amqps://{user}:{password}@{place}", own)
        for what, (part, canary) in FLOW_SAYS.items():
            attempts.record(f"listening in: {what}", succeeded=_in(recorders, part, canary))
        is_heard = _in(recorders, "broker", password.encode())
        attempts.record("listening in: broker: a service's password", succeeded=is_heard)
        for part in ("postgres", "broker"):
            assert _in(recorders, part, b"\x16\x03"), f"{part}: something was said, over TLS"


async def test_who_listens_in_between_gateway_and_service_hears_nothing(
    authority: Authority, attempts: Attempts
) -> None:
    canaries = {
        "a signed identity": b"Bearer eyJ",
        "what is asked": b"/api/v1/openapi",
        "the answer": b"HTTP/1.1",
    }
    for is_tls in (False, True):
        own = authority.own(("gateway", HERE), is_caller=True)
        async with service_at_work(authority, is_tls=is_tls) as (port, identity):
            with recording() as recorders:
                place = f"http{'s' if is_tls else ''}://{HERE}:{recorders.through('service', port)}"
                assert await _answered(place, tls_of(own).client(shows=True), identity)
                for what, canary in canaries.items():
                    is_heard = _in(recorders, "service", canary)
                    if is_tls:
                        attempts.record(f"listening in: gateway to service: {what}", succeeded=is_heard)
                    else:
                        assert is_heard, f"{what}: in clear it is heard, so that this test can fail"


# --- the same of a whole system, at length ------------------------------------------------------------------

#: What the report of `Chain` says at the door, and what parts say to each other about themselves.
CANARIES = {
    "the text of the report": b"sleept elke nacht zakken",
    "the name in the report": b"Willemijn Zwanenvliet",
    "the reporter's mail address": b"ketenproef@voorbeeld.example",
    "a signed identity": b"Bearer eyJ",
    "a password of the management API": b"Basic ",
    "a statement of the database": b"INSERT INTO",
    "an event's type": b"nl.vermoeden.",
}
#: On which wire a plain run says which of them.
SAID_IN_CLEAR = {
    ("intake", "the text of the report"),
    ("intake", "the name in the report"),
    ("intake", "the reporter's mail address"),
    ("postgres", "the text of the report"),
    ("postgres", "a statement of the database"),
    ("broker", "the text of the report"),
    ("broker", "an event's type"),
    ("mail", "the reporter's mail address"),
    ("management", "a password of the management API"),
    *((service, "a signed identity") for service in SERVICES if service != "gateway"),
    *(("broker", f"the password of {service}") for service in SERVICES),
}
at_length = pytest.mark.skipif(
    not IS_LONG, reason="starts a whole system; the short run looks at two servers"
)


@contextmanager
def overheard(*, tls: bool) -> Iterator[tuple[System, Recorders]]:
    """A whole system with a recorder before every part, after a report went all the way."""
    with recording() as recorders, tempfile.TemporaryDirectory(prefix="vermoeden-wire-") as folder:
        Path(folder).chmod(0o711)
        system = System(Options(Path(folder) / "system", tls=tls, through=recorders.through))
        try:
            system.start()
            assert [link.line() for link in Chain(system).links() if not link.is_held] == []
            yield system, recorders
        finally:
            system.stop()
            for server in (system.postgres, system.rabbit):
                server.erase()


def _said(system: System, recorders: Recorders) -> dict[tuple[str, str], bool]:
    """Whether each canary was said on each wire."""
    wires = recorders.parts.keys() - {"gateway"}
    canaries = dict(CANARIES)
    for service in SERVICES:
        address = (system.folder / f"secrets/{service}/vermoeden_broker_url").read_text()
        canaries[f"the password of {service}"] = address.partition("@")[0].rpartition(":")[2].encode()
    return {
        (wire, what): _in(recorders, wire, each) for wire in sorted(wires) for what, each in canaries.items()
    }


@at_length
def test_who_listens_in_on_any_wire_of_a_whole_system_hears_nothing(attempts: Attempts) -> None:
    with overheard(tls=True) as (system, recorders):
        for (wire, what), is_said in _said(system, recorders).items():
            attempts.record(f"listening in: {wire}: {what}", succeeded=is_said)
        for wire in {*SERVICES, "postgres", "broker", "management", "mail"} - {"gateway"}:
            assert _in(recorders, wire, b"\x16\x03"), f"{wire}: a handshake"
            assert sum(map(len, recorders.parts[wire].heard)) > 2000, f"{wire}: something was said"


@at_length
def test_who_listens_in_on_a_plain_system_hears_it_all() -> None:
    """So that the test above can fail: the same report, the same recorders, no TLS."""
    with overheard(tls=False) as (system, recorders):
        said = {key for key, is_said in _said(system, recorders).items() if is_said}
    assert SAID_IN_CLEAR - said == set()
