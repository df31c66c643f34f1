"""What one connection may cost: heads, pipelines, silence, unread answers; and what is told of who asks."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from common.certificates import make_authority, make_certificate
from common.connections import Guard, Limits
from common.runtime import server_of
from common.tls import Tls
from starlette.types import Receive, Scope, Send

from tests.support.polling import wait_until

_QUICK = Limits(
    most=6, head_seconds=0.4, idle_seconds=0.4, drain_seconds=0.4, unread_seconds=0.4, head_bytes=4096
)


class Told:
    """Networks by what is written, so that a test can say them."""

    header = b"x-forwarded-for"

    def are_at(self, _peer: str, /) -> bool:
        return True

    def network(self, _peer: str, written: Sequence[str], /) -> str:
        return f"net {'+'.join(written)}"


class App:
    """Answers with as many bytes as asked, and keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[Scope] = []

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.seen.append(scope)
        size = int(scope["query_string"] or b"2")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(size)})


@asynccontextmanager
async def serving(
    app: Any, limits: Limits = _QUICK, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, Guard]]:
    guard = Guard(limits, Told())
    server = server_of(app, "127.0.0.1", 0, guard, 1, context=context)
    task = asyncio.create_task(server._serve())

    async def is_started() -> bool:
        return server.started

    await wait_until(is_started, pause_seconds=0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1], guard
    finally:
        server.should_exit = True
        await task


async def _heard(port: int, *sent: bytes, seconds: float = 8) -> bytes:
    """Everything until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for each in sent:
            writer.write(each)
        async with asyncio.timeout(seconds):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nX-A: ", id="half a head"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", id="an answer, and half a head"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", id="an answer, and no body"),
        pytest.param(b"GET /?9000000 HTTP/1.1\r\nHost: a\r\n\r\n" * 2, id="an answer that is read"),
    ],
)
async def test_a_connection_that_is_not_used_ends(sent: bytes) -> None:
    async with serving(App()) as (port, _):
        await _heard(port, sent)


async def test_an_answer_that_nobody_reads_is_cut_off() -> None:
    async with serving(App()) as (port, guard):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /?90000000 HTTP/1.1\r\nHost: a\r\n\r\n")

        async def is_gone() -> bool:
            return len(guard) == 0

        await wait_until(lambda: _not(is_gone()), seconds=5, pause_seconds=0.02)
        await wait_until(is_gone, seconds=8)
        writer.close()


async def _not(asked: Any) -> bool:
    return not await asked


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 200_000, id="a long header"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X-A: a\r\n" * 20_000 + b"\r\n", id="many headers"),
        pytest.param(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", id="a long target"),
        pytest.param(b"GET /?900000 HTTP/1.1\r\nHost: a\r\n\r\n" * 3_000, id="a long pipeline"),
        pytest.param(b"\x16\x03\x01" * 100, id="no HTTP"),
    ],
)
async def test_what_is_too_long_is_refused_and_never_answered_in_full(sent: bytes) -> None:
    app = App()
    async with serving(app, Limits(head_bytes=4096)) as (port, _):
        heard = await _heard(port, sent)
        assert heard == b"" or heard.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200")), heard[:100]
    assert len(app.seen) <= 10


async def test_a_head_counts_once_however_it_comes() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 100 + b"\r\n"
    app = App()
    async with serving(app, Limits(head_bytes=4096)) as (port, _):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        for at in range(0, len(head), 200):
            writer.write(head[at : at + 200])
            await asyncio.sleep(0.001)

        async def is_seen() -> bool:
            return bool(app.seen)

        await wait_until(is_seen, seconds=3, pause_seconds=0.02)
        writer.close()


async def test_a_newcomer_takes_the_place_of_one_that_does_nothing() -> None:
    async with serving(App(), Limits(most=3)) as (port, guard):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _ in range(6):
            heard = await _heard(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert heard.startswith(b"HTTP/1.1 200")
        assert len(guard) <= 3
        for _, writer in silent:
            writer.close()


async def test_who_asks_is_a_network_and_no_header_with_an_address_goes_further() -> None:
    app = App()
    told = b"X-Forwarded-For: one\r\nForwarded: for=two\r\nX-Real-IP: three\r\nX-Forwarded-For: four\r\n"
    trailer = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Late: b\r\n\r\n"
    async with serving(app) as (port, _):
        await _heard(port, b"GET / HTTP/1.1\r\nHost: a\r\n" + told + b"\r\n", trailer)
    assert [each["client"] for each in app.seen] == [("net one+four", 0), ("net ", 0)]
    assert [name for each in app.seen for name, _ in each["headers"]] == [
        b"host",
        b"host",
        b"transfer-encoding",
    ]


async def test_the_loop_of_a_serving_process_is_served_as_well() -> None:
    app = App()

    async def serve() -> bytes:
        async with serving(app) as (port, _):
            assert await _heard(port, b"GET / HTTP/1.1\r\nX-A: ") == b""
            return await _heard(port, b"GET /?70000 HTTP/1.1\r\nX-Forwarded-For: one\r\n\r\n")

    heard = await asyncio.to_thread(uvloop.run, serve())
    assert heard.startswith(b"HTTP/1.1 200")
    assert (len(heard) > 70_000, app.seen[0]["client"]) == (True, ("net one", 0))


def _contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server that shows a certificate, and of a client that trusts it."""
    authority = make_authority()
    own = make_certificate(authority, ("localhost",))
    for name, content in (("ca", authority.certificate), ("own", own.certificate), ("key", own.key)):
        (folder / name).write_text(content)
    tls = Tls(folder / "ca", folder / "own", folder / "key")
    return tls.server(asks=False), tls.client()


