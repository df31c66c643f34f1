"""How fast something comes, as long as we wait for it."""

#: Slower than this over a window gives way when there is no place; a phone with poor reception sends faster.
SLOW_BYTES_PER_SECOND = 16 * 1024
WINDOW_SECONDS = 1.5
_EXCUSED_SECONDS = 5.0  # of one body; so long whoever sends may have to wait for us


class Rate:
    """How fast something comes while we wait for it; a moment of silence is not slow yet.

    Whoever sends and has to wait for us is excused for a while: for long, they hold what others need.
    """

    def __init__(self, now: float) -> None:
        self._is_pausing = False  # else we wait
        self._since = now  # it is as it is
        self._excused = _EXCUSED_SECONDS  # of pauses, from now on
        self._seconds = 0.0  # that count, in the present window
        self._bytes = 0  # in it
        self._last: float | None = None  # the rate of the window before

    def waits(self, now: float) -> None:
        """From now on we wait for what comes."""
        self._turn(now, is_pausing=False)

    def pauses(self, now: float) -> None:
        """We do something else, and whoever sends waits for us."""
        self._turn(now, is_pausing=True)

    def came(self, size_bytes: int, now: float) -> None:
        """So many bytes came; goes on waiting where it did."""
        self._bytes += size_bytes
        seconds = self._waited(now)
        if seconds >= WINDOW_SECONDS:
            self._turn(now, is_pausing=self._is_pausing)
            self._last, self._seconds, self._bytes = self._bytes / seconds, 0.0, 0

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
        passed = now - self._since
        return self._seconds + (max(passed - self._excused, 0.0) if self._is_pausing else passed)

    def _turn(self, now: float, *, is_pausing: bool) -> None:
        self._seconds = self._waited(now)
        if self._is_pausing:
            self._excused = max(self._excused - (now - self._since), 0.0)
        self._since, self._is_pausing = now, is_pausing
