"""Places that somebody holds while being read: shared, in two lanes, and whoever is slow gives way.

A plain number of places is closed by as many clients that begin to send and do not go on. Here a newcomer
takes the place of one that is slow, or of a network that holds more than its own; only who is neither, or was
read to the end, keeps one that another wants.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from common import metrics
from common.rates import Rate
from common.sharing import NothingLeft, Path, Share, levels

_LOOK_AGAIN_SECONDS = 0.05
_MOST_TRIED = 64  # of those who wait, each time
_BEHIND_SECONDS = 300.0  # after somebody there was slow or broke off, a network comes after the others
_MOST_BEHIND = 4096  # of whom that is remembered
_KNOWN_PART = 3  # who is known finds a third as much again, which nobody else can hold


@dataclass(frozen=True, slots=True)
class Account:
    """On whose account a place is held: each has a share within that of the one before it."""

    municipality: str
    within: Path = ()  # networks there, from wide to narrow; of who is known, what tells them from others
    is_known: bool = False  # signed in, or with an API key

    @property
    def path(self) -> Path:
        """Everybody whose share it is, from wide to narrow."""
        return (self.municipality, *self.within)


class GaveWay(NothingLeft):
    """This one was slow, or of a network that held more, and somebody else needed the place."""


class Room:
    """So many places (or bytes) for who is unknown, and a third as many again for who is known.

    Of each lane a municipality, and within it a network, holds as much as it leaves for others (`Share`).
    Not for use by several threads.
    """

    def __init__(
        self,
        name: str,
        most: int,
        *,
        most_of_known: int | None = None,
        patience_seconds: float = 4.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is for the metrics; `patience_seconds`: how long `Stay.take` waits before it refuses.

        `most_of_known`: other than a third, where one of them may need more.
        """
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._unknown, self._known = _Lane(name, most), _Lane(name, most_of_known or places_of_known(most))

    def held_by(self, municipality: str) -> int:
        """How many places of both lanes are held by this municipality."""
        return self._unknown.held_by(municipality) + self._known.held_by(municipality)

    @contextmanager
    def stay(self, account: Account) -> Iterator["Stay"]:
        """Somebody who may take places, all of which are free again when the block ends."""
        lane = self._known if account.is_known else self._unknown
        made = Stay(lane, account, self._patience_seconds, self._clock)
        try:
            yield made
        finally:
            made.leave()


class Stay:
    """What one request holds. Until `settle` it is being read, and gives way when somebody needs it more."""

    def __init__(
        self, lane: "_Lane", account: Account, patience_seconds: float, clock: Callable[[], float]
    ) -> None:
        self.account = account
        self.amount = 0
        #: The time limit of the read that is going on, which ends at once when this stay gives way.
        self.limit: asyncio.Timeout | None = None
        self.is_out = self.is_settled = False
        self._lane, self._patience_seconds, self._clock = lane, patience_seconds, clock
        self.rate = Rate(clock())
        self.rate.pauses(clock())

    async def take(self, amount: int = 1) -> None:
        """Hold so many places more, waiting a moment for them.

        Raises `NothingLeft` when there are none even then, and `GaveWay` when this one lost what it held.
        """
        if self.is_out:
            raise GaveWay
        lane = self._lane
        if not lane.waiting and lane.take(self, amount, self._clock()):
            return
        await lane.wait(self, amount, self._patience_seconds, self._clock)

    def waits(self, limit: asyncio.Timeout | None) -> None:
        """Whoever is read is waited for, within this limit; None: not any more."""
        self.limit = limit
        if limit is None:
            self.rate.pauses(self._clock())
        else:
            self.rate.waits(self._clock())

    def came(self, size_bytes: int) -> None:
        """So many bytes came from whoever is being read."""
        self.rate.came(size_bytes, self._clock())

    def settle(self) -> None:
        """It was read to its end: what it holds is worked on, and it gives way to nobody."""
        self.is_settled = True
        self._lane.reading.discard(self)

    def leave(self) -> None:
        """Nothing is held any more. Idempotent."""
        now = self._clock()
        if self in self._lane.reading and (not self.is_out or self.rate.is_slow(now)):
            self._lane.broke_off(self, now)
        self._lane.reading.discard(self)
        self._lane.give_back(self)

    def give_way(self) -> None:
        """What is held is free at once, and the read that is going on ends with TimeoutError."""
        self.is_out = True
        self.leave()
        self._lane.refuse(self, GaveWay())
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time())


@dataclass(frozen=True)
class _Waiting:
    """Somebody who waits for places."""

    amount: int
    granted: "asyncio.Future[None]"


