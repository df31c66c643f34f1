"""What the gateway passes on, and what it keeps back."""

import asyncio
import os
from collections.abc import AsyncIterator
from hashlib import sha256

import aiohttp
import pytest
import pytest_asyncio
from common.contracts.codes import Role

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Running, running_gateway, running_upstream
from tests.support.polling import wait_until


@pytest_asyncio.fixture(scope="module")
async def running(backing: Backing) -> AsyncIterator[Running]:
    """One gateway for this module."""
    urls = await service_database(backing, "gateway")
    async with running_upstream() as upstream, running_gateway(urls, upstream) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def fresh(running: Running) -> None:
    """What the service saw of earlier tests is forgotten."""
    running.upstream.seen.clear()
    running.upstream.go_on.clear()
    running.upstream.cancelled.clear()


async def test_an_anonymous_report_reaches_intake_with_an_identity_for_intake_only(running: Running) -> None:
    async with running.client.post("/api/v1/reports?x=1%202", json={"a": 1}) as answer:
        heard = await answer.json()
    assert answer.status == 201
    assert heard["service"] == "intake"
    assert heard["path"] == "/intake/api/v1/reports?x=1%202"
    assert heard["audiences"] == ["intake"]
    assert heard["identity"] == {
        "municipality": "veldstad",
        "person": None,
        "key": None,
        "roles": [],
        "departments": [],
    }


async def test_nothing_that_could_be_forged_or_identifies_reaches_a_service(running: Running) -> None:
    forged = {
        "Cookie": "other=1",
        "X-Forwarded-For": "192.0.2.7",
        "Forwarded": "for=192.0.2.7",
        "X-Identity": "admin",
        "X-Real-Ip": "192.0.2.7",
        "User-Agent": "my phone",
        "Referer": "https://example.org/",
        "Idempotency-Key": "k" * 22,
        "Proxy-Authorization": "Basic eA==",
    }
    async with running.client.post("/api/v1/reports", json={}, headers=forged) as answer:
        heard = (await answer.json())["headers"]
    passed = {"authorization", "content-type", "content-length", "host", "idempotency-key"}
    assert set(heard) <= passed | {"accept", "accept-encoding"}
    assert heard["idempotency-key"] == "k" * 22


async def test_the_purpose_of_a_download_reaches_the_service_that_records_it(running: Running) -> None:
    headers = {**await running.signed_in(Role.PROCESS_MANAGER), "Purpose": "Jaarverslag 2026"}
    async with running.client.get("/api/v1/exports/reports.csv", headers=headers) as answer:
        assert (await answer.json())["headers"]["purpose"] == "Jaarverslag 2026"


async def test_a_forged_identity_is_refused_and_not_passed_on(running: Running) -> None:
    headers = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    async with running.client.post("/api/v1/reports", json={}, headers=headers) as answer:
        assert answer.status == 401
        assert (await answer.json())["code"] == "api-key-unknown"
    assert running.upstream.seen == []


async def test_a_service_cannot_set_cookies_or_name_its_server(running: Running) -> None:
    async with running.client.get("/api/v1/signal-types") as answer:
        assert answer.headers["X-From"] == "service"
        assert "Set-Cookie" not in answer.headers
        assert "secret" not in answer.headers.getall("Server", [])
        assert len(answer.headers.getall("Date")) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/forms",
        "/api/v1/reports/",
        "/api/v1/reports//a",
        "/api/v1/reports/%2e%2e/x",
        "/api/v1/reports/a%2fb%3f",
        "/api/v1/signal-types/%252e%252e",
        "/api/v2/reports",
        "/livez",
        "/metrics",
    ],
)
async def test_what_is_not_in_the_table_does_not_exist(running: Running, path: str) -> None:
    headers = await running.signed_in(Role.HANDLER)
    reader, writer = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"))
    cookie = headers["Cookie"]
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode())
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 404"), answer[:200]
    assert "application/problem+json" in answer
    assert running.upstream.seen == []


async def test_another_method_gets_405_with_those_that_exist(running: Running) -> None:
    async with running.client.delete("/api/v1/reports") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET, POST"


async def test_staff_routes_need_a_session_and_the_role(running: Running) -> None:
    async with running.client.get("/api/v1/reports") as answer:
        assert answer.status == 401
    administrator = await running.signed_in(Role.ADMINISTRATOR)
    async with running.client.get("/api/v1/reports", headers=administrator) as answer:
        assert answer.status == 403
        assert "handler" in (await answer.json())["detail"]
    handler = await running.signed_in(Role.HANDLER)
    async with running.client.get("/api/v1/reports", headers=handler) as answer:
        heard = await answer.json()
    assert (answer.status, heard["audiences"]) == (200, ["casework"])
    assert heard["identity"]["person"]
    assert heard["identity"]["roles"] == ["handler"]
    assert heard["identity"]["departments"] == ["toezicht"]
    assert "cookie" not in heard["headers"]


async def test_a_change_by_cookie_needs_the_csrf_token(running: Running) -> None:
    headers = await running.signed_in(Role.HANDLER)
    token = headers.pop("X-CSRF-Token")
    for given in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": "é"}):
        async with running.client.post("/api/v1/reports/1/take", headers={**headers, **given}) as answer:
            assert answer.status == 403
            assert (await answer.json())["code"] == "csrf-token"
    assert running.upstream.seen == []
    async with running.client.post(
        "/api/v1/reports/1/take", headers={**headers, "X-CSRF-Token": token}
    ) as answer:
        assert answer.status == 201


