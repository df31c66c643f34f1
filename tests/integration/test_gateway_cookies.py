"""Sessions are found beside any other cookie, and signing out is not said of a session that lives on."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from common.contracts.codes import Role
from multidict import CIMultiDict

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import FORM_FIELD, PASSWORD, Running, running_gateway, running_upstream

CURRENT = "/api/v1/sessions/current"
ODD = 'consent={"functional":true}; x=a b c; =leeg; prefs="a b'
#: All that a browser keeps for one domain, of whichever page: 180 of 4 KiB.
MANY = "; ".join(f"b{number}={'a' * 4090}" for number in range(180))


@pytest_asyncio.fixture(scope="module")
async def running(backing: Backing) -> AsyncIterator[Running]:
    urls = await service_database(backing, "gateway")
    async with running_upstream() as upstream, running_gateway(urls, upstream) as gateway:
        yield gateway


async def _ask(running: Running, method: str, *cookies: str, token: str = "") -> tuple[int, str]:
    headers = CIMultiDict([("X-CSRF-Token", token), *(("Cookie", each) for each in cookies)])
    async with running.client.request(method, CURRENT, headers=headers) as answer:
        return answer.status, answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("line", ["{0}; {1}", "{1}; {0}"])
async def test_a_session_lives_and_ends_beside_any_other_cookie(running: Running, line: str) -> None:
    headers = await running.signed_in(Role.HANDLER)
    cookie = line.format(headers["Cookie"], ODD)
    assert (await _ask(running, "GET", cookie))[0] == 200
    status, taken_away = await _ask(running, "DELETE", cookie, token=headers["X-CSRF-Token"])
    assert (status, "Max-Age=0" in taken_away) == (204, True)
    assert (await _ask(running, "GET", headers["Cookie"]))[0] == 401


async def test_a_session_is_found_whichever_line_of_cookies_it_is_on(running: Running) -> None:
    headers = await running.signed_in(Role.HANDLER)
    for lines in (("ok=1", headers["Cookie"]), (headers["Cookie"], "ok=1")):
        assert (await _ask(running, "GET", *lines))[0] == 200


async def test_of_several_cookies_of_sessions_the_first_that_lives_counts_and_all_end(
    running: Running,
) -> None:
    first, second = [await running.signed_in(Role.HANDLER) for _ in range(2)]
    made_up = "vermoeden_session=verzonnen"
    both = f"{made_up}; {first['Cookie']}; {second['Cookie']}"
    assert (await _ask(running, "GET", f"{made_up}; {second['Cookie']}"))[0] == 200
    assert (await _ask(running, "DELETE", both, token=second["X-CSRF-Token"]))[0] == 403
    assert (await _ask(running, "GET", second["Cookie"]))[0] == 200
    assert (await _ask(running, "DELETE", both, token=first["X-CSRF-Token"]))[0] == 204
    for each in (first, second):
        assert (await _ask(running, "GET", each["Cookie"]))[0] == 401


async def test_signing_out_is_not_said_of_a_cookie_that_is_of_no_session(running: Running) -> None:
    status, taken_away = await _ask(running, "DELETE", "vermoeden_session=onleesbaar")
    assert (status, "Max-Age=0" in taken_away) == (401, True)
    assert (await _ask(running, "DELETE"))[0] == 204  # without a cookie there is nothing to end
    assert (await _ask(running, "DELETE", ODD))[0] == 204
    headers = await running.signed_in(Role.HANDLER)
    running.clock.move(minutes=31)  # a session that was left alone is there until it is swept
    assert (await _ask(running, "DELETE", headers["Cookie"]))[0] == 204


async def test_the_browser_is_known_whatever_else_has_the_name_of_that_cookie(running: Running) -> None:
    browsers, now = running.front.sessions._browsers, running.clock()
    logins = [await running.person(Role.HANDLER) for _ in range(2)]
    cookies = []
    for login in logins:
        body = {"login": login, "password": PASSWORD}
        async with running.client.post("/api/v1/sessions", json=body) as answer:
            cookies.append(answer.headers.getall("Set-Cookie")[1].partition(";")[0])
    both = "; ".join(("vermoeden_known=verzonnen", *cookies, ODD)).encode()
    for login in logins:
        assert await browsers.lane({b"cookie": both}, "veldstad", login, now) is not None
    third = {"login": await running.person(Role.HANDLER), "password": PASSWORD}
    async with running.client.post(
        "/api/v1/sessions", json=third, headers={"Cookie": both.decode()}
    ) as answer:
        one = answer.headers.getall("Set-Cookie")[1].partition(";")[0].encode()
    for login in (*logins, third["login"]):
        assert await browsers.lane({b"cookie": one}, "veldstad", login, now) is not None


@pytest.mark.parametrize("line", ["{0}; {1}", "{1}; {0}", "{1}; {0}; {1}"])
async def test_what_other_pages_of_the_domain_set_keeps_nobody_out(running: Running, line: str) -> None:
    headers = await running.signed_in(Role.HANDLER)
    many = MANY[: len(MANY) // line.count("{1}")]
    assert (await _ask(running, "GET", line.format(headers["Cookie"], many)))[0] == 200
    for path in ("/", "/veldstad/aanmelden", "/api/v1/signal-types"):
        told = {"Cookie": line.format("taal=en", many), "Municipality": "veldstad"}
        async with running.client.get(path, headers=told) as answer:
            assert answer.status == 200, path
            assert path.startswith("/api") or 'lang="en"' in await answer.text()
    bound = line.format("vermoeden_sign_in=een-browser", many)
    login = {"login": await running.person(Role.HANDLER), "password": PASSWORD, **FORM_FIELD}
    sent = running.client.post(
        "/veldstad/aanmelden", data=login, headers={"Cookie": bound}, allow_redirects=False
    )
    async with sent as answer:
        assert answer.status == 303


@pytest.mark.parametrize("ours", ["", "vermoeden_session=t0; "])
async def test_more_cookies_than_any_browser_keeps_are_refused_with_what_to_do(
    running: Running, ours: str
) -> None:
    async with running.client.get("/veldstad/melden", headers={"Cookie": f"{ours}{MANY}; {MANY}"}) as answer:
        assert answer.status == 431
        told = await answer.text()
        assert "Wis de cookies" in told
        assert "Delete the cookies" in told
        # Who is signed in here is not signed out by it.
        assert answer.headers.get("Clear-Site-Data") == (None if ours else '"cookies"')


async def test_an_address_that_is_too_long_takes_no_cookies_away(running: Running) -> None:
    """Any page anywhere can make a browser ask for one."""
    async with running.client.get("/veldstad/melden?x=" + "a" * 40_000) as answer:
        assert answer.status == 431
        assert "Clear-Site-Data" not in answer.headers
