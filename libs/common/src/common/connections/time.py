"""Time as a client may be held to: it stands still while we do not get to look."""

from collections.abc import Callable

#: What one pause between two looks counts at most.
MOST_AT_ONCE_SECONDS = 0.2


class SeenTime:
    """Seconds, of which those in which this process did nothing do not count.

    Else a process that was kept from work would take everybody for idle whose bytes it has not read.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked_at = clock()
        self._seconds = 0.0

    def now(self) -> float:
        """So many seconds passed."""
        return self._seconds + min(self._clock() - self._looked_at, MOST_AT_ONCE_SECONDS)

    def look(self) -> None:
        """We are at work, and read what came."""
        self._seconds, self._looked_at = self.now(), self._clock()
