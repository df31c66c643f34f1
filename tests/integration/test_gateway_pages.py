"""The pages over HTTP: sessions by form, errors as pages, languages, static files."""

import gzip
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from common.contracts.codes import Role
from gateway.rendering import StaticFiles

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

HTML = {"Accept": "text/html"}
HOME = "/veldstad"


@pytest_asyncio.fixture(scope="module")
async def running(backing: Backing) -> AsyncIterator[Running]:
    """One gateway for this module; who must wait before signing in sees the clock go forward instead."""
    urls = await service_database(backing, "gateway")
    async with running_upstream() as upstream, running_gateway(urls, upstream) as gateway:
        gateway.front.sessions._pause = gateway.clock.pause
        yield gateway


async def ask(
    running: Running, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
) -> tuple[int, str, Mapping[str, str]]:
    """The answer to a browser: status, page, headers."""
    sent = {**HTML, **(headers or {})}
    async with running.client.request(method, path, headers=sent, allow_redirects=False, **more) as answer:
        return answer.status, await answer.text(), answer.headers


async def sign_in(running: Running, login: str, **more: str) -> tuple[int, str, Mapping[str, str]]:
    """Send the sign-in form."""
    return await ask(
        running,
        "POST",
        f"{HOME}/aanmelden",
        {"Cookie": FORM_COOKIE},
        data={"login": login, "password": PASSWORD, **FORM_FIELD, **more},
    )


async def signed_in(running: Running, *roles: Role) -> dict[str, str]:
    """The cookie of a session that the form gave."""
    _, _, headers = await sign_in(running, await running.person(*roles))
    return {"Cookie": headers["Set-Cookie"].partition(";")[0]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nergens", 404),
        ("GET", "/nergens/melden", 404),
        ("GET", f"{HOME}/bestaat-niet", 404),
        ("GET", f"{HOME}/melden/", 404),
        ("GET", "/static/0/bestaat-niet.css", 404),
        ("PUT", f"{HOME}/privacy", 405),
        ("DELETE", f"{HOME}/melden", 405),
    ],
)
async def test_what_goes_wrong_is_a_page_for_people_and_a_problem_for_programs(
    running: Running, method: str, path: str, status: int
) -> None:
    found, page, headers = await ask(running, method, path)
    assert (found, headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "<h1" in page
    assert "112" in page
    assert "Content-Security-Policy" in headers
    found, _, headers = await ask(running, method, path, {"Accept": "application/json"})
    assert (found, headers["Content-Type"]) == (status, "application/problem+json")
    assert ("Allow" in headers) == (status == 405)


async def test_a_form_from_another_site_gets_a_page_that_says_no(running: Running) -> None:
    status, page, _ = await ask(
        running, "POST", f"{HOME}/melden", {"Sec-Fetch-Site": "cross-site"}, data={"step": "send"}
    )
    assert status == 403
    assert "Dit mag niet" in page


async def test_too_many_requests_get_a_page_and_a_time(backing: Backing) -> None:
    urls = await service_database(backing, "gateway")
    slow = {"work_block_share": 0.001, "work_block_burst_seconds": 0.003, "rate_patience_seconds": 0}
    async with running_upstream() as upstream, running_gateway(urls, upstream, **slow) as running:
        answers = [await ask(running, "GET", HOME) for _ in range(4)]
    status, page, headers = answers[-1]
    assert status == 429
    assert "te druk" in page
    assert int(headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"x=" + b"a" * 300_000, "application/x-www-form-urlencoded", 413),
        (b'{"step":"send"}', "application/json", 400),
        (b"description=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % number for number in range(500)), "application/x-www-form-urlencoded", 400),
        ("é=1".encode(), "application/x-www-form-urlencoded", 400),
    ],
)
async def test_a_form_that_is_none_is_refused(
    running: Running, body: bytes, content_type: str, status: int
) -> None:
    found, page, _ = await ask(running, "POST", f"{HOME}/melden", {"Content-Type": content_type}, data=body)
    assert found == status
    assert "<h1" in page


async def test_signing_in_leads_back_to_where_one_came_from(running: Running) -> None:
    login = await running.person(Role.HANDLER)
    status, _, headers = await sign_in(running, login, back=f"{HOME}/cijfers")
    assert (status, headers["Location"]) == (303, f"{HOME}/cijfers")
    assert "HttpOnly" in headers["Set-Cookie"]
    _, page, _ = await ask(running, "GET", HOME, {"Cookie": headers["Set-Cookie"].partition(";")[0]})
    assert "Noor Voorbeeld" in page
    assert "Werklijst" in page


@pytest.mark.parametrize(
    "back",
    [
        "https://elders.example/",
        "//elders.example",
        f"{HOME}/\\elders.example",
        f"{HOME}/../duinrade/melden",
        "/duinrade/werklijst",
        f"{HOME}/%0d%0aSet-Cookie: a=b",
        "javascript:alert(1)",
    ],
)
async def test_signing_in_never_leads_out_of_the_municipality(running: Running, back: str) -> None:
    _, _, headers = await sign_in(running, await running.person(Role.HANDLER), back=back)
    assert headers["Location"] == f"{HOME}/werklijst"


