"""What was used lately and by whom, so that enough is left for all: counts that fade, and a shared pace."""

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from common.sharing import Path, levels

from gateway.domain.glimpses import Lot, by_lot, is_seen_anew, roughly
from gateway.domain.pace import TooFast

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_HARDLY_ANYTHING = 0.05


@dataclass
class Fading(Generic[K]):
    """Counts per key that fade: what was counted `seconds` ago weighs 1/e of what is counted now.

    Bounded: a key is forgotten when hardly anything of it is left, and when there are too many the one that
    was touched longest ago, which lets in more than it should and never less. A clock that steps back fades
    nothing.
    """

    seconds: float
    max_keys: int = 10_000
    _levels: OrderedDict[K, tuple[float, float]] = field(default_factory=OrderedDict)

    def level(self, key: K, now: float) -> float:
        """How much is left of this key."""
        level, at = self._levels.get(key, (0.0, now))
        return level * math.exp(min(at - now, 0.0) / self.seconds)

    def add(self, key: K, now: float, amount: float = 1.0) -> None:
        """Count so much more, or less when it is negative; never below nothing."""
        self._levels[key] = (max(self.level(key, now) + amount, 0.0), now)
        self._levels.move_to_end(key)
        while self._levels:
            oldest = next(iter(self._levels))
            if len(self._levels) <= self.max_keys and self.level(oldest, now) > _HARDLY_ANYTHING:
                return
            del self._levels[oldest]

    def levels(self, now: float) -> dict[K, float]:
        """How much is left of each key."""
        return {key: self.level(key, now) for key in self._levels}

    def __len__(self) -> int:
        return len(self._levels)


class Seen(Generic[K, V]):
    """What was said first of a key; bounded: too many push out the one of which nothing was heard longest."""

    def __init__(self, max_keys: int = 50_000) -> None:
        self._max_keys = max_keys
        self._first: OrderedDict[K, V] = OrderedDict()

    def first(self, key: K, value: V) -> V:
        """The value that this key came with first; this one when it is new."""
        found = self._first.setdefault(key, value)
        self._first.move_to_end(key)
        if len(self._first) > self._max_keys:
            self._first.popitem(last=False)
        return found

    def add(self, key: K, value: V) -> bool:
        """Remember this key; whether it is new."""
        is_new = key not in self._first
        self.first(key, value)
        return is_new

    def __len__(self) -> int:
        return len(self._first)


class SharedPace:
    """A pace of a municipality in which each network may use as much as it leaves free for the others.

    One network alone gets half of the burst at once and half of the pace, `k` greedy ones `k / (k + 1)` of
    it together, and a newcomer is served at once as long as fewer than `burst` others are greedy (dynamic
    thresholds, Choudhury and Hahne, 1998, as `common.sharing`, over what was used lately instead of held).
    Nested likewise: a network within a wider one gets what it leaves free of what that one can still use.
    Who used something lately sees what others did roughly (`domain.glimpses`), and no single one of theirs;
    who used nothing waits for no more than was used.
    """

    def __init__(
        self,
        per_second: float,
        burst: float,
        patience_seconds: float,
        *,
        max_networks: int = 20_000,
        lot: Lot = by_lot,
    ) -> None:
        self._burst = burst
        self._seconds = burst / per_second
        self._patience_seconds = patience_seconds
        self._of_network: Fading[Path] = Fading(self._seconds, max_networks)
        self._of_municipality: Fading[Path] = Fading(self._seconds)
        self._seen: Fading[Path] = Fading(self._seconds)  # of a municipality, by who shares it
        self._lot = lot

    def delay_seconds(self, path: Path, now: float, amount: float = 1.0) -> float:
        """How long this must wait; raises `TooFast` when that is over the patience, and then counts nothing.

        `path` is a municipality, and networks from wide to narrow. More than half of the burst at once waits
        as half of it does, and counts whole.
        """
        municipality, *within = levels(path)
        own = [self._of_network.level(each, now) for each in within]
        is_newcomer = sum(own) < _HARDLY_ANYTHING
        others = (self._of_municipality if is_newcomer else self._seen).level(municipality, now)
        used = sum(own, max([others, *own]))
        room = self._burst - min(amount, self._burst / 2)
        wait = self._seconds * math.log(used / room) if used > room else 0.0
        if wait > self._patience_seconds:
            raise TooFast(wait)
        weight = amount * math.exp(wait / self._seconds)  # it begins to fade when its turn has come
        self.count(path, now, weight)
        return wait

    def count(self, path: Path, now: float, amount: float) -> None:
        """So much more was used than `delay_seconds` counted."""
        for count, key in self._counts(path):
            count.add(key, now, amount)
        self._look(path[:1], now, amount)

    def give_back(self, path: Path, now: float, amount: float = 1.0) -> None:
        """What was counted was not used; what faded meanwhile is not given back."""
        counts = self._counts(path)
        left = min([amount, *(count.level(key, now) for count, key in counts)])
        for count, key in counts:
            count.add(key, now, -left)
        self._look(path[:1], now, left)

    def __len__(self) -> int:
        return len(self._of_network)

    def _counts(self, path: Path) -> list[tuple[Fading[Path], Path]]:
        municipality, *within = levels(path)
        return [(self._of_municipality, municipality), *((self._of_network, each) for each in within)]

    def _look(self, municipality: Path, now: float, amount: float) -> None:
        """After a change of so much, perhaps see anew how much is used; whoever asks next is shown it."""
        if is_seen_anew(amount, self._burst, self._lot):
            shown = roughly(self._of_municipality.level(municipality, now), self._lot)
            self._seen.add(municipality, now, shown - self._seen.level(municipality, now))
