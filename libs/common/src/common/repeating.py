"""Things that a process does every so often, as a part of it."""

import asyncio
from collections.abc import Awaitable, Callable

from common.db import is_away
from common.pauses import pause

_AGAIN_SECONDS = 2.0


class Repeating:
    """A part that does one thing every so often, and soon again while the database is away.

    That it is away is told as trouble; any other error ends the part.
    """

    def __init__(
        self,
        name: str,
        action: Callable[[], Awaitable[object]],
        seconds: float,
        *,
        again_seconds: float = _AGAIN_SECONDS,
    ) -> None:
        self.name = name
        self.trouble: str | None = None
        self._action, self._seconds, self._again_seconds = action, seconds, again_seconds

    async def run(self, stopping: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stopping.is_set():
            await self._once()
            await pause(stopping, self._again_seconds if self.trouble else self._seconds)

    async def _once(self) -> None:
        try:
            await self._action()
        except Exception as error:
            if not is_away(error):
                raise
            self.trouble = "the database is away"
        else:
            self.trouble = None
