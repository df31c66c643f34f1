"""What was looked up a moment ago."""

from datetime import datetime, timedelta
from typing import Generic, TypeVar

V = TypeVar("V")

_FRESH = timedelta(seconds=5)  # what another replica ended is known within this time


class Recent(Generic[V]):
    """Keeps what was found for a few seconds, at most so many; what ended meanwhile is not put back."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._kept: dict[bytes, tuple[datetime, tuple[V | None] | None]] = {}

    def get(self, key: bytes, now: datetime) -> tuple[V | None] | None:
        """The value in a tuple, or None when it must be looked up."""
        kept = self._kept.get(key)
        return kept[1] if kept and now - kept[0] < _FRESH else None

    def put(self, key: bytes, value: V | None, asked_at: datetime) -> None:
        """Keep what was found by who asked then; not when that is older than what is known."""
        kept = self._kept.get(key)
        if kept is None or kept[0] < asked_at:
            self._keep(key, asked_at, (value,))

    def drop(self, key: bytes, now: datetime) -> None:
        """Forget a value at once, and what is being looked up now too."""
        self._keep(key, now, None)

    def _keep(self, key: bytes, at: datetime, found: tuple[V | None] | None) -> None:
        if len(self._kept) >= self._size:
            self._kept.clear()
        self._kept[key] = (at, found)
