"""Keeping a chosen handler out by guessing at their login from everywhere, and guessing past the gate."""

import asyncio
import secrets
import statistics
import threading
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import aiohttp
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from common.contracts.codes import Role
from common.errors import TooMuch, Unavailable
from common.provision import DatabaseUrls
from gateway.domain import pace
from gateway.domain.pace import Pace
from gateway.passwords import Passwords
from gateway.session import Sessions

from gateway import actions
from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import (
    FORM_COOKIE,
    FORM_FIELD,
    PASSWORD,
    Running,
    running_gateway,
    running_upstream,
)
from tests.support.polling import wait_until

SESSIONS, PAGE = "/api/v1/sessions", "/veldstad/aanmelden"
KNOWN = "vermoeden_known"
BURST = 200 if IS_LONG else 40  # guesses at one login that are let through at once, from wherever
NETWORKS = BURST + 30
OWN = "192.0.2.7"


@pytest_asyncio.fixture(scope="module")
async def urls(backing: Backing) -> DatabaseUrls:
    return await service_database(backing, "gateway")


@pytest_asyncio.fixture
async def running(urls: DatabaseUrls) -> AsyncIterator[Running]:
    async with running_upstream() as upstream, running_gateway(urls, upstream) as gateway:
        of_login = Pace(per_second=0.5, burst=BURST, patience_seconds=4)
        gateway.front.sessions._attempts = pace.Attempts(of_login=of_login)
        yield gateway


@dataclass
class Browser:
    """A browser with its cookies, that may come from any address."""

    sessions: Sessions
    cookie: str = ""

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """What it sends."""
        return {b"cookie": self.cookie.encode()} if self.cookie else {}

    async def tries(self, login: str, password: str, address: str) -> str:
        """Sign in; says how it went: in, wrong, or refused. Keeps only the cookie that tells who it knows."""
        try:
            token, session = await self.sessions.sign_in("veldstad", login, password, address, self.headers)
        except actions.WrongSignIn:
            return "wrong"
        except (TooMuch, Unavailable):
            return "refused"
        _, known = await self.sessions.cookies(token, session, self.headers, PAGE)
        assert known.startswith(f"{KNOWN}=")
        self.cookie = known.partition(";")[0]
        return "in"


