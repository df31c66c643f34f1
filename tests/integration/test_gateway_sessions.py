"""Signing in and out, API keys and vaults."""

import asyncio
import contextlib
import json
import logging
import secrets
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Literal

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from common.contracts.codes import Role
from common.errors import Malformed, TooMuch, Unavailable
from common.sealing import (
    Context,
    WrappedPrivateKey,
    decode,
    encode,
    generate_key_pair,
    open_sealed,
    seal,
    unwrap_private_key,
    wrap_private_key,
)
from gateway.passwords import Passwords
from gateway.store import GroupWrap
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway import actions
from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import PASSWORD, Running, running_gateway, running_upstream


@pytest_asyncio.fixture(scope="module")
async def running(backing: Backing) -> AsyncIterator[Running]:
    """One gateway for this module; who must wait before signing in sees the clock go forward instead."""
    urls = await service_database(backing, "gateway")
    async with running_upstream() as upstream, running_gateway(urls, upstream) as gateway:
        gateway.front.sessions._pause = gateway.clock.pause
        yield gateway


async def _status(running: Running, headers: dict[str, str]) -> int:
    async with running.client.get("/api/v1/sessions/current", headers=headers) as answer:
        return answer.status


async def _try(running: Running, login: str, password: str, **headers: str) -> tuple[int, str]:
    body = {"login": login, "password": password}
    async with running.client.post("/api/v1/sessions", json=body, headers=headers) as answer:
        return answer.status, (await answer.json()).get("code", "")


