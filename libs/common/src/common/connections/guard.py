"""Decides who has one of a server's places, who waits for one, and who loses it."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Protocol

from common.connections.cookies import OwnCookies
from common.connections.limits import Limits, Networks, Unlooked
from common.connections.line import Line
from common.connections.time import SeenTime
from common.memory import READ_BYTES
from common.sharing import widest, within_wider

_LOOK_SECONDS = 0.5
_MOVE_SECONDS = 0.05
_LONG_WAIT_SECONDS = 0.25
_CUT_PART = 64  # of all connections, one in so many is cut when there is no room
_MOST_TRIED = 64  # networks that wait, each time


class Idleness(IntEnum):
    """How little a connection is used; who does less loses its place sooner."""

    AT_WORK = 0  # or so fresh that nobody can tell; it keeps its place
    COMING = 1  # a body comes, or an answer is taken, in good time: it keeps it while others can wait
    STALLING = 2  # a body hardly comes, for a moment: it keeps it while nobody waits for long
    FOR_A_MOMENT = 3
    LONG = 4


class Holder(Protocol):
    """A connection that has a place."""

    @property
    def network(self) -> str:
        """Where it comes from; empty for a proxy, which brings many."""

    @property
    def asking(self) -> str:
        """The network of its last request."""

    @property
    def since(self) -> float:
        """Since when it does what it does."""

    @property
    def is_made(self) -> bool:
        """Whether both sides may speak."""

    def idleness(self, now: float) -> Idleness:
        """How little it is used."""

    def tempo(self, now: float) -> float:
        """Bytes per second of a body that comes, as far as that is known."""

    def overdue(self, now: float) -> str:
        """Why it must go, or nothing."""

    def unread_bytes(self) -> int:
        """How much of an answer waits for its reader."""

    def cut(self, why: str) -> None:
        """End it at once; it tells `Guard.left`."""


class Newcomer(Protocol):
    """Somebody who connected; nothing was read of them."""

    @property
    def network(self) -> str:
        """Where they come from; empty for a proxy, which brings many."""

    @property
    def since(self) -> float:
        """When they came."""

    def is_gone(self) -> bool:
        """Whether they left again."""

    def enter(self) -> Holder:
        """They have a place: begin."""

    def refuse(self, why: str) -> None:
        """There is no place for them, or they are gone."""


class Guard:
    """All connections of one server. Let `watch` run as long as it serves."""

    def __init__(
        self,
        limits: Limits | None = None,
        networks: Networks | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.networks: Networks = networks or Unlooked()
        self.own_cookies = OwnCookies(self.limits.cookies)
        self._time = SeenTime(clock)
        #: What connections speak TLS with; none: they speak in clear.
        self.context: ssl.SSLContext | None = None
        #: Names of which a caller's certificate must hold one; none: whoever comes.
        self.callers: frozenset[str] = frozenset()
        # One buffer for all: what was read is taken out before the next read.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._open: set[Holder] = set()
        self._by_network: dict[str, set[Holder]] = {}  # the wider one, and the one within it
        self._line: Line[Newcomer] = Line(self.limits.most_waiting)
        self._in_vain: dict[tuple[str | None, Idleness], float] = {}  # when nobody was found to cut
        self._is_moving = False

    def __len__(self) -> int:
        return len(self._open)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._line)

    @property
    def is_full(self) -> bool:
        """Whether it is better to leave newcomers to the kernel: there is no room even to wait."""
        return self._line.is_full

    def now(self) -> float:
        """The time that all limits go by, in seconds; it counts on only while `watch` comes to its turn."""
        return self._time.now()

    async def watch(self) -> None:
        """Look after the connections until cancelled."""
        looked_at = self.now()
        while True:
            await asyncio.sleep(_MOVE_SECONDS)
            if self.now() - looked_at >= _LOOK_SECONDS:
                looked_at = self.now()
                self.look()
            else:
                self._time.look()
                self.move()

    def look(self) -> None:
        """Close what is over its time, and who reads least of too much that waits for its readers."""
        self._time.look()
        now = self.now()
        self._in_vain.clear()
        self._is_moving = True
        try:
            for late in self._line.pop_since(now - self.limits.waiting_seconds):
                late.refuse("full")
            unread: list[tuple[int, Holder]] = []
            for each in list(self._open):
                if why := each.overdue(now):
                    each.cut(why)
                elif waiting := each.unread_bytes():
                    unread.append((waiting, each))
            self._cut_unread(unread)
        finally:
            self._is_moving = False
        self.move()

    def come(self, newcomer: Newcomer) -> None:
        """Give somebody a place, now or as soon as there is one; or refuse them.

        Who waits is let in by `left`, `move` or `look`, and refused after `Limits.waiting_seconds`.
        """
        if not self._line.has_room(newcomer.network):
            newcomer.refuse("full")
            return
        self._line.join(newcomer)
        self.move()

    def left(self, holder: Holder) -> None:
        """A connection is gone. Idempotent."""
        if holder not in self._open:
            return
        self._open.discard(holder)
        for network in within_wider(holder.network):
            same = self._by_network[network]
            same.discard(holder)
            if not same:
                del self._by_network[network]
        self.move()

    def move(self) -> None:
        """Let in whoever waits and finds a place, for which one that does nothing may have to go."""
        if self._is_moving:
            return
        self._is_moving = True
        try:
            self._move()
        finally:
            self._is_moving = False

    def empty(self) -> None:
        """Let nobody wait any more, for a place or a handshake: the server stops."""
        self._is_moving = True
        for newcomer in self._line.pop_since(float("inf")):
            newcomer.refuse("")
        for holder in [each for each in self._open if not each.is_made]:
            holder.cut("")

    def _move(self) -> None:
        stuck = 0
        while self._line and stuck < min(self._line.networks, _MOST_TRIED):
            first = self._line.first()
            if first.is_gone():
                self._line.pop().refuse("")
            elif len(self._open) >= self.limits.most and not self._make_room(None):
                return
            elif self._has_its_share(first.network) and not self._make_room(widest(first.network)):
                self._line.pass_over()
                stuck += 1
            else:
                self._enter(self._line.pop())

    def _enter(self, newcomer: Newcomer) -> None:
        holder = newcomer.enter()
        self._open.add(holder)
        for network in within_wider(holder.network):
            self._by_network.setdefault(network, set()).add(holder)

    def _has_its_share(self, network: str) -> bool:
        """Whether one more would be too many: as `common.sharing`, but who holds none may have the last."""
        free = self.limits.most - len(self._open)
        held = sum(len(self._by_network.get(each, ())) for each in within_wider(network))
        return held >= max(free, 1)

    def _make_room(self, network: str | None) -> bool:
        """Cut who use a connection least: of the networks that have most of those, the slowest and oldest.

        A few at a time, for looking costs more than cutting. `network`: only of this wider one. False when
        all are at work, or were a moment ago.
        """
        now = self.now()
        least = self._least(now)
        if now - self._in_vain.get((network, least), float("-inf")) < _MOVE_SECONDS:
            return False
        found = self._idle(self._open if network is None else self._by_network[network], least, now)
        if not found:
            self._in_vain[network, least] = now
        for each in found[: max(self.limits.most // _CUT_PART, 1)]:
            each.cut("crowded")
        return bool(found)

    def _least(self, now: float) -> Idleness:
        """What is idle enough to be cut: the longer the line, in time or in heads, the less that is."""
        if self._line.is_full:
            return Idleness.COMING
        is_long = now - self._line.first().since > _LONG_WAIT_SECONDS
        return Idleness.STALLING if is_long else Idleness.FOR_A_MOMENT

    def _idle(self, among: Iterable[Holder], least: Idleness, now: float) -> list[Holder]:
        found = [(idleness, each) for each in among if (idleness := each.idleness(now)) >= least]
        of_network = Counter(widest(each.asking) for _, each in found if each.asking)
        found.sort(
            key=lambda pair: (
                -pair[0],
                -of_network[widest(pair[1].asking)],
                pair[1].tempo(now),
                pair[1].since,
            )
        )
        return [each for _, each in found]

    def _cut_unread(self, unread: list[tuple[int, Holder]]) -> None:
        total = sum(waiting for waiting, _ in unread)
        for waiting, each in sorted(unread, key=lambda pair: -pair[0]):
            if total <= self.limits.unread_bytes:
                return
            each.cut("unread")
            total -= waiting
