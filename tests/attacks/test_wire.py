"""Listening in between two parts: what is said, and whose password."""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor  # noqa: TID251 -- of a test
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import pytest
from common.contracts.intake import ReportCounted
from common.flow import SERVICES
from common.house import build_house
from common.messaging.administration import BrokerAdministration
from common.settings import ServiceSettings
from common.tls import Tls
from local.check import Chain
from local.servers import PrivatePostgres, PrivateRabbit
from local.system import Options, System

from tests.support import ledger
from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.broker import password_of, served_vhost
from tests.support.pair import running
from tests.support.polling import wait_until
from tests.support.recording import Recorders, recording
from tests.support.wire import HERE, Authority, answers, own_files, service_at_work, tls_of

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
                assert await answers(place, tls_of(own).client(shows=True), identity)
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
