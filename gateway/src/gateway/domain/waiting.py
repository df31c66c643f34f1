"""How many files of each network wait for a report, so that one does not take every place there is."""

from collections import deque
from dataclasses import dataclass, field

_EVERYWHERE_SECONDS = 600


@dataclass
class _Waiting:
    """Of one municipality: when each file came, in that order."""

    of_network: dict[str, deque[float]] = field(default_factory=dict)
    count: int = 0


_NOBODY = _Waiting()


class WaitingFiles:
    """Counts in memory. A network may have as many files waiting as it leaves free for the others.

    Counted is what this process let in: a file leaves when a report takes it along, and after `seconds`.
    A network is known here no longer than that. (Dynamic thresholds, as `common.sharing`.)
    """

    def __init__(self, most: int, seconds: float) -> None:
        """`most`: of one municipality; who waits longer than `seconds` is not kept by intake either."""
        self._most, self._seconds = most, seconds
        self._of_municipality: dict[str, _Waiting] = {}
        self._faded_at = 0.0

    def has_room(self, municipality: str, network: str, now: float) -> bool:
        """Whether one more of this network may wait."""
        self._fade(municipality, now)
        waiting = self._of_municipality.get(municipality, _NOBODY)
        return len(waiting.of_network.get(network, ())) + 1 <= self._most - waiting.count

    def add(self, municipality: str, network: str, now: float) -> None:
        """One more waits."""
        waiting = self._of_municipality.setdefault(municipality, _Waiting())
        waiting.of_network.setdefault(network, deque()).append(now)
        waiting.count += 1

    def take(self, municipality: str, network: str, count: int, now: float) -> None:
        """So many go with a report; those that this process did not see come do not count."""
        self._fade(municipality, now)
        if waiting := self._of_municipality.get(municipality):
            own = waiting.of_network.get(network, deque())
            self._drop(municipality, network, min(count, len(own)))

    def __len__(self) -> int:
        """How many networks are known."""
        return sum(len(each.of_network) for each in self._of_municipality.values())

    def _fade(self, municipality: str, now: float) -> None:
        """Forget what came too long ago: here, and now and then everywhere."""
        towns = [municipality]
        if now - self._faded_at >= _EVERYWHERE_SECONDS:
            self._faded_at, towns = now, list(self._of_municipality)
        for town in towns:
            waiting = self._of_municipality.get(town, _NOBODY)
            for network, own in list(waiting.of_network.items()):
                self._drop(town, network, sum(now - each >= self._seconds for each in own))

    def _drop(self, municipality: str, network: str, count: int) -> None:
        """So many of this network, the oldest, wait no more; nobody is known who has none."""
        if not count:
            return
        waiting = self._of_municipality[municipality]
        own = waiting.of_network[network]
        for _ in range(count):
            own.popleft()
        waiting.count -= count
        if not own:
            del waiting.of_network[network]
        if not waiting.of_network:
            del self._of_municipality[municipality]
