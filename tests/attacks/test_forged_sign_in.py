"""Signing somebody in as another from a page elsewhere, or ending their session by it."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from common.contracts.codes import Role

from tests.support.attempts import Attempts
from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import PASSWORD, Running, running_gateway, running_upstream

PAGE, SESSIONS = "/veldstad/aanmelden", "/api/v1/sessions"
SESSION = "vermoeden_session="
#: What a browser may tell of a page elsewhere: an old one nothing.
FROM_ELSEWHERE: list[dict[str, str]] = [
    {},
    {"Origin": "https://elders.veldstad.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://elders.veldstad.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://elders.example"},
]


@pytest_asyncio.fixture(scope="module")
async def running(backing: Backing) -> AsyncIterator[Running]:
    urls = await service_database(backing, "gateway")
    async with running_upstream() as upstream, running_gateway(urls, upstream) as gateway:
        yield gateway


async def _shown(running: Running, cookie: str = "") -> tuple[str, str]:
    """The cookie and the token of the form as a browser gets it."""
    async with running.client.get(PAGE, headers={"Cookie": cookie} if cookie else {}) as answer:
        found = re.search(r'name="csrf_token" value="([^"]+)"', await answer.text())
        given = answer.headers.get("Set-Cookie", "").partition(";")[0]
    return given or cookie, found[1] if found else ""


async def _sent(running: Running, path: str, headers: Mapping[str, str], **body: Any) -> tuple[int, bool]:
    async with running.client.post(path, headers=headers, allow_redirects=False, **body) as answer:
        return answer.status, any(SESSION in each for each in answer.headers.getall("Set-Cookie", ()))


async def _lives(running: Running, cookie: str) -> bool:
    async with running.client.get(f"{SESSIONS}/current", headers={"Cookie": cookie}) as answer:
        return answer.status == 200


@pytest.mark.parametrize("told", FROM_ELSEWHERE, ids=str)
async def test_no_form_from_elsewhere_signs_anybody_in_or_out(
    running: Running, attempts: Attempts, told: dict[str, str]
) -> None:
    login = await running.person(Role.HANDLER)  # the attacker's own
    theirs = await running.signed_in(Role.PROCESS_MANAGER)
    own_cookie, own_token = await _shown(running)
    bound, token = await _shown(running)
    assert own_token
    assert own_token != token
    for cookie in ("", theirs["Cookie"], bound, f"{theirs['Cookie']}; {bound}", own_cookie.upper()):
        for given in ("", "x", own_token, own_cookie.partition("=")[2], None):
            form = {"login": login, "password": PASSWORD, **({} if given is None else {"csrf_token": given})}
            headers = {**told, **({"Cookie": cookie} if cookie else {})}
            _, is_in = await _sent(running, PAGE, headers, data=form)
            attempts.record("sign in by a form from elsewhere", succeeded=is_in)
    is_ended = not await _lives(running, theirs["Cookie"])
    attempts.record("end a session by a form from elsewhere", succeeded=is_ended)


@pytest.mark.parametrize("told", FROM_ELSEWHERE, ids=str)
async def test_no_page_elsewhere_signs_anybody_in_at_the_api(
    running: Running, attempts: Attempts, told: dict[str, str]
) -> None:
    """Without asking first, a page may send these types only, or none (Fetch, 2.2.2)."""
    login = await running.person(Role.HANDLER)
    theirs = await running.signed_in(Role.PROCESS_MANAGER)
    body = json.dumps({"login": login, "password": PASSWORD}).encode()
    kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/plain;json")
    for kind in (*kinds, "text/plain; application/json"):
        headers = {**told, "Cookie": theirs["Cookie"], "Content-Type": kind}
        _, is_in = await _sent(running, SESSIONS, headers, data=body)
        attempts.record("sign in at the API from elsewhere", succeeded=is_in)
    if "Sec-Fetch-Site" in told:  # even if it could send this
        _, is_in = await _sent(running, SESSIONS, {**told, **theirs}, json=json.loads(body))
        attempts.record("sign in at the API from elsewhere", succeeded=is_in)
    is_ended = not await _lives(running, theirs["Cookie"])
    attempts.record("end a session at the API from elsewhere", succeeded=is_ended)


async def test_signing_in_anew_ends_the_session_of_that_browser(running: Running, attempts: Attempts) -> None:
    login = await running.person(Role.HANDLER)
    for path in (PAGE, SESSIONS):
        old = (await running.signed_in(Role.HANDLER))["Cookie"]
        bound, token = await _shown(running)
        wrong, right = (
            {"login": login, "password": each, **({"csrf_token": token} if path == PAGE else {})}
            for each in ("niet het wachtwoord", PASSWORD)
        )
        for form in (wrong, right):
            assert await _lives(running, old)  # a wrong password ends nothing
            body: dict[str, Any] = {"data" if path == PAGE else "json": form}
            status, is_in = await _sent(running, path, {"Cookie": f"{old}; {bound}"}, **body)
        assert (status, is_in) == (303 if path == PAGE else 201, True)
        attempts.record("use the session of who sat here before", succeeded=await _lives(running, old))


@pytest.mark.parametrize("town", ["veldstad", "duinrade"], ids=["own", "another municipality's"])
async def test_no_form_from_elsewhere_signs_anybody_out(
    running: Running, attempts: Attempts, town: str
) -> None:
    theirs = (await running.signed_in(Role.HANDLER))["Cookie"]
    for token in ("", "x"):
        form = {"csrf_token": token}
        status, is_taken_away = await _sent(running, f"/{town}/afmelden", {"Cookie": theirs}, data=form)
        attempts.record("sign out by a form from elsewhere", succeeded=status != 403 or is_taken_away)
    attempts.record("sign out by a form from elsewhere", succeeded=not await _lives(running, theirs))


async def test_the_form_of_one_browser_serves_all_its_tabs(running: Running) -> None:
    login = await running.person(Role.HANDLER)
    bound, first = await _shown(running)
    assert await _shown(running, bound) == (bound, first)
    for _ in range(2):
        form = {"login": login, "password": PASSWORD, "csrf_token": first}
        assert await _sent(running, PAGE, {"Cookie": bound}, data=form) == (303, True)


async def test_behind_https_no_other_page_of_the_domain_can_set_the_cookie_of_the_form(
    backing: Backing,
) -> None:
    urls = await service_database(backing, "gateway")
    async with (
        running_upstream() as upstream,
        running_gateway(urls, upstream, is_https=True) as running,
        running.client.get(PAGE) as answer,
    ):
        cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-vermoeden_sign_in=")
    assert cookie.partition("; ")[2] == "Path=/; HttpOnly; SameSite=Lax; Secure; Priority=High"