async def test_each_role_lands_where_its_work_is(running: Running) -> None:
    for role, landing in {
        Role.HANDLER: "werklijst",
        Role.PROCESS_MANAGER: "werklijst",
        Role.ADMINISTRATOR: "cijfers",
        Role.REPORTER: "melden",
    }.items():
        _, _, headers = await sign_in(running, await running.person(role))
        assert headers["Location"] == f"{HOME}/{landing}"


async def test_a_privacy_officer_lands_on_a_page_and_gets_no_figures(running: Running) -> None:
    _, _, headers = await sign_in(running, await running.person(Role.PRIVACY_OFFICER))
    assert headers["Location"] == HOME
    cookie = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
    status, page, _ = await ask(running, "GET", HOME, cookie)
    assert status == 200
    assert f'href="{HOME}/cijfers"' not in page
    status, _, _ = await ask(running, "GET", f"{HOME}/cijfers", cookie)
    assert status == 403


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "POST"])
@pytest.mark.parametrize("path", ["/", "/gemeenten", HOME, f"{HOME}/privacy"])
async def test_a_method_that_no_page_has_is_refused_with_a_page(
    running: Running, method: str, path: str
) -> None:
    status, page, headers = await ask(running, method, path)
    assert (status, headers["Content-Type"].partition(";")[0]) == (405, "text/html")
    assert "<h1" in page
    assert "GET" in headers["Allow"]


async def test_a_wrong_password_keeps_the_login_and_never_the_password(running: Running) -> None:
    login = await running.person(Role.HANDLER)
    status, page, headers = await sign_in(running, login, password="onjuist wachtwoord")
    assert status == 401
    assert "Set-Cookie" not in headers
    assert f'value="{login}"' in page
    assert "onjuist wachtwoord" not in page
    assert "horen niet bij elkaar" in page
    status, page, _ = await sign_in(running, "", password="")
    assert status == 400
    assert "Vul uw inlognaam in." in page
    assert "Vul uw wachtwoord in." in page


async def test_after_many_wrong_passwords_the_page_asks_for_patience(running: Running) -> None:
    login = await running.person(Role.HANDLER)
    for _ in range(12):
        status, page, headers = await sign_in(running, login, password="fout")
        if status == 429:
            break
    assert status == 429
    assert "te vaak" in page
    assert int(headers["Retry-After"]) >= 1
    running.clock.move(seconds=120)


async def test_a_person_of_another_municipality_is_nobody_here(running: Running) -> None:
    cookie = await signed_in(running, Role.HANDLER)
    status, page, _ = await ask(running, "GET", "/duinrade", cookie)
    assert status == 200
    assert "Noor Voorbeeld" not in page


async def test_signing_out_needs_the_token_of_the_session(running: Running) -> None:
    cookie = await signed_in(running, Role.HANDLER)
    status, _, _ = await ask(running, "POST", f"{HOME}/afmelden", cookie, data={})
    assert status == 403
    _, page, _ = await ask(running, "GET", f"{HOME}/afmelden", cookie)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    status, _, headers = await ask(running, "POST", f"{HOME}/afmelden", cookie, data={"csrf_token": token[1]})
    assert (status, "Max-Age=0" in headers["Set-Cookie"]) == (303, True)
    _, page, _ = await ask(running, "GET", HOME, cookie)
    assert "Noor Voorbeeld" not in page


async def test_a_report_from_a_session_without_its_token_is_kept_and_asked_again(running: Running) -> None:
    cookie = await signed_in(running, Role.HANDLER)
    status, page, _ = await ask(
        running, "POST", f"{HOME}/melden", cookie, data={"step": "send", "description": "Een <b>verhaal</b>"}
    )
    assert status == 503, "the service behind this gateway knows no forms"
    assert "Een &lt;b&gt;verhaal&lt;/b&gt;" in page


async def test_a_language_is_a_cookie_of_one_year_and_dutch_without_it(running: Running) -> None:
    _, page, headers = await ask(running, "GET", f"{HOME}?taal=en")
    assert '<html lang="en"' in page
    assert headers["Set-Cookie"].startswith("taal=en;")
    _, page, headers = await ask(running, "GET", f"{HOME}?taal=xx", {"Cookie": "taal=zz"})
    assert '<html lang="nl"' in page
    assert "Set-Cookie" not in headers


async def test_static_files_are_kept_for_ever_under_their_digest(running: Running) -> None:
    static = StaticFiles.packaged()
    path = static.url("css/vermoeden.css")
    status, text, headers = await ask(running, "GET", path, {"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in headers["Cache-Control"]
    assert ":focus-visible" in text
    status, _, _ = await ask(running, "GET", path, {"If-None-Match": headers["ETag"]})
    assert status == 304
    _, _, headers = await ask(running, "GET", path.replace(static.digest, "0" * 16))
    assert headers["Cache-Control"] == "no-cache"
    file, _ = static.find("", "css/vermoeden.css") or pytest.fail("the style sheet is missing")
    assert file.gzipped
    assert gzip.decompress(file.gzipped) == file.content


async def test_a_page_is_kept_by_nobody(running: Running) -> None:
    for path in (HOME, f"{HOME}/aanmelden", f"{HOME}/bestaat-niet"):
        _, _, headers = await ask(running, "GET", path)
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
