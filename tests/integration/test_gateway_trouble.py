"""The gateway when a service is away or slow, when callers hurry, and when the database is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from typing import Any

import aiohttp
import pytest
from common.auth import Identity
from common.contracts.codes import Role
from common.errors import Unavailable
from common.log import configure_logging
from common.provision import DatabaseUrls

from tests.support.backing import Backing
from tests.support.databases import shut
from tests.support.gateway import Running, Upstream, running_gateway
from tests.support.polling import wait_until


async def test_a_service_that_is_away_is_503_with_a_time_to_come_back(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    async with running_gateway(urls, upstream, intake_url="http://127.0.0.1:1") as running:
        async with running.client.post("/api/v1/reports", json={}) as answer:
            assert (answer.status, answer.content_type) == (503, "application/problem+json")
            assert int(answer.headers["Retry-After"]) > 0
            problem = await answer.json()
            assert "intake" in problem["detail"]
            assert "even niet bereikbaar" in problem["errors"][0]["message"]
        async with running.client.post("/api/v1/reports", data=bytes(200_000)) as answer:
            assert answer.status == 503
        handler = await running.signed_in(Role.HANDLER)
        async with running.client.get("/api/v1/reports", headers=handler) as answer:
            assert answer.status == 200


async def test_a_slow_service_is_504_with_a_time_to_come_back(urls: DatabaseUrls, upstream: Upstream) -> None:
    async with running_gateway(urls, upstream, upstream_read_seconds=0.3) as running:
        handler = await running.signed_in(Role.HANDLER)
        async with running.client.get("/api/v1/reports/slow", headers=handler) as answer:
            assert (answer.status, (await answer.json())["code"]) == (504, "too-slow")
            assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/api/v1/reports", "application/json"),
        ("/api/v1/sessions", "application/json"),
        ("/veldstad/melden", "application/x-www-form-urlencoded"),
    ],
)
@pytest.mark.parametrize("length", ["Content-Length: 10", "Transfer-Encoding: chunked"])
async def test_a_body_that_never_comes_is_given_up(
    urls: DatabaseUrls, upstream: Upstream, path: str, content_type: str, length: str
) -> None:
    async with running_gateway(urls, upstream, body_read_seconds=0.2) as running:
        reader, writer = await _stall(running, path, content_type, length)
        answer = await asyncio.wait_for(reader.read(), 10)  # to the end: the gateway hangs up
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408"), answer
        assert b"body-too-slow" in answer
        assert upstream.seen == []


async def test_stalled_bodies_hold_no_connection_to_a_service(urls: DatabaseUrls, upstream: Upstream) -> None:
    async with running_gateway(urls, upstream, upstream_connections=2, body_read_seconds=30) as running:
        stalled = [
            await _stall(running, "/api/v1/reports", "application/json", length)
            for length in ["Transfer-Encoding: chunked", "Content-Length: 900000"] * 4
        ]
        await asyncio.sleep(0.2)  # as long as the gateway would need to ask for a connection
        async with asyncio.timeout(3), running.client.post("/api/v1/reports", json={}) as answer:
            assert answer.status == 201
        for _, writer in stalled:
            writer.close()


async def test_a_body_that_stalls_gives_way_to_one_that_comes(urls: DatabaseUrls, upstream: Upstream) -> None:
    async with running_gateway(urls, upstream, bodies_in_hand_bytes=100_000) as running:
        reader, writer = await _stall(
            running, "/api/v1/reports", "application/json", "Content-Length: 45001", bytes(45_000)
        )

        async def is_held() -> bool:
            return running.front.bodies.held_by("veldstad") == 45_000

        await wait_until(is_held)
        for size in (5_000, 60_000):
            async with running.client.post("/api/v1/reports", data=bytes(size)) as answer:
                assert answer.status == 201
        assert b"408" in await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)
        assert running.front.bodies.held_by("veldstad") == 0
        writer.close()


async def test_bodies_that_are_worked_on_are_bounded_together(urls: DatabaseUrls, upstream: Upstream) -> None:
    async with running_gateway(urls, upstream, bodies_in_hand_bytes=100_000) as running:
        stay = running.front.bodies.held({"municipality": "veldstad", "client": ("192.0.2.0/24", 0)})
        with stay as held:
            await held.take(45_000)
            held.settle()
            async with running.client.post("/api/v1/reports", data=bytes(60_000)) as answer:
                assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
            async with running.client.post("/api/v1/reports", data=bytes(5_000)) as answer:
                assert answer.status == 201
        async with running.client.post("/api/v1/reports", data=bytes(60_000)) as answer:
            assert answer.status == 201


@pytest.mark.parametrize("size", [16 * 1024 + 1, 300_000])
async def test_the_gateways_own_api_takes_small_bodies_only(
    urls: DatabaseUrls, upstream: Upstream, size: int
) -> None:
    async with running_gateway(urls, upstream) as running:
        for body in (bytes(size), _in_pieces(bytes(size))):
            async with running.client.post("/api/v1/sessions", data=body) as answer:
                assert (answer.status, (await answer.json())["code"]) == (413, "too-large")


async def _stall(
    running: Running, path: str, content_type: str, length: str, begin: bytes = b"3\r\nabc\r\n"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin a request and do not go on."""
    reader, writer = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"))
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\n{length}\r\n\r\n"
    writer.write(head.encode() + begin)
    await writer.drain()
    return reader, writer


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


