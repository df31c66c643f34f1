"""The code by which somebody was invited to report: slow for who guesses, free for who has one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common.errors import NotAllowed, TooMuch
from common.sharing import widest

from gateway.domain.pace import Pace, TooFast, address_block

HEADER = "Invitation-Code"
#: From one network: a class with a right code is not slowed, who guesses is.
_PER_SECOND, _BURST, _PATIENCE_SECONDS = 0.5, 60, 4.0


@dataclass
class Attempt:
    """One use of a code; whoever sees the answer says how it ended."""

    is_refused: bool = False

    def ends(self, status: int) -> None:
        """The service answered with this status: 403 to who is anonymous says that the code was wrong."""
        self.is_refused = status == NotAllowed.status


class Invitations:
    """Slows down who guesses codes; one for each process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pace = Pace(_PER_SECOND, _BURST, _PATIENCE_SECONDS)

    @asynccontextmanager
    async def trying(self, address: str, code: str) -> AsyncIterator[Attempt]:
        """Slow down who tried many wrong codes from this network; a right one, or none, costs nothing.

        Nothing but a count of the network is kept, in memory. Raises `TooMuch`.
        """
        attempt = Attempt()
        if not code:
            yield attempt
            return
        block = widest(address_block(address))
        try:
            delay = self._pace.delay_seconds(block, self._clock())
        except TooFast as error:
            raise TooMuch(
                "Too many wrong codes; wait a moment.",
                headers={"Retry-After": str(int(error.retry_after_seconds) + 1)},
            ) from error
        if delay:
            await asyncio.sleep(delay)
        try:
            yield attempt
        finally:
            if not attempt.is_refused:
                self._pace.give_back(block)
