"""The processor as something shared: what each request costs the event loop, and how much a network may use.

A request costs 0.2 to 5 ms of the one loop that answers everybody, and what it will cost is known afterwards
only. So it pays the least that its kind costs when its turn comes, and for what it takes beyond that while it
runs: whoever used more than their part waits longer, or comes back later.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from common.errors import TooMuch
from common.sharing import widest, within_wider
from starlette.types import Message, Receive, Scope

from gateway.bodies import network_of
from gateway.domain.fading import SharedPace
from gateway.domain.pace import Pace, TooFast
from gateway.settings import GatewaySettings

STATIC_PREFIX = "/static/"
_MS = 1000  # all paces here are in milliseconds of the processor
#: What a request pays when it begins, however little it takes; about what the loop does around it.
_LEAST_MS, _LEAST_OF_STATIC_MS = 3.0, 0.5
_LEAST_OF_PIECE_MS = 0.5  # of a body, after its first
_LOOK_AGAIN_SECONDS = 1.0
_REFUSALS_BURST = 100
_LONGEST_HOLD_SECONDS = 15.0

Marking = Callable[[Scope], Awaitable[str]]


@dataclass
class Bill:
    """What one request used of the processor, of which it paid something in advance."""

    charge: Callable[[float], None]
    paid_ms: float
    used_ms: float = 0.0

    def add(self, seconds: float) -> None:
        """It used so much more."""
        self.used_ms += seconds * _MS
        if self.used_ms > self.paid_ms:
            self.charge(self.used_ms - self.paid_ms)
            self.paid_ms = self.used_ms


class Metered:
    """Awaits work, and tells after each of its steps how many seconds of the processor it took."""

    def __init__(
        self,
        work: Coroutine[Any, Any, None],
        tell: Callable[[float], None],
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._work, self._tell, self._clock = work, tell, clock

    def __await__(self) -> Generator[Any, Any, None]:
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            began = self._clock()
            try:
                waits_for = step()
            except StopIteration:
                return
            finally:
                self._tell(self._clock() - began)
            try:
                step = partial(self._work.send, (yield waits_for))
            except BaseException as error:  # noqa: BLE001 -- such as a cancellation: the work hears it
                step = partial(self._work.throw, error)


class SharedWork:
    """The pace of everybody's work: of one network in the whole installation, and of one municipality.

    Whoever is over it is slowed down, then refused; refusals wait as well, so that asking again at once gains
    nothing.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        mark_of: Marking,
        pause: Callable[[float], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mark_of, self._pause, self._clock = mark_of, pause, clock
        patience = settings.rate_patience_seconds
        self._of_block = Pace(
            settings.work_block_share * _MS, settings.work_block_burst_seconds * _MS, patience
        )
        share, burst = settings.work_municipality_share, settings.work_municipality_burst_seconds
        # Seen exactly: how busy the processor is shows in the time of every answer anyway.
        self._of_municipality = SharedPace(share * _MS, burst * _MS, patience, lot=None)
        self._of_known = SharedPace(share * _MS, burst * _MS, patience, lot=None)
        self._refusals = Pace(settings.refusals_per_second, _REFUSALS_BURST, _LONGEST_HOLD_SECONDS)

    async def turn(self, scope: Scope, municipality: str) -> Bill:
        """Wait for this request's turn; raises `TooMuch`, after a while, when that would take too long."""
        least = _LEAST_OF_STATIC_MS if scope["path"].startswith(STATIC_PREFIX) else _LEAST_MS
        block = widest(network_of(scope))
        now = self._clock()
        try:
            delay = self._of_block.delay_seconds(block, now, least)
            waits, charge = await self._turn_of_municipality(scope, municipality, least, now)
        except TooFast as error:
            await self._hold(block, now)
            raise TooMuch(
                "Too many requests at once; wait a moment.",
                headers={"Retry-After": str(int(error.retry_after_seconds) + 1)},
            ) from error
        if max(delay, waits) > 0:
            await self._pause(max(delay, waits))

        def charge_both(cost_ms: float) -> None:
            at = self._clock()
            self._of_block.count(block, at, cost_ms)
            charge(at, cost_ms)

        return Bill(charge_both, least)

    def in_turns(self, scope: Scope, receive: Receive) -> Receive:
        """Read a body so that each further piece waits for the turn of its network, as a request does."""
        block = widest(network_of(scope))
        is_first = True

        async def receive_in_turn() -> Message:
            nonlocal is_first
            if not is_first:
                await self._wait_for_piece(block)
            is_first = False
            return await receive()

        return receive_in_turn

    async def _wait_for_piece(self, block: str) -> None:
        while True:
            try:
                delay = self._of_block.delay_seconds(block, self._clock(), _LEAST_OF_PIECE_MS)
            except TooFast:
                await self._pause(_LOOK_AGAIN_SECONDS)
                continue
            if delay > 0:
                await self._pause(delay)
            return

    async def _turn_of_municipality(
        self, scope: Scope, municipality: str, least: float, now: float
    ) -> tuple[float, Callable[[float, float], None]]:
        """Who is known has a pace beside that of everybody; they are looked up only where that is used up."""
        path = (municipality, *within_wider(network_of(scope)))
        try:
            delay = self._of_municipality.delay_seconds(path, now, least)
        except TooFast:
            mark = await self._mark_of(scope)
            if not mark:
                raise
            path = (municipality, mark)
            delay = self._of_known.delay_seconds(path, now, least)
            return delay, partial(self._of_known.count, path)
        return delay, partial(self._of_municipality.count, path)

    async def _hold(self, block: str, now: float) -> None:
        """Let a refusal wait for its turn among those of its network, or as long as anybody waits for one."""
        try:
            delay = self._refusals.delay_seconds(block, now)
        except TooFast:
            delay = _LONGEST_HOLD_SECONDS
        if delay > 0:
            await self._pause(delay)