class _Lane:
    """One lane of a room."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self.reading: set[Stay] = set()
        self._share = Share(most)
        self._looked_at = float("-inf")  # when last nobody was found to give way
        self.waiting: dict[Stay, _Waiting] = {}  # in the order in which they came
        self._next_look: asyncio.TimerHandle | None = None
        self._behind: dict[Path, float] = {}  # since when; the longest first

    def held_by(self, municipality: str) -> int:
        return self._share.held_by((municipality,))

    def take(self, stay: Stay, amount: int, now: float) -> bool:
        """Whether so many places are held more, for which others may have given way."""
        path = stay.account.path
        self._forget(now)
        while not self._share.has_room(path, amount):
            chosen = self._who_gives_way(stay, amount, now)
            if chosen is None:
                return False
            chosen.give_way()
            metrics.GAVE_WAY.labels(self._name).inc()
        if not stay.amount:
            self.reading.add(stay)
        stay.amount += amount
        self._share.take(path, amount)
        return True

    async def wait(self, stay: Stay, amount: int, seconds: float, clock: Callable[[], float]) -> None:
        """Hold so many places more as soon as there are; raises `NothingLeft` after so long, or `GaveWay`."""
        granted = asyncio.get_running_loop().create_future()
        self.waiting[stay] = _Waiting(amount, granted)
        self._look_soon(clock)
        try:
            async with asyncio.timeout(seconds):
                await granted
        except TimeoutError as error:
            raise NothingLeft from error
        finally:
            self.waiting.pop(stay, None)

    def refuse(self, stay: Stay, error: NothingLeft) -> None:
        """Let somebody wait no longer."""
        found = self.waiting.pop(stay, None)
        if found is not None and not found.granted.done():
            found.granted.set_exception(error)

    def broke_off(self, stay: Stay, now: float) -> None:
        """It was not read to its end, or slowly: its network comes after others for a while."""
        network = _network_of(stay)
        self._behind.pop(network, None)
        self._behind[network] = now
        if len(self._behind) > _MOST_BEHIND:
            del self._behind[next(iter(self._behind))]

    def _forget(self, now: float) -> None:
        while self._behind and now - self._behind[first := next(iter(self._behind))] > _BEHIND_SECONDS:
            del self._behind[first]

    def give_back(self, stay: Stay) -> None:
        if stay.amount:
            self._share.give_back(stay.account.path, stay.amount)
            stay.amount = 0

    def _look_soon(self, clock: Callable[[], float]) -> None:
        if self.waiting and self._next_look is None:
            loop = asyncio.get_running_loop()
            self._next_look = loop.call_later(_LOOK_AGAIN_SECONDS, self._look, clock)

    def _look(self, clock: Callable[[], float]) -> None:
        """Let in who holds and wants least, of those the newest: who holds on waited longest.

        First of all that counts for municipalities, and within one for its networks: those where somebody was
        slow or broke off a moment ago come after the others.
        """
        self._next_look = None
        wanted: Counter[Path] = Counter()
        for stay, each in self.waiting.items():
            for level in levels(stay.account.path):
                wanted[level] += each.amount
        newest_first = reversed(list(self.waiting.items()))
        now = clock()
        self._forget(now)

        def want_of(stay: Stay) -> list[int]:
            most, *within = (wanted[each] + self._share.held_by(each) for each in levels(stay.account.path))
            return [most, _network_of(stay) in self._behind, *within]

        in_turn = sorted(newest_first, key=lambda pair: want_of(pair[0]))
        for stay, each in in_turn[:_MOST_TRIED]:
            if not each.granted.done() and stay in self.waiting and self.take(stay, each.amount, now):
                each.granted.set_result(None)
                self.waiting.pop(stay, None)
        self._look_soon(clock)

    def _who_gives_way(self, asking: Stay, amount: int, now: float) -> Stay | None:
        """Where most is held, the slowest: of all who are slow, or of who holds more than who asks will."""
        if now - self._looked_at < _LOOK_AGAIN_SECONDS / 2:
            return None
        others = [each for each in self.reading if each is not asking and each.amount]
        found = [each for each in others if each.rate.is_slow(now)]
        found = found or [each for each in others if self._holds_more(each, asking, amount)]
        if not found:
            self._looked_at = now
            return None
        return max(found, key=lambda each: self._what_it_takes(each, now))

    def _holds_more(self, stay: Stay, asking: Stay, amount: int) -> bool:
        """Whether the first that they do not have in common, such as a network, would still hold more."""
        for one, other in zip(levels(stay.account.path), levels(asking.account.path), strict=False):
            if one != other:
                return self._share.held_by(one) > self._share.held_by(other) + amount
        return False

    def _what_it_takes(self, stay: Stay, now: float) -> tuple[list[int], float]:
        held = [self._share.held_by(level) for level in levels(stay.account.path)]
        return held, -(stay.rate.now(now) or 0)


def _network_of(stay: Stay) -> Path:
    """The widest network of who has no name; else the one who has."""
    return stay.account.path[:2]


def places_of_known(most: int) -> int:
    """How many places there are for who is known, beside so many for everybody else."""
    return max(1, most // _KNOWN_PART)
