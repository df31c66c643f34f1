"""Places that somebody holds while being read: shared, in two lanes, and whoever is slow gives way.

A plain number of places is closed by as many clients that begin to send and do not go on. Here a newcomer
takes the place of one that is slow; only who is quick, or was read to the end, keeps one that another wants.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from common import metrics
from common.sharing import NothingLeft, Share

#: Slower than this over a window gives way when there is no place; a phone with poor reception sends faster.
SLOW_BYTES_PER_SECOND = 16 * 1024
WINDOW_SECONDS = 1.5
_LOOK_AGAIN_SECONDS = 0.05
_MOST_TRIED = 64  # of those who wait, each time
_KNOWN_PART = 3  # who is known finds a third as much again, which nobody else can hold


@dataclass(frozen=True, slots=True)
class Account:
    """On whose account a place is held: each is bounded. An empty network is not counted."""

    municipality: str
    network: str = ""
    is_known: bool = False  # signed in, or with an API key


class GaveWay(NothingLeft):
    """This one was slow, and somebody else needed the place."""


class Room:
    """So many places (or bytes) for who is unknown, and a third as many again for who is known.

    Of each lane a municipality, and a network too, holds as much as it leaves free for the others (`Share`).
    Not for use by several threads.
    """

    def __init__(
        self,
        name: str,
        most: int,
        *,
        patience_seconds: float = 4.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is for the metrics; `patience_seconds`: how long `Stay.take` waits before it refuses."""
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._unknown, self._known = _Lane(name, most), _Lane(name, places_of_known(most))

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


class Rate:
    """How fast something comes while we wait for it; a moment of silence is not slow yet."""

    def __init__(self, now: float) -> None:
        self._since: float | None = now  # we wait
        self._seconds = 0.0  # of waiting, in the present window
        self._bytes = 0  # in it
        self._last: float | None = None  # the rate of the window before

    def waits(self, now: float) -> None:
        """From now on we wait for what comes."""
        self._since = now

    def pauses(self, now: float) -> None:
        """We do something else, and whoever sends waits for us."""
        if self._since is not None:
            self._seconds += now - self._since
            self._since = None

    def came(self, size_bytes: int, now: float) -> None:
        """So many bytes came; goes on waiting where it did."""
        self._bytes += size_bytes
        seconds = self._waited(now)
        if seconds >= WINDOW_SECONDS:
            self._last, self._seconds, self._bytes = self._bytes / seconds, 0.0, 0
            self._since = None if self._since is None else now

    def now(self, now: float) -> float | None:
        """Bytes per second; None when it began a moment ago."""
        seconds = self._waited(now)
        return self._last if seconds < WINDOW_SECONDS else self._bytes / seconds

    def so_far(self, now: float) -> float:
        """As `now`, and of one that began a moment ago what it looks like."""
        rate, seconds = self.now(now), self._waited(now)
        if rate is not None:
            return rate
        return self._bytes / seconds if seconds else 0.0

    def is_slow(self, now: float) -> bool:
        """Whether it comes slower than `SLOW_BYTES_PER_SECOND`."""
        rate = self.now(now)
        return rate is not None and rate < SLOW_BYTES_PER_SECOND

    def _waited(self, now: float) -> float:
        return self._seconds if self._since is None else self._seconds + now - self._since


class Stay:
    """What one request holds. Until `settle` it is being read, and gives way when it is slow."""

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
        self._of_municipality, self._of_network = Share(most), Share(most)
        self._looked_at = float("-inf")  # when last nobody was found to give way
        self.waiting: dict[Stay, _Waiting] = {}  # in the order in which they came
        self._next_look: asyncio.TimerHandle | None = None

    def held_by(self, municipality: str) -> int:
        return self._of_municipality.held_by(municipality)

    def take(self, stay: Stay, amount: int, now: float) -> bool:
        """Whether so many places are held more, for which others may have given way."""
        while not self._fits(stay.account, amount):
            slowest = self._slowest(stay, now)
            if slowest is None:
                return False
            slowest.give_way()
            metrics.GAVE_WAY.labels(self._name).inc()
        if not stay.amount:
            self.reading.add(stay)
        stay.amount += amount
        self._of_municipality.take(stay.account.municipality, amount)
        if stay.account.network:
            self._of_network.take(stay.account.network, amount)
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

    def give_back(self, stay: Stay) -> None:
        if stay.amount:
            self._of_municipality.give_back(stay.account.municipality, stay.amount)
            if stay.account.network:
                self._of_network.give_back(stay.account.network, stay.amount)
            stay.amount = 0

    def _look_soon(self, clock: Callable[[], float]) -> None:
        if self.waiting and self._next_look is None:
            loop = asyncio.get_running_loop()
            self._next_look = loop.call_later(_LOOK_AGAIN_SECONDS, self._look, clock)

    def _look(self, clock: Callable[[], float]) -> None:
        """Let in whose network holds and wants least, of those the newest: who holds on waited longest."""
        self._next_look = None
        wanted: Counter[str] = Counter()
        for stay, each in self.waiting.items():
            wanted[stay.account.network] += each.amount
        newest_first = reversed(list(self.waiting.items()))
        in_turn = sorted(
            newest_first,
            key=lambda pair: (
                wanted[pair[0].account.network] + self._of_network.held_by(pair[0].account.network)
            ),
        )
        now = clock()
        for stay, each in in_turn[:_MOST_TRIED]:
            if not each.granted.done() and stay in self.waiting and self.take(stay, each.amount, now):
                each.granted.set_result(None)
                self.waiting.pop(stay, None)
        self._look_soon(clock)

    def _fits(self, account: Account, amount: int) -> bool:
        if account.network and not self._of_network.has_room(account.network, amount):
            return False
        return self._of_municipality.has_room(account.municipality, amount)

    def _slowest(self, asking: Stay, now: float) -> Stay | None:
        """Of the municipality, and in it the network, that holds most: who comes slowest, if slow at all."""
        if now - self._looked_at < _LOOK_AGAIN_SECONDS / 2:
            return None
        slow = [
            each for each in self.reading if each is not asking and each.amount and each.rate.is_slow(now)
        ]
        slow = slow or self._who_want_more(asking)
        if not slow:
            self._looked_at = now
            return None
        return max(slow, key=lambda each: self._what_it_takes(each, now))

    def _who_want_more(self, asking: Stay) -> list[Stay]:
        """Who hold places while they wait for more, of networks that hold more than that of who asks.

        All of them together could hold everything, and none would go on.
        """
        own = self._of_network.held_by(asking.account.network)
        return [
            each
            for each in self.waiting
            if each is not asking and each.amount and self._of_network.held_by(each.account.network) > own
        ]

    def _what_it_takes(self, stay: Stay, now: float) -> tuple[int, int, float]:
        account = stay.account
        network = self._of_network.held_by(account.network)
        return self._of_municipality.held_by(account.municipality), network, -(stay.rate.now(now) or 0)


def places_of_known(most: int) -> int:
    """How many places there are for who is known, beside so many for everybody else."""
    return max(1, most // _KNOWN_PART)
