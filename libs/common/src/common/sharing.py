"""Sharing something scarce, such as connections or memory, so that one municipality cannot starve another."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NothingLeft(Exception):
    """Whoever asks holds as much as is left for all the others."""


class Share:
    """A number of places of which each may hold as many as it leaves free for the others, and no more.

    One alone gets half; a newcomer finds a place, however many another asks for (dynamic thresholds,
    Choudhury and Hahne, 1998). Not for use by several threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = most
        self._held: Counter[str] = Counter()

    @property
    def is_full(self) -> bool:
        """Whether nobody finds a place."""
        return self._free <= 0

    def held_by(self, who: str) -> int:
        """How many places this one holds."""
        return self._held[who]

    def has_room(self, who: str, amount: int = 1) -> bool:
        """Whether `take` would find so many places more."""
        return self._held[who] + amount <= self._free

    def take(self, who: str, amount: int = 1) -> None:
        """Hold so many places more; raises `NothingLeft`, and then holds nothing more.

        The last places go to who holds none: a single one, of 1, is found by whoever comes first.
        """
        if not self.has_room(who, amount):
            raise NothingLeft
        self._held[who] += amount
        self._free -= amount

    def give_back(self, who: str, amount: int = 1) -> None:
        """So many places are free again."""
        self._held[who] -= amount
        self._free += amount
        if not self._held[who]:
            del self._held[who]

    @contextmanager
    def held(self, who: str) -> Iterator[None]:
        """One place for as long as the block lasts; raises `NothingLeft`."""
        self.take(who)
        try:
            yield
        finally:
            self.give_back(who)
