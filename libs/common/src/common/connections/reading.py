"""Reads requests as uvicorn does, with a bound where uvicorn has none.

Uvicorn's own protocol waits without end for the head of a request, takes heads of any length, reads a
pipeline as long as it comes, and keeps an answer for a client that does not read.
"""

import asyncio
import re
from typing import Protocol

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from common import metrics
from common.connections.cookies import MOST_COOKIE_BYTES, CookieSieve, OwnCookies
from common.connections.limits import Networks
from common.connections.refusals import Refusal
from common.connections.writing import Writing
from common.memory import READ_BYTES

_MOST_PIPELINED = 8
_AWAITED_COOKIE_BYTES = 4 * MOST_COOKIE_BYTES  # so that who sends too much hears it
_HEAD_END = re.compile(rb"\r\n\r\n")
_AROUND_EACH_BYTE = 16  # of framing, where a body comes in chunks of one byte


class Reader(Protocol):
    """Whoever is told what is read."""

    @property
    def network(self) -> str:
        """Of the peer; empty for a proxy, which brings many."""

    @property
    def peer(self) -> str:
        """The address of a proxy; empty when the network says enough."""

    @property
    def networks(self) -> Networks:
        """Who tells networks apart."""

    @property
    def head_bytes(self) -> int:
        """How long a head may be."""

    @property
    def own_cookies(self) -> OwnCookies:
        """Which cookies are read."""

    def head_is_whole(self, network: str) -> None:
        """A request is there, from this network, and is answered from now on."""

    def is_answered(self, *, is_body_coming: bool, is_head_begun: bool) -> None:
        """The answer was handed over."""

    def body_has_come(self) -> None:
        """The rest of a body has come."""

    def cut(self, why: str) -> None:
        """End the connection at once."""


class _TooMuch(Exception):
    """More of a head, or more requests in a row, than anybody needs."""


class Reading(HttpToolsProtocol):
    """Uvicorn's protocol, which tells its connection what it reads."""

    def __init__(
        self,
        connection: Reader,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._connection = connection
        self._networks, self._most_head_bytes = connection.networks, connection.head_bytes
        self._is_in_head = self.is_in_body = False
        self._own_cookies = connection.own_cookies
        self._sieve = CookieSieve(self._own_cookies)
        self._refusal: Refusal | None = None
        self._head_bytes = self._awaited_bytes = 0  # that were read of a head; and that came while it comes
        self._body_bytes = self._around_body_bytes = 0
        self._written: list[str] = []  # by proxies, of the request whose head comes

    def feed(self, came: memoryview) -> None:
        """Read what came, of which neither a head nor what stands around a body may be long."""
        if self.transport.is_closing():
            return  # an answer said that it is the last
        if not self.is_in_body:
            self._feed_head(came)
            return
        had = self._body_bytes
        self._sieve.lose()  # another request may begin behind the body
        self._read(came)
        if self.is_in_body:
            self._around_body_bytes += len(came) - (self._body_bytes - had)
        if self._around_body_bytes > self._most_head_bytes + _AROUND_EACH_BYTE * self._body_bytes:
            self._connection.cut("head")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn does, but the peer's address is not kept, and a short answer goes in one piece."""
        super().connection_made(transport)
        self.transport = Writing(transport)  # type: ignore[assignment]
        self.client = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; where an answer is under way there is nothing to say any more."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._connection.cut("head")
            return
        metrics.CONNECTIONS_CUT.labels("unreadable").inc()
        if self._refusal is None:
            super().send_400_response(msg)
        else:
            self.transport.write(self._refusal.value)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= _MOST_PIPELINED:
            raise _TooMuch
        self._is_in_head, self._written = True, []
        self._head_bytes = self._awaited_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Some of its target."""
        self._add(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those that tell addresses get no further, and a trailer is nobody's business."""
        if not self._is_in_head:
            return
        lowered = name.lower()
        if lowered == b"cookie":
            value = self._own_cookies.among(value)
        self._add(len(name) + len(value))
        if lowered not in _FORWARDED:
            super().on_header(lowered, value)
        elif lowered == self._networks.header:
            self._written.append(value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """The head is whole; who asks is the network that it comes from."""
        if self._sieve.is_too_much:  # said only now, for who still sends does not hear us
            self._refusal = Refusal.COOKIES if self._sieve.has_own else Refusal.COOKIES_OF_OTHERS
            raise _TooMuch
        self._is_in_head, self.is_in_body = False, True
        self._body_bytes = self._around_body_bytes = 0
        network = self._connection.network or self._networks.network(self._connection.peer, self._written)
        self._written = []
        self.scope["client"] = (network, 0) if network else None
        super().on_headers_complete()
        self._connection.head_is_whole(network)

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.is_in_body = False
        super().on_message_complete()
        self._connection.body_has_come()

    def on_response_complete(self) -> None:
        """An answer was handed over; another may begin at once."""
        super().on_response_complete()
        if self.cycle is None or self.cycle.response_complete:
            self._connection.is_answered(is_body_coming=self.is_in_body, is_head_begun=self._is_in_head)

    def timeout_keep_alive_handler(self) -> None:
        """Left to the guard, which also sees a connection that never began."""

    def _feed_head(self, came: memoryview) -> None:
        """Read some of a head; one that does not come at once is read without the cookies of others."""
        if not self._is_in_head:
            if _HEAD_END.search(came):
                self._sieve.lose()
                self._read(came)
                return
            self._sieve.begin()
        head, at = bytes(came), 0
        while at < len(head) and not self.transport.is_closing():
            part, at = self._sieve.next(head, at)
            if part:
                self._read(part)
            if self._sieve.size_bytes > _AWAITED_COOKIE_BYTES:
                self._connection.cut("head")
            if not self._is_in_head:
                break
        if at < len(head) and not self.transport.is_closing():
            self._sieve.lose()
            self._read(head[at:])

    def _read(self, part: memoryview | bytes) -> None:
        was_in_head = self._is_in_head
        self.data_received(part)  # type: ignore[arg-type]  # httptools reads any buffer
        if was_in_head and self._is_in_head:
            self._awaited_bytes += len(part)
            if self._awaited_bytes > self._most_head_bytes + READ_BYTES:
                self._connection.cut("head")

    def _add(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > self._most_head_bytes:
            self._refusal = Refusal.HEAD
            raise _TooMuch


#: What tells addresses never gets further than here.
_FORWARDED = frozenset(
    {b"x-forwarded-for", b"forwarded", b"x-real-ip", b"true-client-ip", b"cf-connecting-ip"}
)
