"""Clients that hold a server up: each opens a connection and then sends, or reads, as little as it can."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from common.rates import SLOW_BYTES_PER_SECOND

from tests.support.polling import wait_until

_BOUNDARY = "grens"
PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class Slow:
    """One way to be slow: what is sent at once, and what is sent then, again and again."""

    name: str
    path: str
    head: str
    begin: bytes = b""
    drip: bytes = b""  # nothing: it just waits
    reads: bool = True  # whether it would take an answer


def _post(name: str, path: str, kind: str, length: str, begin: bytes, drip: bytes = b"") -> Slow:
    return Slow(name, path, f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\n{length}\r\n", begin, drip)


def _in_form(field: str, content: bytes = b"") -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"'
    return f"{head}\r\n\r\n".encode() + content


_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_PARTS = f"multipart/form-data; boundary={_BOUNDARY}"
_FILE_HEAD = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="type"\r\n\r\nhennepteelt\r\n'
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n'
    "Content-Type: image/jpeg\r\n\r\n"
).encode()
_LONG, _CHUNKED = "Content-Length: 200000\r\n", "Transfer-Encoding: chunked\r\n"
_BEGUN = bytes(60_000)


def kinds(municipality: str, large_path: str) -> Sequence[Slow]:
    """Every way that we know of. `large_path` is that of a large answer which anybody may ask for."""
    report, file = "/api/v1/reports", "/api/v1/attachments"
    form, sign_in, mailbox = (f"/{municipality}/{each}" for each in ("melden", "aanmelden", "postvak"))
    photo = f"Signal-Type: hennepteelt\r\n{_LONG}"
    letters = b"description=" + b"a" * 60_000
    return (
        Slow("says nothing", "", ""),
        Slow("head trickles", report, f"POST {report} HTTP/1.1\r\nX-A: ", drip=b"a"),
        _post("body trickles", report, _JSON, _LONG, _BEGUN, b" "),
        _post("body does not end", report, _JSON, _LONG, _BEGUN),
        _post("body in chunks without end", report, _JSON, _CHUNKED, b"4\r\n    \r\n", b"1\r\n \r\n"),
        _post("chunks with long extensions", report, _JSON, _CHUNKED, b"1;a=", b"a" * 1000),
        _post("trailer without end", report, _JSON, _CHUNKED, b"1\r\n \r\n0\r\nX-A: ", b"a" * 1000),
        _post("form does not end", form, _FORM, _LONG, letters),
        _post("form trickles", form, _FORM, _LONG, letters, b"a"),
        _post("form in parts does not end", form, _PARTS, _LONG, _in_form("description", _BEGUN)),
        _post("form with a file trickles", form, _PARTS, _LONG, _FILE_HEAD + _BEGUN, b"a"),
        _post("form with a file does not end", form, _PARTS, _LONG, _FILE_HEAD),
        _post("file trickles", file, "image/jpeg", photo, _BEGUN, b"a"),
        _post("file does not end", file, "image/jpeg", photo, b""),
        _post("file in parts trickles", file, _PARTS, photo, _FILE_HEAD + _BEGUN, b"a"),
        _post("sign-in does not end", "/api/v1/sessions", _JSON, "Content-Length: 16000\r\n", bytes(15_000)),
        _post("sign-in form trickles", sign_in, _FORM, "Content-Length: 16000\r\n", letters[:15_000], b"a"),
        _post("mailbox trickles", mailbox, _FORM, "Content-Length: 16000\r\n", letters[:15_000], b"a"),
        Slow("answer is not read", large_path, f"GET {large_path} HTTP/1.1\r\n", reads=False),
        Slow("pipeline is not read", large_path, f"GET {large_path} HTTP/1.1\r\n", reads=False),
    )


def quick_enough() -> Slow:
    """Files that come faster than what counts as slow, so that nobody may call their senders that."""
    drip = bytes(int(SLOW_BYTES_PER_SECOND * 3 * PAUSE_SECONDS))
    photo = "Signal-Type: hennepteelt\r\nContent-Length: 9000000\r\n"
    return _post("file comes", "/api/v1/attachments", "image/jpeg", photo, b"\xff\xd8\xff\xe0" + _BEGUN, drip)


class Attack:
    """Many slow clients of one kind at a server on this machine, each from a network of its own choosing."""

    def __init__(self, url: str, kind: Slow, network: Callable[[int], str]) -> None:
        self._host, _, self._port = url.removeprefix("http://").partition(":")
        self._kind, self._network = kind, network
        self._count = self.opened = 0

    @asynccontextmanager
    async def by(self, count: int) -> AsyncIterator["Attack"]:
        """So many clients as long as the block lasts; each that is cut off comes again."""
        self._count = count
        working = [asyncio.create_task(self._client(number)) for number in range(count)]
        try:
            await wait_until(self._all_opened, pause_seconds=0.02)
            await asyncio.sleep(PAUSE_SECONDS)  # until the server has read what they begin with
            yield self
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _all_opened(self) -> bool:
        return self.opened >= self._count

    async def _client(self, number: int) -> None:
        while True:
            with suppress(OSError):
                await self._once(number)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _once(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as connected:
            connected.setblocking(False)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(connected, (self._host, int(self._port)))
            self.opened += 1
            await loop.sock_sendall(connected, self._first(number))
            while True:
                if self._kind.reads and not await _is_open(loop, connected):
                    return
                if not self._kind.reads:
                    await asyncio.sleep(PAUSE_SECONDS)
                if self._kind.drip:
                    await loop.sock_sendall(connected, self._kind.drip)

    def _first(self, number: int) -> bytes:
        kind = self._kind
        if not kind.head:
            return b""
        line, _, rest = kind.head.partition("\r\n")
        head = f"{line}\r\nHost: a\r\nX-Forwarded-For: {self._network(number)}\r\n{rest}"
        if kind.begin or kind.name.startswith(("answer", "pipeline", "file", "form", "sign", "mail")):
            head += "\r\n"
        whole = head.encode() + kind.begin
        return whole * 200 if kind.name.startswith("pipeline") else whole


async def _is_open(loop: asyncio.AbstractEventLoop, connected: socket.socket) -> bool:
    """Whether the other side still listens, after the pause between two drips."""
    try:
        async with asyncio.timeout(PAUSE_SECONDS):
            while await loop.sock_recv(connected, 65536):
                continue
    except TimeoutError:
        return True
    return False
