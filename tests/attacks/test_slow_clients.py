"""Clients that hold what they do not use: whoever else comes is served within five seconds, staff too."""

import asyncio
import io
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from common.contracts.codes import Role
from gateway.rendering.static import StaticFiles

from tests.support import files
from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.gateway import FORM_COOKIE, FORM_FIELD, PASSWORD
from tests.support.reporting_point import Point, reporting_point
from tests.support.slow import Attack, Slow, kinds, quick_enough

WITHIN_SECONDS = 5.0
CLIENTS = 120 if IS_LONG else 60
_FEW = 12  # no more than one network has connections
_LARGE = StaticFiles.packaged().url("vendor/nl-design-system/nl-design-system.css")
_KINDS = kinds("veldstad", _LARGE)
#: As in an installation, and smaller, so that few clients are many.
_SMALL = {
    "proxies": "127.0.0.0/8",
    "connections": 60 if IS_LONG else 40,
    "uploads_at_once": 6,
    "bodies_in_hand_bytes": 3_000_000,
    "form_seconds_least": 0,
}
HTML = {"Accept": "text/html"}
Serve = Callable[[aiohttp.ClientSession], Awaitable["Heard"]]


class Heard(int):
    """The status of an answer, that tells what else the answer said."""

    said = ""


@pytest_asyncio.fixture(scope="module")
async def point(backing: Backing) -> AsyncIterator[Point]:
    """One reporting point for this module, behind a proxy that tells where clients come from."""
    async with reporting_point(backing, **_SMALL) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def staff(point: Point) -> dict[str, dict[str, str]]:
    """The headers of somebody at the counter who signed in, and their login."""
    signed_in = await point.gateway.signed_in(Role.STAFF_ENTRY, Role.REPORTER)
    return {"headers": signed_in, "login": {"name": await point.gateway.person(Role.HANDLER)}}


def far_and_wide(number: int) -> str:
    """Many networks, of which one is that of an honest reporter."""
    return f"198.51.{number % 25}.{number % 200 + 1}"


def one_network(number: int) -> str:
    """All from one."""
    return f"198.51.77.{number % 200 + 1}"


def one_wide_network(number: int) -> str:
    """All from one /48 of IPv6, which is 256 of the networks by which clients are told apart."""
    return f"2001:db8:77:{number % 200:x}00::1"


def _form(**more: str) -> dict[str, str]:
    filled = {"type": "hennepteelt", "description": "Het ruikt er al weken naar wiet.", "step": "send"}
    return {**filled, "q-waargenomen": "zelf-waargenomen", "q-geur": "nee", **more}


def _report() -> dict[str, Any]:
    answers = {"waargenomen": "zelf-waargenomen", "geur": "nee"}
    return {"signalType": "hennepteelt", "description": "Het ruikt er naar wiet.", "answers": answers}


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_urlsafe(24)}