async def test_signing_in_gives_a_cookie_that_script_cannot_read(running: Running) -> None:
    login = await running.person(Role.HANDLER)
    body = {"login": f" {login.upper()} ", "password": PASSWORD}
    async with running.client.post("/api/v1/sessions", json=body) as answer:
        cookie = answer.headers["Set-Cookie"]
        shown = await answer.json()
    assert cookie.startswith("vermoeden_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert (shown["roles"], shown["municipality"]) == (["handler"], "veldstad")
    assert await _status(running, {"Cookie": cookie.partition(";")[0]}) == 200


async def test_behind_https_the_cookie_is_bound_to_the_host(backing: Backing) -> None:
    urls = await service_database(backing, "gateway")
    async with running_upstream() as upstream, running_gateway(urls, upstream, is_https=True) as running:
        login = await running.person(Role.HANDLER)
        body = {"login": login, "password": PASSWORD}
        async with running.client.post("/api/v1/sessions", json=body) as answer:
            cookie = answer.headers["Set-Cookie"]
            assert cookie.startswith("__Host-vermoeden_session=")
            assert "; Secure" in cookie
            assert "Path=/" in cookie
            assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


async def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(running: Running) -> None:
    login = await running.person(Role.HANDLER)
    wrong = await _try(running, login, "niet het wachtwoord")
    assert wrong == await _try(running, "niemand", PASSWORD) == (401, "wrong-login-or-password")
    assert await _try(running, login, PASSWORD, Municipality="duinrade") == wrong
    assert await _try(running, login, PASSWORD) == (201, "")


async def test_repeated_failures_are_slowed_down_then_refused_for_a_while(running: Running) -> None:
    login = await running.person(Role.HANDLER)
    before = running.clock.moved
    answers = [await _try(running, login, "fout") for _ in range(8)]
    assert timedelta(seconds=1) < running.clock.moved - before < timedelta(seconds=30)
    while answers[-1][0] == 401:
        answers.append(await _try(running, login, "fout"))
        assert len(answers) < 20
    assert answers[-1] == (429, "too-many-requests")
    assert (await _try(running, login, PASSWORD))[0] == 429
    running.clock.move(seconds=60)
    assert (await _try(running, login, PASSWORD))[0] == 201


async def test_guessing_from_elsewhere_does_not_lock_a_person_out(running: Running) -> None:
    login = await running.person(Role.HANDLER)
    sessions = running.front.sessions
    for _ in range(10):
        with contextlib.suppress(actions.WrongSignIn, TooMuch):
            await sessions.sign_in("veldstad", login, "fout", "192.0.2.1")
    with pytest.raises(TooMuch):
        await sessions.sign_in("veldstad", login, PASSWORD, "192.0.2.200")  # the same network
    _, session = await sessions.sign_in("veldstad", login, PASSWORD, "198.51.100.1")
    assert session.person.municipality == "veldstad"


async def test_a_browser_knows_everybody_who_signed_in_there_up_to_eight(running: Running) -> None:
    browsers, now = running.front.sessions._browsers, running.clock()
    logins = [await running.person(Role.HANDLER) for _ in range(9)]
    headers: dict[bytes, bytes] = {}

    async def lanes() -> list[bytes | None]:
        return [await browsers.lane(headers, "veldstad", login, now) for login in logins]

    ids = set()
    for login in logins:
        for _ in range(2):  # twice is as once, but for the lane's name
            body = {"login": login, "password": PASSWORD}
            sent = {name.decode(): value.decode() for name, value in headers.items()}
            async with running.client.post("/api/v1/sessions", json=body, headers=sent) as answer:
                (known,) = (each for each in answer.headers.getall("Set-Cookie") if "_known=" in each)
            headers[b"cookie"] = known.partition(";")[0].encode()
            ids.add(await browsers.lane(headers, "veldstad", login, now))
    assert len(ids - {None}) == 18
    assert [lane is not None for lane in await lanes()] == [False] + [True] * 8
    assert await browsers.lane(headers, "duinrade", logins[-1], now) is None
    assert await browsers.lane(headers, "veldstad", "bestaat-niet", now) is None
    assert await browsers.lane({}, "veldstad", logins[-1], now) is None


async def test_who_finds_the_queue_full_is_told_to_come_back() -> None:
    go_on = threading.Event()

    class Slow(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            go_on.wait(10)
            return super().verify(hash, password)

    quick = Slow(time_cost=1, memory_cost=64, parallelism=1)
    passwords = Passwords(hasher=quick, at_once=1, most_waiting=2)
    right = await passwords.hash(PASSWORD)
    waiting = [asyncio.create_task(passwords.is_right(PASSWORD, right)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refused:
        await passwords.is_right(PASSWORD, right)
    assert "Retry-After" in refused.value.headers
    go_on.set()
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await passwords.is_right(PASSWORD, right)
    passwords.close()


@pytest.mark.parametrize(
    "body",
    [
        r'{"login": "a\u0000b", "password": "een lang wachtwoord"}',
        r'{"login": "a\ud800b", "password": "een lang wachtwoord"}',
        r'{"login": "LOGIN", "password": "wachtwoord\ud800"}',
        r'{"login": "LOGIN", "password": "wachtwoord\u0000"}',
    ],
)
async def test_what_nobody_can_be_called_is_wrong_or_malformed(running: Running, body: str) -> None:
    login = await running.person(Role.HANDLER)
    headers = {"Content-Type": "application/json"}
    sent = body.replace("LOGIN", login)
    async with running.client.post("/api/v1/sessions", data=sent, headers=headers) as answer:
        told = (answer.status, (await answer.json())["code"])
    assert told in {(401, "wrong-login-or-password"), (400, "malformed")}
    login, password = json.loads(sent).values()
    with pytest.raises(actions.WrongSignIn):  # whoever asks, whatever checks before
        await running.front.sessions.sign_in("veldstad", login, password)


async def test_a_session_ends_when_left_alone_and_at_its_absolute_end(running: Running) -> None:
    headers = await running.signed_in(Role.HANDLER)
    for _ in range(4):
        running.clock.move(minutes=25)
        assert await _status(running, headers) == 200
    running.clock.move(minutes=31)
    assert await _status(running, headers) == 401
    headers = await running.signed_in(Role.HANDLER)
    for _ in range(28):
        running.clock.move(minutes=25)
        assert await _status(running, headers) == 200
    running.clock.move(minutes=25)
    assert await _status(running, headers) == 401
    assert await running.front.sessions.sweep() >= 2


async def test_signing_out_ends_the_session_at_once(running: Running) -> None:
    headers = await running.signed_in(Role.HANDLER)
    only_cookie = {"Cookie": headers["Cookie"]}
    async with running.client.delete("/api/v1/sessions/current", headers=only_cookie) as answer:
        assert answer.status == 403
    async with running.client.delete("/api/v1/sessions/current", headers=headers) as answer:
        assert answer.status == 204
        assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert await _status(running, headers) == 401


async def test_closing_an_account_ends_its_sessions_and_signing_in(running: Running) -> None:
    login = await running.person(Role.HANDLER, login="gaat-weg")
    token, _ = await running.front.sessions.sign_in("veldstad", login, PASSWORD)
    await running.put(login, is_active=False)
    running.clock.move(seconds=6)
    assert await running.front.sessions.find(token) is None
    assert (await _try(running, login, PASSWORD))[0] == 401


async def test_putting_the_same_person_again_changes_nothing(running: Running) -> None:
    login = await running.person(Role.HANDLER, login="blijft")
    token, session = await running.front.sessions.sign_in("veldstad", login, PASSWORD)
    await running.person(Role.HANDLER, login="blijft")
    again = await running.front.sessions.find(token)
    assert again is not None
    assert again.person.id == session.person.id


async def test_a_person_with_a_weak_password_or_unknown_department_is_refused(running: Running) -> None:
    with pytest.raises(Malformed) as caught:
        await actions.put_person(
            running.database,
            running.passwords,
            municipality="veldstad",
            login="x",
            display_name="",
            password="kort",
            roles=[],
            departments=["nergens"],
        )
    assert {each.pointer for each in caught.value.errors} == {"/displayName", "/password", "/departments"}


async def test_no_password_or_login_reaches_a_log(
    running: Running, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        await _try(running, "kanarie-login", "kanarie-wachtwoord")
        body = '{"login": "kanarie-login", "password": 7, "extra": "kanarie-extra"}'
        async with running.client.post(
            "/api/v1/sessions", data=body, headers={"Content-Type": "application/json"}
        ) as answer:
            assert answer.status == 400
            problem = await answer.text()
    output = capsys.readouterr()
    assert "kanarie" not in caplog.text + output.out + output.err + problem


async def _key(running: Running, *roles: Role, **more: object) -> dict[str, str]:
    key = await actions.put_api_key(
        running.database,
        municipality="veldstad",
        name=f"k{secrets.token_hex(4)}",
        roles=roles,
        purpose="a test",
        **more,  # type: ignore[arg-type]
    )
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.REPORTER, Role.STAFF_ENTRY, Role.EXPORT}))
async def test_an_api_key_holds_no_role_of_people(running: Running, role: Role) -> None:
    with pytest.raises(Malformed) as refused:
        await _key(running, Role.EXPORT, role)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [("/roles", "person-role")]


async def test_an_api_key_may_do_what_its_roles_allow(running: Running) -> None:
    headers = await _key(running, Role.EXPORT)
    async with running.client.get("/api/v1/exports/reports.csv", headers=headers) as answer:
        heard = await answer.json()
    assert answer.status == 200
    assert heard["identity"]["key"].startswith("k")
    assert heard["identity"]["person"] is None
    async with running.client.get("/api/v1/reports", headers=headers) as answer:
        assert answer.status == 403
    async with running.client.get("/api/v1/vault", headers=headers) as answer:
        assert answer.status == 403


async def test_an_unknown_or_expired_api_key_is_refused_even_where_anyone_may_ask(running: Running) -> None:
    expired = await _key(running, Role.EXPORT, expires_at=running.clock() - timedelta(seconds=1))
    for headers in (expired, {"Authorization": "Bearer vk_" + "x" * 43}, {"Authorization": "Basic eDp5"}):
        for path in ("/api/v1/signal-types", "/api/v1/exports/reports.csv"):
            async with running.client.get(path, headers=headers) as answer:
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_vault_opens_in_its_owners_browser_only_and_each_fetch_is_written_down(
    running: Running,
) -> None:
    login = await running.person(Role.HANDLER)
    token, session = await running.front.sessions.sign_in("veldstad", login, PASSWORD)
    person = session.person.id
    own, group = generate_key_pair(), generate_key_pair()
    own_context = Context("veldstad", "person-key", str(person))
    group_context = Context("veldstad", "group-key", "general", "g1")
    for _ in range(2):
        await actions.put_vault(
            running.database,
            municipality="veldstad",
            person_id=person,
            public_key=encode(own.public),
            wrapped_private_key=wrap_private_key(own.private, bytes(32), "wachtzin", own_context),
            group_wraps=[GroupWrap("general", "g1", encode(seal(group.private, own.public, group_context)))],
        )
    running.clock.move(seconds=6)
    headers = {"Cookie": f"vermoeden_session={token}"}
    async with running.client.get("/api/v1/vault", headers=headers) as answer:
        shown = await answer.json()
        assert answer.headers["Cache-Control"] == "no-store"
    wrapped = WrappedPrivateKey.model_validate(shown["wrappedPrivateKey"])
    private, _ = unwrap_private_key(wrapped, "wachtzin", own_context)
    assert open_sealed(decode(shown["groups"][0]["wrappedKey"]), private, group_context) == group.private
    async with running.client.get("/api/v1/sessions/current", headers=headers) as answer:
        assert (await answer.json())["keyGroups"] == ["general"]
    async with running.database.tenant("veldstad") as connection:
        rows = await connection.execute(
            text("SELECT key_ids FROM vault_opening WHERE person_id = :person"), {"person": person}
        )
        assert rows.scalars().all() == [["g1"]]


async def test_who_has_no_vault_or_no_session_gets_none(running: Running) -> None:
    async with running.client.get("/api/v1/vault") as answer:
        assert answer.status == 401
    headers = await running.signed_in(Role.HANDLER)
    async with running.client.get("/api/v1/vault", headers=headers) as answer:
        assert answer.status == 404


async def test_an_opening_cannot_be_unwritten_and_another_municipality_sees_nothing(running: Running) -> None:
    await running.person(Role.HANDLER, login="zichtbaar")
    async with running.database.tenant("duinrade") as connection:
        found = await connection.execute(text("SELECT count(*) FROM person WHERE login = 'zichtbaar'"))
        assert found.scalar_one() == 0
    for statement in ("DELETE FROM vault_opening", "UPDATE vault_opening SET key_ids = '{}'"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with running.database.tenant("veldstad") as connection:
                await connection.execute(text(statement))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with running.database.flowing() as connection:
            await connection.execute(text("SELECT password_hash FROM person"))
