"""One network that asks for as much as it can: everybody else is served as if it had only its share.

Seconds are those of the processor that answers; where nothing else runs they are those of a clock. The share
is a tenth of that of an installation, so that a machine with other work shows the difference too.
"""

import asyncio
import itertools
import math
import secrets
import time
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from gateway.rendering.static import StaticFiles
from intake import anonymiser

from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.greedy import greedy
from tests.support.reporting_point import Point, reporting_point

WITHIN_SECONDS = 1.0
_GIVE_UP_SECONDS = 60
PROBE_SECONDS = 0.5
MOST_OF_LOOP = 0.25  # refusals and the test itself come on top of the share; without it this is all of it
CONNECTIONS = 1000 if IS_LONG else 500
FORM = "/veldstad/melden"
STATIC = StaticFiles.packaged()
WORK = {
    "work_block_share": 0.02,
    "work_block_burst_seconds": 0.5,
    "work_municipality_share": 0.5,
    "refusals_per_second": 10,
    "form_seconds_least": 0,
}


def _get(path: str, *more: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", "Accept: text/html", *more, "", ""]).encode()


def _post(path: str, body: bytes, *more: str) -> bytes:
    kind = "Content-Type: application/x-www-form-urlencoded"
    head = [f"POST {path} HTTP/1.1", "Host: a", "Accept: text/html", kind, f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *more, "", ""]).encode() + body


_ASK = {"type": "hennepteelt", "step": "ask"}
REQUESTS = {
    "a form": _post(FORM, urlencode(_ASK).encode()),
    "a form with many fields": _post(
        FORM, urlencode(_ASK | {f"q-{each}": "a" for each in range(390)}).encode()
    ),
    "a page": _get(FORM),
    "a static file": _get(STATIC.url("js/proof.js")),
    "no static file": _get("/static/x/y"),
    "no page": _get("/nergens/x"),
    "a challenge": _get("/api/v1/challenges", "Municipality: veldstad"),
    "a service": _get("/api/v1/signal-types", "Municipality: veldstad"),
    "another municipality": _get("/duinrade/melden"),
    "another site": _post(FORM, b"step=ask", "Sec-Fetch-Site: cross-site"),
    "no path": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
}
_ALWAYS = ("a form", "a static file", "no path")


@pytest_asyncio.fixture(scope="module")
async def point(backing: Backing) -> AsyncIterator[Point]:
    """One reporting point for this module that has drawn its page before: the first costs many times more."""
    async with reporting_point(backing, **WORK) as made:
        for path in (FORM, *map(STATIC.url, STATIC.paths)):
            async with aiohttp.request("GET", f"{made.url}{path}") as answer:
                await answer.read()
        yield made


_NUMBERS = itertools.count(1)


def _newcomer() -> str:
    """An address in a network of which nothing came yet."""
    return f"127.77.{next(_NUMBERS)}.1"


async def _page(url: str, source: str) -> None:
    """A page with its files, as a newcomer gets it."""
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    async with aiohttp.ClientSession(url, connector=connector) as client:
        files = [STATIC.url(path) for path in sorted(STATIC.paths)[:10]]
        for path in (FORM, *files):
            async with client.get(path) as answer:
                await answer.read()
                assert answer.status == 200


async def _form(url: str, source: str) -> None:
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    async with aiohttp.ClientSession(url, connector=connector) as client:
        filled = {**_ASK, "step": "send", "description": "Het ruikt er al weken naar wiet."}
        filled |= {"q-waargenomen": "zelf-waargenomen", "q-geur": "nee"}
        async with client.post(FORM, data=filled, headers={"Accept": "text/html"}) as answer:
            assert answer.status == 201


async def _seconds(work: Awaitable[None]) -> float:
    """How much this thread, which is the gateway too, worked until it was done; endless for not at all."""
    began = time.thread_time()
    try:
        async with asyncio.timeout(_GIVE_UP_SECONDS):
            await work
    except (TimeoutError, aiohttp.ClientError):
        return math.inf
    return time.thread_time() - began


