"""The connections of a process: whoever holds one without using it loses it, first of all to newcomers.

Uvicorn's own protocol waits without end for the head of a request, takes heads of any length, reads a
pipeline as long as it comes, and keeps an answer for a client that does not read. Here each has a bound.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from common import metrics
from common.callers import names_of
from common.log import get_logger
from common.memory import READ_BYTES, wipe
from common.rooms import WINDOW_SECONDS, Rate

log = get_logger()

_LOOK_SECONDS = 0.5
_MOST_PIPELINED = 8
_CUT_PART = 64  # of all connections, one in so many is cut when there is no room
_AROUND_EACH_BYTE = 16  # of framing, where a body comes in chunks of one byte


@dataclass(frozen=True)
class Limits:
    """What one connection may cost, in seconds and bytes; and how many there may be."""

    most: int = 4096
    head_seconds: float = 10  # from the first byte of a request to the end of its head
    head_bytes: int = 32 * 1024
    idle_seconds: float = 30  # before a request, the first or the next
    drain_seconds: float = 30  # for the rest of a body that was answered before it came
    unread_seconds: float = 20  # to take 48 KiB of an answer
    unread_bytes: int = 64 * 1024 * 1024  # of all answers that wait for their readers


class Networks(Protocol):
    """Tells from which network a connection and a request come."""

    @property
    def header(self) -> bytes:
        """The header in which a proxy tells of others, in lower case."""

    def are_at(self, peer: str, /) -> bool:
        """Whether this address is that of a proxy, which brings many clients."""

    def network(self, peer: str, written: Sequence[str], /) -> str:
        """The network of a request from this peer, by what proxies wrote; never an address."""


class Unlooked:
    """Of a server behind the gateway: who connects is not looked at."""

    header = b""

    def are_at(self, _peer: str) -> bool:
        """Every peer may bring many."""
        return True

    def network(self, _peer: str, _written: Sequence[str]) -> str:
        """Nothing is known."""
        return ""


class _State(Enum):
    IDLE = auto()  # nothing of a request is there
    HEAD = auto()  # some of a head is
    BUSY = auto()  # a request is being answered; the one who answers bounds the reading of its body
    DRAIN = auto()  # it was answered, and its body still comes


class Guard:
    """All connections of one server. Give `protocol` to uvicorn as `http`, and let `watch` run meanwhile."""

    def __init__(
        self,
        limits: Limits | None = None,
        networks: Networks | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.networks: Networks = networks or Unlooked()
        self.clock = clock
        #: Names of which a caller's certificate must hold one; none: whoever comes.
        self.callers: frozenset[str] = frozenset()
        # One buffer for all: what was read is taken out before the next read.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._open: set[Connection] = set()
        self._by_network: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def protocol(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> "Connection":
        """A protocol for a connection that comes, as uvicorn makes them."""
        return Connection(self, config, server_state, app_state, _loop)

    async def watch(self) -> None:
        """Look after the connections until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Close what is over its time, and who reads least of too much that waits for its readers."""
        now = self.clock()
        unread: list[tuple[int, Connection]] = []
        for each in list(self._open):
            if why := each.overdue(now):
                each.cut(why)
            elif waiting := each.unread_bytes():
                unread.append((waiting, each))
        total = sum(waiting for waiting, _ in unread)
        for waiting, each in sorted(unread, key=lambda pair: -pair[0]):
            if total <= self.limits.unread_bytes:
                return
            each.cut("unread")
            total -= waiting

    def admit(self, connection: "Connection") -> bool:
        """Take a connection in, for which one that does nothing may have to go."""
        most, network = self.limits.most, connection.network
        if len(self._open) >= most and not self._make_room(None):
            return False
        if (
            network
            and self._by_network[network] >= max(most - len(self._open), 1)
            and not self._make_room(network)
        ):
            return False
        self._open.add(connection)
        self._by_network[network] += 1
        return True

    def left(self, connection: "Connection") -> None:
        """A connection is gone. Idempotent."""
        if connection in self._open:
            self._open.discard(connection)
            self._by_network[connection.network] -= 1
            if self._by_network[connection.network] <= 0:
                del self._by_network[connection.network]

    def _make_room(self, network: str | None) -> bool:
        """Cut who use a connection least: of the networks that have most of those, the oldest.

        A few at a time, for looking costs more than cutting. `network`: only of this one. False when all are
        at work.
        """
        now = self.clock()
        found = [
            (idleness, each)
            for each in self._open
            if (network is None or each.network == network) and (idleness := each.idleness(now))
        ]
        if not found:
            return False
        of_network = Counter(each.asking for _, each in found if each.asking)
        found.sort(key=lambda pair: (-pair[0], -of_network[pair[1].asking], pair[1].since))
        for _, each in found[: max(self.limits.most // _CUT_PART, 1)]:
            each.cut("crowded")
        return True


class Connection(asyncio.BufferedProtocol):
    """One connection: counts and times what comes and goes, and hands it to uvicorn's own protocol."""

    def __init__(
        self,
        guard: Guard,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.network = ""  # of the peer; empty for a proxy, which brings many
        self.asking = ""  # the network of the last request
        self.peer = ""
        self.since = guard.clock()
        self._guard = guard
        self._state = _State.IDLE
        self._tempo = Rate(self.since)
        self._unread_since: float | None = None
        self._closing_since: float | None = None
        self._transport: asyncio.Transport | None = None
        self._inner = _Http(self, config, server_state, app_state, loop)

    @property
    def networks(self) -> Networks:
        """Who tells networks apart."""
        return self._guard.networks

    @property
    def head_bytes(self) -> int:
        """How long a head may be."""
        return self._guard.limits.head_bytes

    def idleness(self, now: float) -> int:
        """How little it is used: 2 when nothing goes on, 1 when that is so for a moment only, 0 at work."""
        if self._state is not _State.BUSY:
            return 2 if now - self.since > WINDOW_SECONDS else 1
        if self._unread_since is not None:
            return 2 if now - self._unread_since > WINDOW_SECONDS else 1
        if self._inner.is_in_body and not self._inner.flow.read_paused:
            return 2 if self._tempo.is_slow(now) else 1
        return 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connected."""
        # Servers make transports that go both ways; those of uvloop only look like asyncio's.
        self._transport = made = cast("asyncio.Transport", transport)
        if self._guard.callers and not names_of(made) & self._guard.callers:
            log.warning("caller.refused")
            made.abort()
            return
        self.peer = _peer_of(made)
        if not self.networks.are_at(self.peer):
            self.network = self.asking = self.networks.network(self.peer, ())
            self.peer = ""  # no more than its network is needed
        if not self._guard.admit(self):
            metrics.CONNECTIONS_CUT.labels("full").inc()
            made.abort()
            return
        self._inner.connection_made(made)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._guard.left(self)
        if self._inner.transport is not None:
            self._inner.connection_lost(exc)

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where the next bytes go: the same place for everybody, for they are taken out at once."""
        return self._guard.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came; no trace of them stays in the buffer."""
        came = self._guard.buffer[:nbytes]
        try:
            if self._state is _State.IDLE:
                self._go(_State.HEAD)
            self._tempo.came(nbytes, self._guard.clock())
            self._inner.feed(came)
        finally:
            wipe(came)

    def eof_received(self) -> None:
        """No more will come."""
        self._inner.eof_received()

    def pause_writing(self) -> None:
        """The client reads slower than we answer."""
        self._unread_since = self._guard.clock()
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It caught up."""
        self._unread_since = None
        self._inner.resume_writing()

    def unread_bytes(self) -> int:
        """How much of an answer waits for its reader."""
        transport = self._transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def head_is_whole(self, network: str) -> None:
        """A request is there, from this network, and is answered from now on."""
        self.asking = network
        self._tempo = Rate(self._guard.clock())
        self._go(_State.BUSY)

    def is_answered(self, *, is_body_coming: bool, is_head_begun: bool) -> None:
        """The answer was handed over."""
        if is_body_coming:
            self._go(_State.DRAIN)
        else:
            self._go(_State.HEAD if is_head_begun else _State.IDLE)

    def body_has_come(self) -> None:
        """The rest of a body that nobody wanted has come."""
        if self._state is _State.DRAIN:
            self._go(_State.IDLE)

    def overdue(self, now: float) -> str:
        """Why this connection must go, or nothing."""
        limits = self._guard.limits
        if self._unread_since is not None and now - self._unread_since > limits.unread_seconds:
            return "unread"
        if self._transport is not None and self._transport.is_closing():
            self._closing_since = now if self._closing_since is None else self._closing_since
            return "unread" if now - self._closing_since > limits.unread_seconds else ""
        seconds = {
            _State.IDLE: limits.idle_seconds,
            _State.HEAD: limits.head_seconds,
            _State.DRAIN: limits.drain_seconds,
        }.get(self._state)
        if seconds is None or now - self.since <= seconds:
            return ""
        return self._state.name.lower()

    def cut(self, why: str) -> None:
        """End it at once, whatever waits to be read."""
        metrics.CONNECTIONS_CUT.labels(why).inc()
        self._guard.left(self)
        if self._transport is not None:
            self._transport.abort()

    def _go(self, state: _State) -> None:
        if state is not self._state or state is _State.BUSY:
            self._state, self.since = state, self._guard.clock()


class _TooMuch(Exception):
    """More of a head, or more requests in a row, than anybody needs."""


class _Http(HttpToolsProtocol):
    """Uvicorn's protocol, which tells its connection what it reads."""

    def __init__(
        self,
        connection: Connection,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        super().__init__(config, server_state, app_state, loop)
        self._connection = connection
        self._networks, self._most_head_bytes = connection.networks, connection.head_bytes
        self._is_in_head = self.is_in_body = False
        self._head_bytes = 0
        self._body_bytes = self._around_body_bytes = 0
        self._written: list[str] = []  # by proxies, of the request whose head comes

    def feed(self, came: memoryview) -> None:
        """Read what came, of which neither a head nor what stands around a body may be long."""
        if self.transport.is_closing():
            return  # an answer said that it is the last
        was_in_head, was_in_body, had = self._is_in_head, self.is_in_body, self._body_bytes
        self.data_received(came)  # type: ignore[arg-type]  # httptools reads any buffer
        if was_in_head and self._is_in_head:
            self._head_bytes += len(came)
        elif was_in_body and self.is_in_body:
            self._around_body_bytes += len(came) - (self._body_bytes - had)
        is_long = self._head_bytes > self._most_head_bytes + READ_BYTES
        is_thin = self._around_body_bytes > self._most_head_bytes + _AROUND_EACH_BYTE * self._body_bytes
        if is_long or is_thin:
            self._connection.cut("head")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn does, but the peer's address is not kept."""
        super().connection_made(transport)
        self.client = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; where an answer is under way there is nothing to say any more."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._connection.cut("head")
            return
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= _MOST_PIPELINED:
            raise _TooMuch
        self._is_in_head, self._head_bytes, self._written = True, 0, []
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Some of its target."""
        self._add(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those that tell addresses get no further, and a trailer is nobody's business."""
        if not self._is_in_head:
            return
        self._add(len(name) + len(value))
        lowered = name.lower()
        if lowered not in _FORWARDED:
            super().on_header(lowered, value)
        elif lowered == self._networks.header:
            self._written.append(value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """The head is whole; who asks is the network that it comes from."""
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

    def _add(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > self._most_head_bytes:
            raise _TooMuch


#: What tells addresses never gets further than here.
_FORWARDED = frozenset(
    {b"x-forwarded-for", b"forwarded", b"x-real-ip", b"true-client-ip", b"cf-connecting-ip"}
)


def _peer_of(transport: asyncio.Transport) -> str:
    found = transport.get_extra_info("socket")
    try:
        peer = found.getpeername()
    except OSError:  # it left already
        return ""
    return str(peer[0]) if isinstance(peer, tuple) else ""
