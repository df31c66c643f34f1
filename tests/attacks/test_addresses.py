"""A client that chooses its own address would be another one for every request; here it stays one network."""

from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from common.provision import DatabaseUrls

from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Upstream, running_gateway

TRIES = 200 if IS_LONG else 25
_BURST = 5
_SLOW: dict[str, Any] = {
    "work_block_share": 0.00003,
    "work_block_burst_seconds": _BURST * 0.003,  # at 3 ms each, or more
    "work_municipality_burst_seconds": 300,
    "rate_patience_seconds": 0,
    "refusals_per_second": 10_000,  # here they need not wait
}
Headers = list[tuple[str, str]]


def _invented(number: int) -> str:
    return f"198.{number % 200 + 18}.{number // 200 + 1}.{number % 250 + 1}"


def _nothing(headers: Headers) -> Headers:
    return headers


def _appended(headers: Headers) -> Headers:
    """As a proxy that adds where the connection came from to the last of its headers."""
    told = [value for name, value in headers if name == "X-Forwarded-For"]
    rest = [each for each in headers if each[0] != "X-Forwarded-For"]
    return [*rest, ("X-Forwarded-For", ", ".join([*told, "203.0.113.9"]))]


def _appended_twice(headers: Headers) -> Headers:
    """As two proxies in a row."""
    *rest, (name, value) = _appended(headers)
    return [*rest, (name, f"{value}, 10.0.0.1")]


def _one_more(headers: Headers) -> Headers:
    """As a proxy that adds a header of its own."""
    return [*headers, ("X-Forwarded-For", "203.0.113.9")]


def _appended_forwarded(headers: Headers) -> Headers:
    return [*headers, ("Forwarded", 'for="203.0.113.9:4711";proto=https')]


def _ways() -> Iterator[tuple[str, Callable[[str], Headers]]]:
    """What a client may write to pass for another."""
    for name in ("X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"):
        yield f"{name}", lambda address, name=name: [(name, address)]  # type: ignore[misc]
    yield "Forwarded", lambda address: [("Forwarded", f"for={address}")]
    yield "a list", lambda address: [("X-Forwarded-For", f"{address}, {address}, {address}")]
    yield "many headers", lambda address: [("X-Forwarded-For", address)] * 20
    yield "our proxies beside it", lambda address: [("X-Forwarded-For", f"{address}, 127.0.0.1, 10.0.0.1")]
    yield "a port", lambda address: [("X-Forwarded-For", f"{address}:{address.rpartition('.')[2]}")]
    yield "IPv6", lambda address: [("X-Forwarded-For", f"2001:db8:{address.split('.')[1]}:1::1")]
    yield (
        "IPv6 in brackets",
        lambda address: [("X-Forwarded-For", f"[2001:db8:{address.split('.')[1]}::1]:4")],
    )
    yield "a zone", lambda address: [("X-Forwarded-For", f"fe80::1%{address}")]
    yield "mapped", lambda address: [("X-Forwarded-For", f"::ffff:{address}")]
    yield "hidden", lambda address: [("X-Forwarded-For", f"_{address}")]
    yield "unknown", lambda address: [("X-Forwarded-For", f"{address}, unknown")]
    yield "an empty end", lambda address: [("X-Forwarded-For", f"{address},,, ,")]
    yield "a long one", lambda address: [("X-Forwarded-For", f"{'9' * 7000}, {address}")]
    yield "a quote", lambda address: [("Forwarded", f'for="{address}'), ("X-Forwarded-For", f'"{address}')]
    yield "both", lambda address: [("X-Forwarded-For", address), ("Forwarded", f"for={address}")]


#: How the gateway is set up, and what the proxy in front of it does to what the client wrote.
_FRONTS: list[tuple[str, dict[str, Any], Callable[[Headers], Headers]]] = [
    ("nobody is named", {}, _nothing),
    ("a proxy that is not this one", {"proxies": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"}, _nothing),
    ("a proxy that appends", {"proxies": "127.0.0.1"}, _appended),
    ("a proxy that adds a header", {"proxies": "127.0.0.0/8,::1"}, _one_more),
    ("one hop", {"proxy_hops": 1}, _appended),
    ("two hops", {"proxy_hops": 2}, _appended_twice),
    (
        "a proxy that writes Forwarded",
        {"proxies": "127.0.0.1", "forwarded_header": "forwarded"},
        _appended_forwarded,
    ),
]


@pytest_asyncio.fixture(scope="module")
async def urls(backing: Backing) -> DatabaseUrls:
    """One database for this module."""
    return await service_database(backing, "gateway")


@pytest.mark.parametrize(("front", "settings", "passed_on"), _FRONTS, ids=[each[0] for each in _FRONTS])
async def test_a_client_stays_one_network_whatever_it_writes(
    urls: DatabaseUrls,
    attempts: Attempts,
    front: str,
    settings: dict[str, Any],
    passed_on: Callable[[Headers], Headers],
) -> None:
    async with running_gateway(urls, Upstream("http://127.0.0.1:1"), **_SLOW, **settings) as running:
        for way, written in _ways():
            admitted = 0  # of them all; the first way uses up the burst of this one network
            for number in range(TRIES):
                headers = passed_on(written(_invented(number)))
                async with running.client.get("/api/v1/challenges", headers=headers) as answer:
                    admitted += answer.status != 429
            attempts.record(f"{front}: {way}", succeeded=admitted > _BURST + 1)


async def test_who_is_behind_a_named_proxy_is_told_apart(urls: DatabaseUrls) -> None:
    settings = {**_SLOW, "proxies": "127.0.0.1"}
    async with running_gateway(urls, Upstream("http://127.0.0.1:1"), **settings) as running:
        for number in range(20):
            told = {"X-Forwarded-For": f"198.51.{number}.7"}
            async with running.client.get("/api/v1/challenges", headers=told) as answer:
                assert answer.status == 200
        far = aiohttp.TCPConnector(local_addr=("127.7.31.9", 0))
        async with aiohttp.ClientSession(running.url, connector=far) as elsewhere:
            statuses = []
            for number in range(20):
                told = {"X-Forwarded-For": f"198.51.{number}.7"}
                async with elsewhere.get("/api/v1/challenges", headers=told) as answer:
                    statuses.append(answer.status)
    assert statuses.count(200) <= _BURST + 1