async def _turn_of_the_loop() -> None:
    """As a probe: accepted, read and answered, each in a turn of the loop of its own."""
    for _ in range(6):
        await asyncio.sleep(0)


SERVED: dict[str, Callable[[str, str], Awaitable[None]]] = {"page": _page, "form": _form}


@pytest.mark.parametrize("asked", sorted(REQUESTS) if IS_LONG else _ALWAYS)
async def test_everybody_is_served_while_one_network_asks_for_all(
    point: Point, attempts: Attempts, asked: str
) -> None:
    usual = {what: await _seconds(serve(point.url, _newcomer())) for what, serve in SERVED.items()}
    async with greedy(point.url, REQUESTS[asked], CONNECTIONS) as heard:
        for what, serve in SERVED.items():
            took = await _seconds(serve(point.url, _newcomer()))
            late = took > WITHIN_SECONDS + usual[what]
            attempts.record(f"{asked}: {what} after {took:.1f} s", succeeded=late)
        probed = await _seconds(_turn_of_the_loop())
        attempts.record(f"{asked}: probe after {probed:.1f} s", succeeded=probed > PROBE_SECONDS)
        began, used = time.monotonic(), time.thread_time()
        await asyncio.sleep(3)
        part = (time.thread_time() - used) / (time.monotonic() - began)
        attempts.record(f"{asked}: {part:.0%} of the loop", succeeded=part > MOST_OF_LOOP)
    assert heard, "nobody was answered"


LONG_WITHIN_SECONDS = 5.0
_LOOKS = 6
_LONG = "Bij de loods staat vaak een busje. " * 60
_LONG_WORDS = {
    "/api/v1/anonymisations": {"description": _LONG, "hide": ["busje"]},
    "/api/v1/reports": {
        "signalType": "hennepteelt",
        "description": _LONG,
        "answers": {"waargenomen": "zelf-waargenomen"},
    },
}


def _heavy_look() -> dict[str, Any]:
    """Fifty marks that are one when their accents are left off, in a text of nothing else."""
    accents = [unicodedata.normalize("NFC", f"a{each}") for each in ("", *map(chr, range(0x300, 0x310)))]
    marks = [first + last for first in accents for last in accents][:50]
    answers = {f"v{number}": "aa " * 660 for number in range(14)}
    return {"description": "aa " * 3_300, "answers": answers, "hide": marks}


async def _ask(url: str, source: str, path: str, body: object, municipality: str) -> int:
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    headers = {"Municipality": municipality, "Idempotency-Key": secrets.token_urlsafe(24)}
    async with (
        aiohttp.ClientSession(url, connector=connector) as client,
        client.post(path, json=body, headers=headers) as answer,
    ):
        await answer.read()
        return answer.status


@asynccontextmanager
async def _looking(url: str) -> AsyncIterator[None]:
    """Heavy looks of one network, naming two municipalities, all of them sent."""
    look, source = _heavy_look(), _newcomer()
    asked = [
        asyncio.create_task(_ask(url, source, "/api/v1/anonymisations", look, each))
        for each in ("veldstad", "duinrade") * (_LOOKS // 2)
    ]
    await asyncio.sleep(1)
    try:
        yield
    finally:
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def test_long_words_are_read_while_one_network_looks_at_what_is_heavy(
    point: Point, attempts: Attempts
) -> None:
    anonymiser.load()  # as intake does before it answers
    async with _looking(point.url):
        for path, body in _LONG_WORDS.items():
            began, status = time.monotonic(), 0
            with suppress(TimeoutError):
                async with asyncio.timeout(LONG_WITHIN_SECONDS):
                    status = await _ask(point.url, _newcomer(), path, body, "duinrade")
            told = f"{path}: {status} after {time.monotonic() - began:.1f} s"
            attempts.record(told, succeeded=status not in {200, 201})
