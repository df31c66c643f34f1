"""Slowing down before refusing: request rates, and attempts at a password."""

import ipaddress
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from socket import AF_INET, inet_pton
from typing import TypeVar

K = TypeVar("K")
_SWEEP_EVERY = 4096
_SWEEP_SECONDS = 10


class TooFast(Exception):
    """Waiting would take longer than the patience; `retry_after_seconds` says when to come back."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too fast")
        self.retry_after_seconds = retry_after_seconds


@dataclass
class Pace:
    """A token bucket per key (generic cell rate algorithm): one number each, gone when it is full again."""

    per_second: float
    burst: float
    patience_seconds: float
    max_keys: int = 50_000
    _due: dict[object, float] = field(default_factory=dict)
    _calls: int = 0
    _swept_at: float = 0.0

    def delay_seconds(self, key: object, now: float, cost: float = 1.0) -> float:
        """How long this request must wait; raises `TooFast`, and then counts nothing.

        One that costs more than others is let in as they are, and those after it wait for all of it.
        """
        wait = self.wait_seconds(key, now)
        self._calls += 1
        if self._calls >= _SWEEP_EVERY or now - self._swept_at >= _SWEEP_SECONDS:
            self.sweep(now)
        due = max(self._due.get(key, now), now)
        if key not in self._due and len(self._due) >= self.max_keys:
            self._due.pop(next(iter(self._due)))
        self._due[key] = due + cost / self.per_second
        return wait

    def wait_seconds(self, key: object, now: float) -> float:
        """As `delay_seconds`, but counts nothing at all."""
        wait = max(self._due.get(key, now), now) - now - self.burst / self.per_second
        if wait > self.patience_seconds:
            raise TooFast(wait)
        return max(wait, 0.0)

    def counted(self, key: object, now: float) -> float:
        """How many requests of this key count at this moment."""
        return max(self._due.get(key, now) - now, 0.0) * self.per_second

    def give_back(self, key: object) -> None:
        """One request of this key no longer counts."""
        if key in self._due:
            self._due[key] -= 1 / self.per_second

    def count(self, key: object, now: float, cost: float) -> None:
        """So much more was used than `delay_seconds` counted; less, when it is negative."""
        self._due[key] = max(self._due.get(key, now), now) + cost / self.per_second

    def sweep(self, now: float) -> None:
        """Forget every key whose bucket is full again."""
        self._calls, self._swept_at = 0, now
        self._due = {key: due for key, due in self._due.items() if due > now}

    def __len__(self) -> int:
        return len(self._due)


@dataclass
class Attempts:
    """How often a password was tried lately; memory is bounded, nothing is stored.

    Counted are tries for one login from one network, all tries for a login, all from a network, and all.
    The first is strict. The second and third are so loose that guesses from some networks do not keep a
    person out, nor one person their whole office. Some hundreds of guesses within minutes do, out of browsers
    not known; two dozen networks are enough for that.
    A browser in which this person signed in before has a lane: only its own tries count there, as strictly.
    An attempt counts when it begins, so that many at once are not all the first; a right password clears it.
    """

    free: int = 3
    longest_seconds: float = 15
    patience_seconds: float = 4
    forget_seconds: float = 900
    free_overall: int = 60
    max_logins: int = 20_000
    of_login: Pace = field(default_factory=lambda: Pace(per_second=0.5, burst=200, patience_seconds=4))
    of_block: Pace = field(default_factory=lambda: Pace(per_second=0.5, burst=60, patience_seconds=4))
    _by_login: OrderedDict[tuple[bytes, bytes], tuple[int, float]] = field(default_factory=OrderedDict)
    _by_lane: OrderedDict[bytes, tuple[int, float]] = field(default_factory=OrderedDict)
    _overall: tuple[float, float] = (0.0, 0.0)

    def begin(self, login: bytes, block: bytes, now: float) -> float:
        """How long this attempt must wait; raises `TooFast`, and then the attempt does not count."""
        key = (login, block)
        wait = self._strict_wait(self._by_login.get(key), now)
        self.of_block.wait_seconds(block, now)
        wait = max(wait, self.of_login.delay_seconds(login, now))
        wait = max(wait, self.of_block.delay_seconds(block, now))
        _keep(self._by_login, key, self._after_one_more(self._by_login.get(key), now), self.max_logins)
        return wait + self._overall_delay(now)

    def begin_in_lane(self, lane: bytes, now: float) -> float:
        """As `begin`, in the lane of a known browser; nobody else's attempts count in it."""
        wait = self._strict_wait(self._by_lane.get(lane), now)
        _keep(self._by_lane, lane, self._after_one_more(self._by_lane.get(lane), now), self.max_logins)
        return wait

    def succeed_in_lane(self, lane: bytes) -> None:
        """A right password: this lane starts anew."""
        self._by_lane.pop(lane, None)

    def succeed(self, login: bytes, block: bytes) -> None:
        """A right password: this login starts anew in this network."""
        self._by_login.pop((login, block), None)
        self.of_login.give_back(login)
        self.of_block.give_back(block)
        self._overall = (max(self._overall[0] - 1, 0.0), self._overall[1])

    def _strict_wait(self, counted: tuple[int, float] | None, now: float) -> float:
        wait = max(counted[1] - now, 0.0) if counted else 0.0
        if wait > self.patience_seconds:
            raise TooFast(wait)
        return wait

    def _after_one_more(self, counted: tuple[int, float] | None, now: float) -> tuple[int, float]:
        """How many were tried with this one, and from when another is free to begin."""
        count, free_at = counted or (0, now)
        if now - free_at > self.forget_seconds:
            count, free_at = 0, now
        count += 1
        pause = 0.0 if count < self.free else min(2.0 ** (count - self.free), self.longest_seconds)
        return count, max(free_at, now) + pause

    def _overall_delay(self, now: float) -> float:
        level, at = self._overall
        level = max(level - (now - at) * self.free_overall / 60, 0.0) + 1
        self._overall = (level, now)
        return min(max(level - self.free_overall, 0.0) / self.free_overall, 1.0) * 2


def _keep(counts: OrderedDict[K, tuple[int, float]], key: K, counted: tuple[int, float], most: int) -> None:
    counts[key] = counted
    counts.move_to_end(key)
    if len(counts) > most:
        counts.popitem(last=False)


def address_block(address: str) -> str:
    """The network that an address stands in: /24 of IPv4, /56 of IPv6; never the address itself.

    What is such a network already stays it.
    """
    if "/" in address:
        return address if address == address_block(address.partition("/")[0]) else "unknown"
    with suppress(OSError, ValueError):  # plain IPv4, as nearly all, in a tenth of the time
        first, second, third, _ = inet_pton(AF_INET, address)
        return f"{first}.{second}.{third}.0/24"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    prefix = 24 if parsed.version == 4 else 56
    return str(ipaddress.ip_network((parsed, prefix), strict=False))