async def test_another_site_may_not_change_anything(running: Running) -> None:
    async with running.client.post(
        "/api/v1/reports", json={}, headers={"Sec-Fetch-Site": "cross-site"}
    ) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "cross-site")


async def test_the_municipality_comes_from_header_or_host_or_setting(running: Running) -> None:
    for headers, code in (
        ({}, "veldstad"),
        ({"Municipality": "duinrade"}, "duinrade"),
        ({"Host": "duinrade.example:8443"}, "duinrade"),
    ):
        async with running.client.get("/api/v1/signal-types", headers=headers) as answer:
            assert (await answer.json())["identity"]["municipality"] == code


async def test_an_unknown_municipality_is_named_and_the_fix_told(running: Running) -> None:
    async with running.client.post("/api/v1/reports", json={}, headers={"Municipality": "nergens"}) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (404, "unknown-municipality")
    assert "Municipality" in problem["detail"]


async def test_who_signed_in_cannot_ask_as_another_municipality(running: Running) -> None:
    headers = await running.signed_in(Role.HANDLER)
    async with running.client.get(
        "/api/v1/reports", headers={**headers, "Municipality": "duinrade"}
    ) as answer:
        assert answer.status == 403
    async with running.client.get(
        "/api/v1/reports", headers={**headers, "Host": "duinrade.example"}
    ) as answer:
        assert (await answer.json())["identity"]["municipality"] == "veldstad"


@pytest.mark.parametrize("size", [0, 1000, 64 * 1024, 64 * 1024 + 1, 700_000])
async def test_a_body_arrives_whole(running: Running, size: int) -> None:
    body = os.urandom(size)
    async with running.client.post("/api/v1/reports", data=body) as answer:
        heard = await answer.json()
    assert heard["digest"] == sha256(body).hexdigest()
    async with running.client.post("/api/v1/reports", data=_in_pieces(body)) as answer:
        heard = await answer.json()
    assert heard["digest"] == sha256(body).hexdigest()


async def test_a_body_over_the_limit_is_refused(running: Running) -> None:
    async with running.client.post("/api/v1/mailboxes/_search", data=bytes(16 * 1024 + 1)) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, "too-large")
    async with running.client.post("/api/v1/mailboxes/_search", data=_in_pieces(bytes(200_000))) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, "too-large")


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


async def test_a_stream_arrives_as_it_is_written(running: Running) -> None:
    headers = await running.signed_in(Role.PROCESS_MANAGER)
    async with running.client.get("/api/v1/exports/stream", headers=headers) as answer:
        assert answer.content_type == "text/csv"
        assert await asyncio.wait_for(answer.content.readany(), 10) == b"first\r\n"
        running.upstream.go_on.set()
        assert await asyncio.wait_for(answer.content.read(), 10) == b"second\r\n"


async def test_half_an_answer_cannot_pass_for_a_whole_one(running: Running) -> None:
    headers = await running.signed_in(Role.PROCESS_MANAGER)
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError)):
        async with running.client.get("/api/v1/exports/cut", headers=headers) as answer:
            await asyncio.wait_for(answer.read(), 10)


@pytest.mark.parametrize("path", ["/api/v1/reports/slow", "/api/v1/exports/stream"])
async def test_a_client_that_hangs_up_ends_the_work_behind(running: Running, path: str) -> None:
    headers = await running.signed_in(Role.PROCESS_MANAGER)
    asking = asyncio.create_task(_read(running, path, headers))
    await wait_until(running.upstream.was_asked, pause_seconds=0.01)
    asking.cancel()
    await asyncio.wait_for(running.upstream.cancelled.wait(), 10)


async def _read(running: Running, path: str, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession(running.url) as client, client.get(path, headers=headers) as answer:
        await answer.read()


async def test_every_answer_has_the_security_headers_once(running: Running) -> None:
    for path in ("/api/v1/signal-types", "/api/v1/nothing", "/api/v1/sessions/current"):
        async with running.client.get(path) as answer:
            assert len(answer.headers.getall("Content-Security-Policy")) == 1
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Strict-Transport-Security" not in answer.headers


async def test_the_api_document_of_a_service_is_open_to_every_origin(running: Running) -> None:
    async with running.client.get("/api/v1/openapi/casework.json") as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert (await answer.json())["path"] == "/casework/api/v1/openapi.json"
        assert running.upstream.seen[-1]["audiences"] == []
    async with running.client.get("/api/v1/openapi/gateway.json") as answer:
        assert "/api/v1/vault" in (await answer.json())["paths"]
    async with running.client.get("/api/v1/openapi/other.json") as answer:
        assert answer.status == 404


async def test_an_invitation_travels_as_a_header(running: Running) -> None:
    for path in ("/api/v1/reports", "/api/v1/attachments"):
        headers = {"Invitation-Code": "7KQM-2B9X-0W4T-HC3J"}
        async with running.client.post(path, json={}, headers=headers) as answer:
            heard = (await answer.json())["headers"]
        assert heard["invitation-code"] == "7KQM-2B9X-0W4T-HC3J"
