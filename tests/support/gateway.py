"""A running gateway on 127.0.0.1, with a small real service behind it that tells what reached it."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from argon2 import PasswordHasher
from common.auth import IdentityVerifier, generate_identity_key
from common.contracts.codes import Role
from common.db import Database
from common.errors import NotSignedIn
from common.provision import DatabaseUrls
from common.runtime import server_of
from common.sealing import encode, generate_key_pair
from common.vouching import Signing, new_signing_key
from gateway.configuration import MunicipalityState
from gateway.front import Front
from gateway.main import build_app, build_front, build_guard
from gateway.passwords import Passwords
from gateway.session import csrf_token
from gateway.settings import GatewaySettings
from gateway.signing import signed

from gateway import actions
from tests.support.databases import opened
from tests.support.polling import wait_until

PASSWORD = "een lang wachtwoord"
#: The form of signing in as one browser sends it back: its cookie, and its hidden field.
FORM_COOKIE, FORM_FIELD = "vermoeden_sign_in=een-browser", {"csrf_token": csrf_token("een-browser")}
PRIVATE_KEY, PUBLIC_KEY = generate_identity_key()
SIGNING = Signing(new_signing_key())  # of every invented municipality's custodians
VOUCHER = Signing(new_signing_key())  # of intake


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moved = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved

    def move(self, **by: float) -> None:
        """Go forward."""
        self.moved += timedelta(**by)

    async def pause(self, seconds: float) -> None:
        """Let somebody wait without waiting: for who does one thing after another, this is as good."""
        self.move(seconds=seconds)
        await asyncio.sleep(0)


@dataclass
class Upstream:
    """All services in one: `/<service>/…` answers what it heard."""

    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def was_asked(self) -> bool:
        """Whether any request arrived."""
        return bool(self.seen)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Behave as the last part of the path says."""
        heard = await self._heard(request)
        self.seen.append(heard)
        behave = {"slow": self._slow, "stream": self._stream, "cut": self._cut}.get(
            request.path.rpartition("/")[2]
        )
        if behave:
            return await behave(request)
        headers = {"Set-Cookie": "stolen=1", "X-From": "service", "Server": "secret"}
        return web.json_response(heard, headers=headers, status=201 if request.method == "POST" else 200)

    async def _heard(self, request: web.Request) -> dict[str, Any]:
        service = request.path.split("/")[1]
        token = request.headers.get("Authorization", "").partition(" ")[2]
        body = await request.read()
        heard: dict[str, Any] = {
            "service": service,
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "length": len(body),
            "digest": hashlib.sha256(body).hexdigest(),
            "audiences": [name for name in ("intake", "casework", "reporting") if _accepts(name, token)],
        }
        if heard["audiences"]:
            identity = IdentityVerifier(service, {"k1": PUBLIC_KEY}).verify(token)
            heard["identity"] = {
                "municipality": identity.municipality,
                "person": str(identity.person) if identity.person else None,
                "key": identity.key_name,
                "roles": sorted(identity.roles),
                "departments": sorted(identity.departments),
            }
        return heard

    async def _slow(self, _request: web.Request) -> web.StreamResponse:
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return web.json_response({"late": True})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/csv"})
        await response.prepare(request)
        try:
            await response.write(b"first\r\n")
            await self.go_on.wait()
            await response.write(b"second\r\n")
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return response

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/csv"})
        await response.prepare(request)
        await response.write(b"first\r\n")
        assert request.transport is not None
        request.transport.abort()
        return response


def _accepts(audience: str, token: str) -> bool:
    try:
        IdentityVerifier(audience, {"k1": PUBLIC_KEY}).verify(token)
    except NotSignedIn:
        return False
    return True


@dataclass
class Running:
    """A gateway under test and everything around it."""

    url: str
    front: Front
    database: Database
    passwords: Passwords
    upstream: Upstream
    clock: Clock
    client: aiohttp.ClientSession

    async def person(self, *roles: Role, municipality: str = "veldstad", login: str = "") -> str:
        """Add a person with these roles; returns the login."""
        login = login or f"p{secrets.token_hex(4)}"
        await self.put(login, municipality=municipality, roles=roles)
        return login

    async def put(self, login: str, **changes: Any) -> None:
        """What the operator does with `add-person`: a handler of Veldstad, but for these changes."""
        person = {"municipality": "veldstad", "password": PASSWORD, "roles": [Role.HANDLER], **changes}
        await actions.put_person(
            self.database,
            self.passwords,
            login=login,
            display_name="Noor Voorbeeld",
            departments=["toezicht"],
            **person,
        )

    async def signed_in(self, *roles: Role) -> dict[str, str]:
        """The headers of a fresh session of a person with these roles: cookie and CSRF token."""
        login = await self.person(*roles)
        async with self.client.post(
            "/api/v1/sessions", json={"login": login, "password": PASSWORD}
        ) as answer:
            assert answer.status == 201, await answer.text()
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
            return {"Cookie": cookie, "X-CSRF-Token": (await answer.json())["csrfToken"]}