@pytest.fixture
def waits(running: Running) -> list[float]:
    """The pauses that the gate makes, instead of the pauses themselves."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    running.front.sessions._pause = pause
    return made


async def test_guesses_from_many_networks_keep_a_known_browser_out_of_nothing(
    running: Running, waits: list[float], attempts: Attempts
) -> None:
    login, sessions = await running.person(Role.HANDLER), running.front.sessions
    known = Browser(sessions)
    assert await known.tries(login, PASSWORD, OWN) == "in"
    outcomes = [
        await Browser(sessions).tries(login, f"gok {number}", f"10.{number // 250}.{number % 250}.1")
        for number in range(NETWORKS)
    ]
    outcomes += [await Browser(sessions).tries(login, "gok", OWN) for _ in range(20)]  # and from the office
    assert outcomes.count("refused") > 20  # the attack bites
    for address in (OWN, "198.51.100.4"):
        waits.clear()
        arrived = await known.tries(login, PASSWORD, address) == "in" and sum(waits) <= 5
        attempts.record("lock a known browser out from many networks", succeeded=not arrived)
    waits.clear()
    mistyped = await known.tries(login, "verkeerd getypt", OWN)
    corrected = await known.tries(login, PASSWORD, OWN)
    attempts.record("refuse a second try", succeeded=(mistyped, corrected) != ("wrong", "in"))


@pytest.mark.usefixtures("waits")
async def test_a_full_queue_keeps_a_known_browser_out_of_nothing(
    running: Running, attempts: Attempts
) -> None:
    login, sessions = await running.person(Role.HANDLER), running.front.sessions
    known = Browser(sessions)
    assert await known.tries(login, PASSWORD, OWN) == "in"
    for round_number in range(10 if IS_LONG else 2):
        passwords, go_on = _stopped()
        sessions._passwords = passwords
        guesses = [
            asyncio.create_task(
                Browser(sessions).tries(f"{login}{number}", "gok", f"10.{round_number}.{number}.1")
            )
            for number in range(60)
        ]
        await wait_until(partial(_is_full, passwords))
        mine = asyncio.create_task(known.tries(login, PASSWORD, OWN))
        await asyncio.wait([mine], timeout=0.2)  # refused, if it is
        go_on.set()
        attempts.record("fill the queue of passwords", succeeded=await mine != "in")
        assert "refused" in await asyncio.gather(*guesses)
        passwords.close()


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("address", ["10.9.9.{0}", "2001:db8:9:{0}00::1"], ids=["one /24", "one /48"])
async def test_one_network_keeps_nobody_elsewhere_from_signing_in(
    running: Running, attempts: Attempts, address: str
) -> None:
    login, sessions = await running.person(Role.HANDLER), running.front.sessions
    passwords, go_on = _stopped()
    sessions._passwords = passwords
    guesses = [
        asyncio.create_task(Browser(sessions).tries(f"{login}{number}", "gok", address.format(number)))
        for number in range(10, 60)
    ]
    await asyncio.wait(guesses, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
    mine = asyncio.create_task(Browser(sessions).tries(login, PASSWORD, OWN))
    await asyncio.wait([mine], timeout=0.2)  # refused, if it is
    go_on.set()
    attempts.record("fill the queue of passwords from one network", succeeded=await mine != "in")
    assert "refused" in await asyncio.gather(*guesses)
    passwords.close()


def _stopped() -> tuple[Passwords, threading.Event]:
    """Passwords of which none is looked at until it is said so."""
    go_on = threading.Event()

    class Slow(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            go_on.wait(30)
            return super().verify(hash, password)

    return Passwords(hasher=Slow(time_cost=1, memory_cost=64, parallelism=1)), go_on


async def _is_full(passwords: Passwords) -> bool:
    try:
        passwords.refuse_when_full(("veldstad",))
    except Unavailable:
        return True
    return False


@pytest.mark.usefixtures("waits")
async def test_a_stolen_cookie_guesses_no_faster_and_shuts_nobody_out(
    running: Running, attempts: Attempts
) -> None:
    login, sessions = await running.person(Role.HANDLER), running.front.sessions
    known = Browser(sessions)
    assert await known.tries(login, PASSWORD, OWN) == "in"
    thief = Browser(sessions, cookie=known.cookie)
    began = time.monotonic()
    outcomes = [await thief.tries(login, f"gok {number}", "10.7.1.1") for number in range(40)]
    # 5 in its lane and 5 as everybody, and the next when a pause is over.
    many = outcomes.count("wrong") > 10 + 2 * (time.monotonic() - began)
    attempts.record("guess faster by a stolen cookie", succeeded=many)
    for number in range(NETWORKS):
        await thief.tries(login, "gok", f"10.7.{number}.1")
    assert await known.tries(login, PASSWORD, OWN) == "refused"  # it shares the thief's cookie, a while
    running.clock.move(seconds=30)
    arrived = await known.tries(login, PASSWORD, OWN) == "in"  # and shares it no more
    attempts.record("shut its owner out by a stolen cookie", succeeded=not arrived)
    for number in range(NETWORKS):
        await thief.tries(login, "gok", f"10.8.{number}.1")
    arrived = await known.tries(login, PASSWORD, OWN) == "in"
    attempts.record("shut its owner out after they signed in", succeeded=not arrived)


@pytest.mark.usefixtures("waits")
async def test_no_other_cookie_has_a_lane(running: Running, attempts: Attempts) -> None:
    """Of another person, of another municipality's, changed, made up, too old, or of the password before."""
    sessions = running.front.sessions
    login, colleague = await running.person(Role.HANDLER), await running.person(Role.HANDLER)
    known, other = Browser(sessions), Browser(sessions)
    assert await known.tries(login, PASSWORD, OWN) == "in"
    assert await other.tries(colleague, PASSWORD, OWN) == "in"
    for number in range(NETWORKS):
        await Browser(sessions).tries(login, "gok", f"10.{number // 250}.{number % 250}.1")
    value = known.cookie.partition("=")[2]
    changed = [f"{value[:at]}{'A' if value[at] != 'A' else 'B'}{value[at + 1 :]}" for at in range(0, 200, 9)]
    made_up = ["", "AAAA", value[:-4], value + value, secrets.token_urlsafe(200), "é", "x" * 4000]
    cookies = [f"{KNOWN}={each}" for each in (*changed, *made_up)]
    for cookie in (*cookies, other.cookie, f"vermoeden_session={value}"):
        passed = await Browser(sessions, cookie=cookie).tries(login, PASSWORD, "198.51.100.9") == "in"
        attempts.record("a lane by a cookie that is none", succeeded=passed)
    await running.put(login, password="een ander lang wachtwoord")
    passed = await known.tries(login, "een ander lang wachtwoord", "198.51.100.9") == "in"
    attempts.record("a lane by the cookie of an older password", succeeded=passed)
    running.clock.move(days=181)
    assert await known.tries(colleague, PASSWORD, OWN) == "in"
    old = Browser(sessions, cookie=other.cookie)
    for number in range(NETWORKS):
        await Browser(sessions).tries(colleague, "gok", f"10.{number // 250}.{number % 250}.1")
    attempts.record("a lane by an old cookie", succeeded=await old.tries(colleague, PASSWORD, OWN) == "in")


