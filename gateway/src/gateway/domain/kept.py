"""How much of each network is kept for a while, so that one does not take every place there is."""

from collections import Counter, deque
from dataclasses import dataclass, field

from common.sharing import Path, levels

from gateway.domain.glimpses import Lot, by_lot, is_seen_anew, roughly

_EVERYWHERE_SECONDS = 600


@dataclass
class _Kept:
    """Of one municipality: when each thing came, in that order; and how many, of all that it counts for."""

    came_at: dict[Path, deque[float]] = field(default_factory=dict)
    count: Counter[Path] = field(default_factory=Counter)
    #: The count, when it was last seen by who has something.
    seen: Counter[Path] = field(default_factory=Counter)
    blur: float = 1.0  # so many times as much was shown of what others had


_NOTHING = _Kept()


class Kept:
    """Counts in memory what is kept, such as files that wait for a report.

    A network may have as much kept as it leaves free for the others, and one within it of what that one can
    still have. Counted is what this process let in, until it is taken away, or for so many seconds; a network
    is known here no longer than that. (Dynamic thresholds, as `common.sharing`.) Who has
    something sees what others have roughly (`domain.glimpses`), and not one of theirs come or go.
    """

    def __init__(self, most: int, seconds: float, *, lot: Lot = by_lot) -> None:
        """`most`: of one municipality; what is older than `seconds` is kept nowhere else either."""
        self._most, self._seconds, self._lot = most, seconds, lot
        self._of_municipality: dict[str, _Kept] = {}
        self._faded_at = 0.0

    def has_room(self, path: Path, now: float) -> bool:
        """Whether one more may be kept on this account."""
        self._fade(path[0], now)
        kept = self._of_municipality.get(path[0], _NOTHING)
        within = levels(path)[1:]
        own = [kept.count[each] for each in within]
        if not any(own):
            return kept.count[path[:1]] < self._most
        others = kept.blur * (kept.seen[path[:1]] - kept.seen[within[0]])
        return sum(own, own[0] + others) + 1 <= self._most

    def add(self, path: Path, now: float) -> None:
        """One more is kept."""
        kept = self._of_municipality.setdefault(path[0], _Kept())
        kept.came_at.setdefault(path, deque()).append(now)
        kept.count.update(levels(path))
        self._look(kept, 1)

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
        self._look(kept, count)
        if not own:
            del kept.came_at[path]
        if not kept.came_at:
            del self._of_municipality[path[0]]

    def _look(self, kept: _Kept, count: int) -> None:
        """After so many came or went, perhaps see anew how many there are."""
        if is_seen_anew(count, self._most, self._lot):
            kept.seen, kept.blur = kept.count.copy(), roughly(1.0, self._lot)