def settings_for(urls: DatabaseUrls, upstream_url: str, **more: Any) -> GatewaySettings:
    """Settings of a gateway under test."""
    values: dict[str, Any] = {
        "database_owner_url": urls.owner,
        "database_web_url": urls.web,
        "database_flow_url": urls.flow,
        "broker_url": "amqp://127.0.0.1:1/",
        "identity_private_key": encode(PRIVATE_KEY),
        "voucher_keys": {"v1": VOUCHER.public_key},
        "is_https": False,
        "default_municipality": "veldstad",
        "upstream_connect_seconds": 1,
        "proof_bits": 0,  # but where a test is about it
        "work_block_share": 100,  # likewise; all clients come from one address
        "work_municipality_share": 100,
        **{
            f"{name}_url": f"{upstream_url}/{name}"
            for name in ("intake", "casework", "notifier", "reporting")
        },
        **more,
    }
    return GatewaySettings(**values)


def settings_alone(**more: Any) -> GatewaySettings:
    """Settings for a part of the gateway with nothing around it."""
    unused = ("database_web_url", "database_flow_url", "broker_url", "identity_private_key")
    return GatewaySettings(**{**dict.fromkeys(unused, "unused"), "voucher_keys": {}, **more})


def municipality(code: str, **more: Any) -> MunicipalityState:
    """An invented municipality, with its keys signed."""
    state = MunicipalityState.model_validate(
        {
            "code": code,
            "displayName": f"Gemeente {code.capitalize()}",
            "textInClear": True,
            "catchAllDepartment": "toezicht",
            "departments": [
                {"code": "toezicht", "name": "Toezicht", "mail": "toezicht@veldstad.example"},
                {"code": "ovb", "name": "Ondermijning"},
            ],
            "partners": [
                {
                    "code": "riec",
                    "name": "RIEC Voorbeeld",
                    "kind": "riec",
                    "subscription": {"signalTypes": ["drugslab"], "ground": "convenant 2026"},
                },
                {"code": "politie", "name": "Politie", "kind": "police"},
            ],
            "keys": [
                {
                    "group": "general",
                    "keyId": f"{code}-general-1",
                    "publicKey": encode(generate_key_pair().public),
                }
            ],
            "hosts": [f"{code}.example"],
            **more,
        }
    )
    return state if "signers" in more else signed(state, SIGNING)


@asynccontextmanager
async def running_upstream() -> AsyncIterator[Upstream]:
    """The service behind the gateway; its handlers end when their client hangs up."""
    upstream = Upstream()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{rest:.*}", upstream.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield upstream
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running_gateway(urls: DatabaseUrls, upstream: Upstream, **settings: Any) -> AsyncIterator[Running]:
    """A gateway that answers on a port of its own, with municipalities Veldstad and Duinrade."""
    clock = Clock()
    quick = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    async with opened(urls) as database:
        for code in ("veldstad", "duinrade"):
            if await _is_missing(database, code):
                await actions.configure_municipality(database, municipality(code))
        front = build_front(
            settings_for(urls, upstream.url, **settings), database, clock=clock, passwords=quick
        )
        await front.services.start()
        await front.directory.refresh()
        server = server_of(build_app(front), "127.0.0.1", 0, build_guard(front.settings))
        serving = asyncio.create_task(server._serve())

        async def is_started() -> bool:
            return server.started

        await wait_until(is_started, pause_seconds=0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            async with aiohttp.ClientSession(url, cookie_jar=aiohttp.DummyCookieJar()) as client:
                yield Running(url, front, database, quick, upstream, clock, client)
        finally:
            server.should_exit = True
            await serving
            await front.services.close()
            quick.close()


async def _is_missing(database: Database, code: str) -> bool:
    from gateway import store  # noqa: PLC0415

    async with database.tenant(code) as connection:
        return await store.read_state(connection, code) is None