async def _heard_over_tls(port: int, context: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return await reader.read()
    finally:
        writer.close()


def _hello(context: ssl.SSLContext) -> bytes:
    """What a client says first."""
    said = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said, server_hostname="localhost").do_handshake()
    return said.read()


async def _is_empty(guard: Guard) -> bool:
    return len(guard) == 0


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _beside_half_handshakes(folder: Path, count: int) -> tuple[bytes, int, int]:
    """What an honest client hears, how many files the server had open, and how many places are held later."""
    showing, trusting = _contexts(folder)
    hello = _hello(trusting)
    async with serving(App(), Limits(most=8, handshake_seconds=1, idle_seconds=1), showing) as (port, guard):
        before, kept = _open_files(), []
        for number in range(count):
            kept.append((await asyncio.open_connection("127.0.0.1", port))[1])
            kept[-1].write(hello[: len(hello) // 2] if number % 2 else b"")
        await asyncio.sleep(0.1)
        opened = _open_files() - before - count
        async with asyncio.timeout(5):
            heard = await _heard_over_tls(port, trusting)
        await wait_until(lambda: _is_empty(guard), seconds=8)
        for writer in kept:
            writer.close()
        return heard, opened, len(guard)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
async def test_handshakes_that_do_not_end_are_few_and_short_and_keep_nobody_out(
    tmp_path: Path, run: Callable[..., tuple[bytes, int, int]]
) -> None:
    heard, opened, left = await asyncio.to_thread(run, _beside_half_handshakes(tmp_path, 60))
    assert heard.startswith(b"HTTP/1.1 200")
    assert opened <= 8 + Limits(most=8).most_waiting + 2  # of loop and test
    assert left == 0


@pytest.mark.parametrize("is_silent", [True, False], ids=["holding", "dropping"])
async def test_who_just_came_keeps_its_place_until_its_request_could_be_read(is_silent: bool) -> None:
    """More come in the meantime than there are places: they wait, and it is they who are late."""
    async with serving(App(), Limits(most=4)) as (port, _):
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
            if not is_silent:
                for _, other in others:
                    other.close()
            await asyncio.sleep(0.05)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(5):
                assert (await reader.read()).startswith(b"HTTP/1.1 200")
            for _, other in (*others, (reader, writer)):
                other.close()
