"""Sharing something scarce, such as connections or memory, so that nobody can starve another.

Shares are nested: a municipality leaves room for the others, a network in it for the others there.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import AF_INET6, inet_ntop, inet_pton

#: On whose account something is held, from wide to narrow: a municipality, a network, and one within it.
Path = tuple[str, ...]

#: Texts of no more are read at once, without anybody being told from which network they come; longer ones
#: take turns by network. The gateway counts by it what it sends along, and intake what it reads.
SHORT_CHARACTERS = 1_500

_NARROW, _WIDE_BYTES = "/56", 6


class NothingLeft(Exception):
    """Whoever asks holds as much as is left for all the others."""


class Share:
    """A number of places of which each may hold as many as it leaves free for the others, and no more.

    One alone gets half; a newcomer finds a place, however many another asks for (dynamic thresholds,
    Choudhury and Hahne, 1998). Nested: of what somebody can still have, each within them may hold what it
    leaves free for the others there, so that one network in one municipality gets a third, and leaves that
    municipality as much again. Not for use by several threads.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._held: Counter[Path] = Counter()

    @property
    def is_full(self) -> bool:
        """Whether nobody finds a place."""
        return self._free <= 0

    def held_by(self, path: Path) -> int:
        """How many places this one holds, with all within it."""
        return self._held[path]

    def has_room(self, path: Path, amount: int = 1) -> bool:
        """Whether `take` would find so many places more."""
        return amount <= self._free - sum(self._held[each] for each in levels(path))

    def take(self, path: Path, amount: int = 1) -> None:
        """Hold so many places more; raises `NothingLeft`, and then holds nothing more.

        The last places go to who holds none: a single one, of 1, is found by whoever comes first.
        """
        if not self.has_room(path, amount):
            raise NothingLeft
        self._free -= amount
        for each in levels(path):
            self._held[each] += amount

    def give_back(self, path: Path, amount: int = 1) -> None:
        """So many places are free again."""
        self._free += amount
        for each in levels(path):
            self._held[each] -= amount
            if not self._held[each]:
                del self._held[each]

    @contextmanager
    def held(self, path: Path) -> Iterator[None]:
        """One place for as long as the block lasts; raises `NothingLeft`."""
        self.take(path)
        try:
            yield
        finally:
            self.give_back(path)


def levels(path: Path) -> tuple[Path, ...]:
    """Everybody on whose account this counts: a path, and all that it lies in, the widest first."""
    if len(path) == 2:  # as nearly all, in a quarter of the time
        return path[:1], path
    return tuple(path[:length] for length in range(1, len(path) + 1))


def within_wider(network: str) -> Path:
    """A network within the wider one that is shared first; empty where none is known.

    Who subscribes to a /48 of IPv6 has 256 of the /56 by which networks are told apart.
    """
    if network.endswith(_NARROW):
        with suppress(OSError, ValueError):
            packed = inet_pton(AF_INET6, network.removesuffix(_NARROW))
            return f"{inet_ntop(AF_INET6, packed[:_WIDE_BYTES].ljust(16, bytes(1)))}/48", network
    return (network,) if network else ()


def widest(network: str) -> str:
    """The network that is shared first; empty where none is known."""
    return within_wider(network)[0] if network else ""