async def test_many_at_once_are_slowed_down_before_they_are_refused(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    slow = {"work_block_share": 0.06, "work_block_burst_seconds": 0.03, "rate_patience_seconds": 0.5}
    async with running_gateway(urls, upstream, **slow) as running:

        async def ask() -> tuple[int, str | None]:
            async with running.client.get("/api/v1/signal-types") as answer:
                return answer.status, answer.headers.get("Retry-After")

        answers = await asyncio.gather(*(ask() for _ in range(40)))
        accepted = [each for each in answers if each[0] == 200]
        refused = [each for each in answers if each[0] == 429]
        assert 3 <= len(accepted) <= 30  # at 3 ms each, or more
        assert len(accepted) + len(refused) == 40
        assert all(after and int(after) >= 1 for _, after in refused)


async def test_pages_can_ask_a_service_and_hear_when_it_is_away(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    async with running_gateway(urls, upstream, reporting_url="http://127.0.0.1:1") as running:
        municipality = running.front.directory.get("veldstad")
        assert municipality is not None
        assert municipality.departments == {"toezicht": "Toezicht", "ovb": "Ondermijning"}
        identity = Identity("veldstad")
        status, heard = await running.front.services.call(
            identity, "casework", "POST", "/api/v1/reports/1/close", {"result": "recorded"}
        )
        assert (status, heard["audiences"], heard["length"]) == (201, ["casework"], 22)
        with pytest.raises(Unavailable):
            await running.front.services.call(identity, "reporting", "GET", "/api/v1/statistics")


async def test_without_the_database_reports_go_on_and_the_rest_is_503(
    backing: Backing, urls: DatabaseUrls, upstream: Upstream
) -> None:
    async with running_gateway(urls, upstream) as running:
        handler = await running.signed_in(Role.HANDLER)
        async with shut(backing, urls.owner):
            running.clock.move(seconds=6)
            for door in ("/api/v1/reports", "/api/v1/attachments"):
                async with running.client.post(door, json={}) as answer:
                    assert answer.status == 201
            async with running.client.get("/api/v1/challenges") as answer:
                assert answer.status == 200
            async with running.client.get("/api/v1/reports", headers=handler) as answer:
                assert (answer.status, "Retry-After" in answer.headers) == (503, True)
            await running.front.directory.refresh()
            assert running.front.directory.trouble
        async with running.client.get("/api/v1/reports", headers=handler) as answer:
            assert answer.status == 200
        await running.front.directory.refresh()
        assert running.front.directory.trouble is None


async def test_a_stopped_client_leaves_nothing_running(urls: DatabaseUrls, upstream: Upstream) -> None:
    async with running_gateway(urls, upstream) as running:
        handler = await running.signed_in(Role.HANDLER)
        before = len(asyncio.all_tasks())
        async with aiohttp.ClientSession(running.url) as client:
            for _ in range(3):
                async with client.get("/api/v1/reports/1", headers=handler) as answer:
                    await answer.read()

        async def is_quiet() -> bool:
            return len(asyncio.all_tasks()) <= before + 1

        await wait_until(is_quiet)


async def test_one_network_leaves_others_their_pace_and_who_is_known_has_one_beside_it(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    slow: dict[str, Any] = {"work_municipality_share": 0.0001, "work_municipality_burst_seconds": 0.3}
    slow |= {"rate_patience_seconds": 0, "proxies": "127.0.0.0/8"}
    async with running_gateway(urls, upstream, **slow) as running:

        async def ask(address: str, **headers: str) -> int:
            told = {"X-Forwarded-For": address, **headers}
            async with running.client.get("/veldstad/privacy", headers=told) as answer:
                return answer.status

        known = {"Cookie": (await running.signed_in(Role.HANDLER))["Cookie"]}
        assert 2 <= [await ask("203.0.113.7") for _ in range(60)].count(200) <= 50
        assert [await ask(f"2001:db8:7:{number}00::1") for number in range(10, 60)].count(200) <= 25
        assert await ask("198.51.100.7") == 200
        assert await ask("203.0.113.8") == 429
        assert await ask("203.0.113.8", Cookie="vermoeden_session=verzonnen") == 429
        assert await ask("203.0.113.8", **known) == 200


async def test_long_answers_of_one_key_leave_connections_for_others(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    async with running_gateway(urls, upstream, upstream_connections=96) as running:
        kept = ExitStack()
        services, key = running.front.services, Identity("veldstad", key_name="csv")
        count = 0
        with suppress(Unavailable):
            while count < 32:
                kept.enter_context(services.streaming(key, "reporting"))
                count += 1
        assert count == 6  # of 32 connections for who is known, 16 wait for readers
        for other in (Identity("veldstad", key_name="kaart"), Identity("duinrade", key_name="csv")):
            kept.enter_context(services.streaming(other, "reporting"))


async def test_a_page_counts_for_the_municipality_in_its_address(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    slow = {"work_municipality_share": 0.001, "work_municipality_burst_seconds": 0.02}
    async with running_gateway(urls, upstream, rate_patience_seconds=0, **slow) as running:

        async def ask(path: str, **headers: str) -> int:
            async with running.client.get(path, headers=headers) as answer:
                return answer.status

        statuses = [await ask("/veldstad/privacy", Municipality="duinrade") for _ in range(8)]
        assert 429 in statuses, "another municipality's name does not buy more"
        assert await ask("/duinrade/privacy") == 200, "nor does it cost that one anything"


@pytest.mark.usefixtures("logging_as_it_was")
@pytest.mark.parametrize("target", [b"*", b"x", b"x:80"])
@pytest.mark.parametrize("method", [b"OPTIONS", b"GET", b"CONNECT"])
async def test_a_target_that_is_no_path_is_400_and_no_line_in_the_log(
    urls: DatabaseUrls,
    upstream: Upstream,
    capsys: pytest.CaptureFixture[str],
    method: bytes,
    target: bytes,
) -> None:
    async with running_gateway(urls, upstream) as running:
        configure_logging("test")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(running.url.rpartition(":")[2]))
        writer.write(method + b" " + target + b" HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"400"
        writer.close()
    out = capsys.readouterr().out
    assert "warning" not in out
    assert "error" not in out