def _with_file(**more: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in _form(**more).items():
        form.add_field(name, value)
    form.add_field("files", files.photo(), filename="loods.jpg", content_type="image/jpeg")
    return form


async def _hear(answer: aiohttp.ClientResponse) -> Heard:
    heard = Heard(answer.status)
    heard.said = (await answer.text())[:3000]
    return heard


async def _post(client: aiohttp.ClientSession, path: str, headers: Mapping[str, str], **body: Any) -> Heard:
    async with client.post(path, headers=headers, allow_redirects=False, **body) as answer:
        return await _hear(answer)


def honest(staff: dict[str, dict[str, str]]) -> dict[str, tuple[Serve, int]]:
    """What people come for, and what they hear when all is well."""
    photo = {"Content-Type": "image/jpeg", "Signal-Type": "hennepteelt"}
    headers, token = staff["headers"], {"csrf_token": staff["headers"]["X-CSRF-Token"]}
    login = {"login": staff["login"]["name"], "password": PASSWORD, **FORM_FIELD}
    newcomer = {**HTML, "Cookie": FORM_COOKIE}
    entry = {**HTML, "Cookie": headers["Cookie"]}

    async def show(client: aiohttp.ClientSession) -> Heard:
        async with client.get("/veldstad/invoeren", headers=entry) as answer:
            return await _hear(answer)

    return {
        "report": (lambda client: _post(client, "/api/v1/reports", _key(), json=_report()), 201),
        "form": (lambda client: _post(client, "/veldstad/melden", HTML, data=_form()), 201),
        "form with file": (lambda client: _post(client, "/veldstad/melden", HTML, data=_with_file()), 201),
        "file": (
            lambda client: _post(client, "/api/v1/attachments", photo, data=io.BytesIO(files.photo())),
            201,
        ),
        "mailbox": (lambda client: _post(client, "/veldstad/postvak", HTML, data={"receipt": "x"}), 400),
        "sign-in": (lambda client: _post(client, "/veldstad/aanmelden", newcomer, data=login), 303),
        "staff's page": (show, 200),
        "staff's form": (
            lambda client: _post(client, "/veldstad/invoeren", entry, data=_with_file(**token, step="check")),
            200,
        ),
        "staff's file": (
            lambda client: _post(
                client, "/api/v1/attachments", {**photo, **headers}, data=io.BytesIO(files.photo())
            ),
            201,
        ),
    }


async def _serve(point: Point, address: str, serve: Serve) -> Heard:
    """As to a newcomer: on a new connection, with nothing kept from before."""
    told, jar = {"X-Forwarded-For": address}, aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(point.url, headers=told, cookie_jar=jar) as client:
        return await serve(client)


async def _fault(point: Point, address: str, serve: Serve, expected: int, seconds: float) -> str:
    """Nothing when all went well in time, else what did not."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            status = await _serve(point, address, serve)
    except (TimeoutError, aiohttp.ClientError) as error:
        return f"{type(error).__name__} after {time.monotonic() - began:.1f} s"
    return "" if status == expected else f"answered {status}: {status.said}"


@pytest_asyncio.fixture(scope="module")
async def usual(point: Point, staff: dict[str, dict[str, str]]) -> dict[str, float]:
    """How many seconds each takes on this machine while nobody is slow; everything is loaded by then."""
    seconds = {}
    for what, (serve, expected) in honest(staff).items():
        assert await _serve(point, "203.0.113.8", serve) == expected, what
        began = time.monotonic()
        await _serve(point, "203.0.113.8", serve)
        seconds[what] = time.monotonic() - began
    return seconds


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.name.replace(" ", "-"))
async def test_everybody_is_served_while_many_are_slow(
    point: Point,
    staff: dict[str, dict[str, str]],
    usual: dict[str, float],
    attempts: Attempts,
    kind: Slow,
) -> None:
    chosen = {
        what: how
        for what, how in honest(staff).items()
        if IS_LONG or "file" not in what or "file" in kind.name
    }
    for network in (far_and_wide, one_network) if IS_LONG else (far_and_wide,):
        async with Attack(point.url, kind, network).by(CLIENTS):
            faults = await asyncio.gather(
                *(
                    _fault(point, f"203.0.{number}.9", serve, expected, WITHIN_SECONDS + usual[what])
                    for number, (what, (serve, expected)) in enumerate(chosen.items())
                )
            )
        for what, fault in zip(chosen, faults, strict=True):
            attempts.record(f"{kind.name}: {what} {fault}".strip(), succeeded=bool(fault))


@pytest.mark.parametrize("network", [one_network, one_wide_network], ids=lambda each: each.__name__)
async def test_one_network_that_sends_well_takes_no_municipality_for_itself(
    point: Point,
    staff: dict[str, dict[str, str]],
    usual: dict[str, float],
    attempts: Attempts,
    network: Callable[[int], str],
) -> None:
    chosen = {what: how for what, how in honest(staff).items() if "form" in what or "file" in what}
    async with Attack(point.url, quick_enough(), network).by(_FEW):
        faults = await asyncio.gather(
            *(
                _fault(point, f"203.0.{number}.7", serve, expected, WITHIN_SECONDS + usual[what])
                for number, (what, (serve, expected)) in enumerate(chosen.items())
            )
        )
    for what, fault in zip(chosen, faults, strict=True):
        attempts.record(f"one network: {what} {fault}".strip(), succeeded=bool(fault))
