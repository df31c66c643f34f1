"""How long one report may take, beside how long it may be."""

import time
from collections.abc import Callable


class OutOfTime(Exception):
    """The report took more processor time than one report may."""


class Patience:
    """Processor seconds for one report, asked for between steps.

    Each step is linear and looks at 40,000 characters at most, so that it ends soon by itself. `clock` gives
    seconds of this thread's own work: a busy machine makes no report doubtful.
    """

    def __init__(self, seconds: float = 1.0, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def check(self) -> None:
        """Raises OutOfTime when the seconds are spent."""
        if self._clock() > self._end:
            raise OutOfTime
