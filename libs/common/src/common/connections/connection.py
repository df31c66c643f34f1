"""One connection: what it does, since when, and what it may take."""

import asyncio
import socket
from enum import Enum, auto
from typing import cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from common import metrics
from common.callers import names_of
from common.connections.cookies import OwnCookies
from common.connections.guard import Guard, Idleness
from common.connections.limits import Networks
from common.connections.reading import Reading
from common.log import get_logger
from common.memory import wipe
from common.rates import SLOW_BYTES_PER_SECOND, WINDOW_SECONDS, Rate

log = get_logger()


class _State(Enum):
    HANDSHAKE = auto()  # nobody knows yet who it is
    IDLE = auto()  # nothing of a request is there
    HEAD = auto()  # some of a head is
    BUSY = auto()  # a request is being answered; the one who answers bounds the reading of its body
    DRAIN = auto()  # it was answered, and its body still comes


class Connection(asyncio.BufferedProtocol):
    """One connection: counts and times what comes and goes, and hands it to uvicorn's own protocol."""

    def __init__(
        self,
        guard: Guard,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        *,
        network: str = "",
        peer: str = "",
    ) -> None:
        """`network` is that of the peer; empty for a proxy, of which `peer` is the address."""
        self.network = self.asking = network  # `asking` is that of the last request
        self.peer = peer
        self.since = guard.now()
        self._guard = guard
        self._state = _State.HANDSHAKE if guard.context else _State.IDLE
        self._fresh_since: float | None = self.since  # until the answer
        self._tempo = Rate(self.since)
        self._unread_since: float | None = None
        self._closing_since: float | None = None
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._inner = Reading(self, config, server_state, app_state)

    @property
    def networks(self) -> Networks:
        """Who tells networks apart."""
        return self._guard.networks

    @property
    def head_bytes(self) -> int:
        """How long a head may be."""
        return self._guard.limits.head_bytes

    @property
    def own_cookies(self) -> OwnCookies:
        """Which cookies are read."""
        return self._guard.own_cookies

    @property
    def is_made(self) -> bool:
        """Whether both sides may speak."""
        return self._transport is not None

    def idleness(self, now: float) -> Idleness:
        """How little it is used."""
        is_fresh = self._is_fresh(now)
        if self._state is not _State.BUSY:
            if is_fresh:
                return Idleness.AT_WORK
            return Idleness.LONG if now - self.since > WINDOW_SECONDS else Idleness.FOR_A_MOMENT
        if self._unread_since is not None:
            return Idleness.LONG if now - self._unread_since > WINDOW_SECONDS else Idleness.COMING
        if self._is_sending() and not is_fresh:
            return self._idleness_of_sender(now)
        return Idleness.AT_WORK

    def tempo(self, now: float) -> float:
        """Bytes per second of a body that comes, as far as that is known."""
        return self._tempo.so_far(now) if self._is_sending() else 0.0

    def begin(self, connected: socket.socket) -> None:
        """Shake hands, where there is a context for it, and read; the socket is ours from now on."""
        opening = self._opening = asyncio.get_running_loop().create_task(self._open(connected))
        # A task that is cancelled before its first step does nothing at all.
        opening.add_done_callback(lambda _: connected.close() if self._transport is None else None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """We may speak."""
        # Loops make transports that go both ways; those of uvloop only look like asyncio's.
        self._transport = made = cast("asyncio.Transport", transport)
        if self._guard.callers and not names_of(made) & self._guard.callers:
            log.warning("caller.refused")
            made.abort()
            return
        if self._state is _State.HANDSHAKE:
            self._fresh_since = self._guard.now()
            self._go(_State.IDLE)
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
                self._begin_head()
            self._tempo.came(nbytes, self._guard.now())
            self._inner.feed(came)
        finally:
            wipe(came)

    def eof_received(self) -> None:
        """No more will come."""
        self._inner.eof_received()

    def pause_writing(self) -> None:
        """The client reads slower than we answer."""
        self._unread_since = self._guard.now()
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
        self._tempo = Rate(self._guard.now())
        self._go(_State.BUSY)

    def is_answered(self, *, is_body_coming: bool, is_head_begun: bool) -> None:
        """The answer was handed over."""
        self._fresh_since = None
        if is_head_begun and not is_body_coming:
            self._begin_head()
        else:
            self._go(_State.DRAIN if is_body_coming else _State.IDLE)

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
            _State.HANDSHAKE: limits.handshake_seconds,
            _State.IDLE: limits.idle_seconds,
            _State.HEAD: limits.head_seconds,
            _State.DRAIN: limits.drain_seconds,
        }.get(self._state)
        if seconds is None or now - self.since <= seconds:
            return ""
        return self._state.name.lower()

    def cut(self, why: str) -> None:
        """End it at once, whatever waits to be read; `why` is for the metric, if it counts."""
        if why:
            metrics.CONNECTIONS_CUT.labels(why).inc()
        if self._transport is not None:
            self._transport.abort()
        elif self._opening is not None:
            self._opening.cancel()
        self._guard.left(self)

    async def _open(self, connected: socket.socket) -> None:
        """Returns when the connection is made, or nothing came of it."""
        guard = self._guard
        seconds = guard.limits.handshake_seconds if guard.context else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self, connected, ssl=guard.context, ssl_handshake_timeout=seconds
            )
        except OSError as error:  # they left, or do not speak TLS
            log.debug("connection.not_made", error=type(error).__name__)
        finally:
            if self._transport is None:
                guard.left(self)

    def _is_fresh(self, now: float) -> bool:
        """Whether a handshake, or a request that is not answered yet, began a moment ago."""
        since = self._fresh_since
        return since is not None and now - since < self._guard.limits.fresh_seconds

    def _begin_head(self) -> None:
        if self._fresh_since is None:
            self._fresh_since = self._guard.now()
        self._go(_State.HEAD)

    def _idleness_of_sender(self, now: float) -> Idleness:
        if self._tempo.is_slow(now):
            return Idleness.LONG
        is_slow_so_far = self._tempo.so_far(now) < SLOW_BYTES_PER_SECOND
        return Idleness.STALLING if is_slow_so_far else Idleness.COMING

    def _is_sending(self) -> bool:
        """Whether we wait for a body."""
        return self._state is _State.BUSY and self._inner.is_in_body and not self._inner.flow.read_paused

    def _go(self, state: _State) -> None:
        if state is not self._state or state is _State.BUSY:
            self._state, self.since = state, self._guard.now()