async def test_the_cookie_tells_nothing_and_opens_nothing(running: Running, attempts: Attempts) -> None:
    login, colleague = await running.person(Role.HANDLER), await running.person(Role.HANDLER)
    values = []
    for who in (login, colleague):
        async with running.client.post(SESSIONS, json={"login": who, "password": PASSWORD}) as answer:
            cookies = answer.headers.getall("Set-Cookie")
            person = (await answer.json())["person"]
        known = next(each for each in cookies if each.startswith(KNOWN))
        attributes = f"Max-Age=15552000; Path={SESSIONS}; HttpOnly; SameSite=Strict; Priority=High"
        assert known.partition("; ")[2] == attributes
        values.append(known.partition(";")[0])
        telling = [each for each in (who, person, "veldstad") if each in known]
        attempts.record("read somebody's name in the cookie", succeeded=telling != [])
    attempts.record("tell cookies apart by their length", succeeded=len({len(each) for each in values}) > 1)
    form = aiohttp.FormData({"login": login, "password": PASSWORD, **FORM_FIELD})
    sent = {"Cookie": FORM_COOKIE}
    async with running.client.post(PAGE, data=form, headers=sent, allow_redirects=False) as answer:
        known = next(each for each in answer.headers.getall("Set-Cookie") if each.startswith(KNOWN))
    attempts.record("have it sent with a report", succeeded=f"Path={PAGE};" not in known)
    async with running.client.get(f"{SESSIONS}/current", headers={"Cookie": values[0]}) as answer:
        attempts.record("sign in with the cookie alone", succeeded=answer.status == 200)
    as_session = values[0].replace(KNOWN, "vermoeden_session")
    async with running.client.get(f"{SESSIONS}/current", headers={"Cookie": as_session}) as answer:
        attempts.record("use the cookie as a session", succeeded=answer.status == 200)


async def test_answers_tell_nobody_whether_a_login_exists(running: Running, attempts: Attempts) -> None:
    """Alike in status, words, headers and time, for who brings no cookie, or somebody else's."""
    login, colleague = await running.person(Role.HANDLER), await running.person(Role.HANDLER)
    own = Browser(running.front.sessions)
    assert await own.tries(colleague, PASSWORD, OWN) == "in"
    rounds = 60 if IS_LONG else 16
    for cookie in ("", own.cookie):
        seen: dict[str, list[tuple[int, str, tuple[str, ...]]]] = {login: [], "bestaat-niet": []}
        spent: dict[str, list[float]] = {login: [], "bestaat-niet": []}
        for _ in range(rounds):
            for who, answers in seen.items():
                running.clock.move(seconds=60)
                began = time.perf_counter()
                answers.append(await _answer(running, who, cookie))
                spent[who].append(time.perf_counter() - began)
        attempts.record("tell by the answer", succeeded=seen[login] != seen["bestaat-niet"])
        middles = [statistics.median(each) for each in spent.values()]
        # A look into the database more or less would be milliseconds; a hash left out is most of the time.
        attempts.record("tell by the time", succeeded=max(middles) > 3 * min(middles) + 0.02)


async def _answer(running: Running, login: str, cookie: str) -> tuple[int, str, tuple[str, ...]]:
    body = aiohttp.FormData({"login": login, "password": "gok", **FORM_FIELD})
    headers = {"Cookie": f"{FORM_COOKIE}; {cookie}" if cookie else FORM_COOKIE}
    async with running.client.post(PAGE, data=body, headers=headers) as answer:
        page = (await answer.text()).replace(login, "…")
        return answer.status, page, tuple(sorted(answer.headers.keys()))
