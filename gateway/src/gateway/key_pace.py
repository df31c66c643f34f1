"""How often each API key may ask, at whichever address it is recognised."""

import asyncio
import time

from common.errors import TooMuch

from gateway.domain.pace import Pace, TooFast
from gateway.domain.people import ApiKey

_BURSTS_A_MINUTE = 10  # a key may spend so much of its minute at once


class KeyPace:
    """The pace of each API key: it slows down first, and is then told when to come back."""

    def __init__(self, per_minute: int, patience_seconds: float) -> None:
        self._per_minute = per_minute
        self._patience_seconds = patience_seconds
        self._paces: dict[int, Pace] = {}  # one for each number of requests a minute

    async def keep(self, key: ApiKey | None) -> None:
        """Wait as long as this key must; raises `TooMuch`."""
        if key is None:
            return
        per_minute = key.per_minute or self._per_minute
        pace = self._paces.get(per_minute)
        if pace is None:
            burst = max(per_minute // _BURSTS_A_MINUTE, 1)
            pace = self._paces[per_minute] = Pace(per_minute / 60, burst, self._patience_seconds)
        try:
            delay = pace.delay_seconds((key.municipality, key.name), time.monotonic())
        except TooFast as error:
            raise TooMuch(
                f"This key may ask {per_minute} times a minute.",
                headers={"Retry-After": str(int(error.retry_after_seconds) + 1)},
            ) from error
        if delay:
            await asyncio.sleep(delay)
