"""A few places for heavy work, given in turn: who used least lately is next, and no network has them all."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from common.rooms import Account
from common.sharing import NothingLeft, Path, Share

_FADING_SECONDS = 60  # work of so long ago weighs 1/e of the same work now
_HARDLY_ANYTHING_SECONDS = 0.05


class Turns:
    """So many places. What each network and municipality used of them lately decides whose turn is next.

    A network may hold what it leaves free for others (`Share`): of two places one, and a single one whole. An
    empty network is not counted. Who is remembered here is forgotten in minutes. Not for several threads.
    """

    def __init__(
        self, places: int, *, patience_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`patience_seconds`: how long `place` waits before it refuses; longer than the longest work."""
        self._free_of_network = Share(places)
        self._patience_seconds, self._clock = patience_seconds, clock
        self._waiting: list[_Turn] = []
        self._at_work: list[_Turn] = []
        self._used = _Lately()

    @asynccontextmanager
    async def place(self, account: Account) -> AsyncIterator[None]:
        """A place for as long as the block lasts; raises `NothingLeft` when it takes too long to get one."""
        turn = _Turn(account)
        self._waiting.append(turn)
        self._give()
        try:
            await self._granted(turn)
            yield
        finally:
            self._ends(turn)

    async def _granted(self, turn: "_Turn") -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await turn.granted
        except TimeoutError as error:
            raise NothingLeft from error

    def _ends(self, turn: "_Turn") -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
            return
        now = self._clock()
        self._at_work.remove(turn)
        self._free_of_network.give_back(turn.holder)
        for who in turn.of:
            self._used.add(who, now - turn.begun_at, now)
        self._give()

    def _give(self) -> None:
        """Give the places that are free to those whose turn it is."""
        now = self._clock()
        while not self._free_of_network.is_full:
            able = [each for each in self._waiting if each.may_begin(self._free_of_network)]
            if not able:
                return
            turn = min(able, key=lambda each: self._used_by(each, now))  # of equals, who came first
            self._waiting.remove(turn)
            self._at_work.append(turn)
            self._free_of_network.take(turn.holder)
            turn.begun_at = now
            turn.granted.set_result(None)

    def _used_by(self, turn: "_Turn", now: float) -> float:
        """Seconds of work that its network and its municipality had, with what goes on now."""
        going_on = sum(
            (now - each.begun_at) + _HARDLY_ANYTHING_SECONDS
            for each in self._at_work
            for who in each.of
            if who in turn.of
        )
        return going_on + sum(self._used.of(who, now) for who in turn.of)


@dataclass(eq=False)
class _Turn:
    """Somebody who waits for a place, or works in one."""

    account: Account
    granted: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    begun_at: float = 0.0

    @property
    def holder(self) -> Path:
        return self.account.within[:1] or (f"nobody {id(self)}",)

    def may_begin(self, places: Share) -> bool:
        """Whether it still waits, and its network leaves room for others."""
        return not self.granted.done() and places.has_room(self.holder)

    @property
    def of(self) -> tuple[tuple[str, str], ...]:
        """Those on whose account it works."""
        networks = (("network", each) for each in self.account.within[:1])  # the widest
        return (("municipality", self.account.municipality), *networks)


class _Lately:
    """Seconds of work by whom, which fade; who has hardly any left is forgotten."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], tuple[float, float]] = {}

    def of(self, who: tuple[str, str], now: float) -> float:
        seconds, at = self._seconds.get(who, (0.0, now))
        return seconds * math.exp(min(at - now, 0.0) / _FADING_SECONDS)

    def add(self, who: tuple[str, str], seconds: float, now: float) -> None:
        self._seconds[who] = (self.of(who, now) + seconds, now)
        self._seconds = {
            each: told
            for each, told in self._seconds.items()
            if self.of(each, now) > _HARDLY_ANYTHING_SECONDS
        }
