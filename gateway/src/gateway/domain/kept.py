"""How much of each network is kept for a while, so that one does not take every place there is."""

from collections import Counter, deque
from dataclasses import dataclass, field

from common.sharing import Path, levels

_EVERYWHERE_SECONDS = 600


@dataclass
class _Kept:
    """Of one municipality: when each thing came, in that order; and how many, of all that it counts for."""

    came_at: dict[Path, deque[float]] = field(default_factory=dict)
    count: Counter[Path] = field(default_factory=Counter)


_NOTHING = _Kept()


class Kept:
    """Counts in memory what is kept, such as files that wait for a report.

    A network may have as much kept as it leaves free for the others, and one within it of what that one can
    still have. Counted is what this process let in, until it is taken away, or for so many seconds; a network
    is known here no longer than that. (Dynamic thresholds, as `common.sharing`.)
    """

    def __init__(self, most: int, seconds: float) -> None:
        """`most`: of one municipality; what is older than `seconds` is kept nowhere else either."""
        self._most, self._seconds = most, seconds
        self._of_municipality: dict[str, _Kept] = {}
        self._faded_at = 0.0

    def has_room(self, path: Path, now: float) -> bool:
        """Whether one more may be kept on this account."""
        self._fade(path[0], now)
        kept = self._of_municipality.get(path[0], _NOTHING)
        return sum(kept.count[each] for each in levels(path)) + 1 <= self._most

    def add(self, path: Path, now: float) -> None:
        """One more is kept."""
        kept = self._of_municipality.setdefault(path[0], _Kept())
        kept.came_at.setdefault(path, deque()).append(now)
        kept.count.update(levels(path))

    def take(self, path: Path, count: int, now: float) -> None:
        """So many are taken away; those that this process did not see come do not count."""
        self._fade(path[0], now)
        if kept := self._of_municipality.get(path[0]):
            self._drop(path, min(count, len(kept.came_at.get(path, ()))))

    def __len__(self) -> int:
        """How many networks are known."""
        return sum(len(each.came_at) for each in self._of_municipality.values())

    def _fade(self, municipality: str, now: float) -> None:
        """Forget what came too long ago: here, and now and then everywhere."""
        towns = [municipality]
        if now - self._faded_at >= _EVERYWHERE_SECONDS:
            self._faded_at, towns = now, list(self._of_municipality)
        for town in towns:
            kept = self._of_municipality.get(town, _NOTHING)
            for path, own in list(kept.came_at.items()):
                self._drop(path, sum(now - each >= self._seconds for each in own))

    def _drop(self, path: Path, count: int) -> None:
        """So many of this account, the oldest, are kept no more; nobody is known who has none."""
        if not count:
            return
        kept = self._of_municipality[path[0]]
        own = kept.came_at[path]
        for _ in range(count):
            own.popleft()
        for each in levels(path):
            kept.count[each] -= count
            if not kept.count[each]:
                del kept.count[each]
        if not own:
            del kept.came_at[path]
        if not kept.came_at:
            del self._of_municipality[path[0]]
