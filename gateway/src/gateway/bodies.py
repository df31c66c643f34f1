"""Request bodies on their way in: each within a time of its own, all together within a number of bytes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.errors import AppError, Malformed, TooMuch, Unavailable
from common.sharing import NothingLeft, Share
from common.web import TooLargeBody
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.domain.pace import Pace, TooFast, address_block

#: Where the door leaves in a scope which municipality a request is for.
MUNICIPALITY = "municipality"
# After a refusal the rest of the body may still come: the connection is of no more use.
_HANG_UP = {"Connection": "close"}
_LONGEST_NUMBER = 18


class TooSlowBody(AppError):
    """The body did not come in time; nothing was done with it."""

    status = 408
    code = "body-too-slow"
    title = "The request did not come in time"
    fix = (
        "Het verzoek kwam niet op tijd binnen. Stuur het opnieuw, zonder pauze.",
        "The request did not come in time. Send it again without a pause.",
    )


class Bodies:
    """Takes in bodies and knows how many bytes of them are in hand; one for each process."""

    def __init__(self, *, read_seconds: float, most_bytes: int) -> None:
        self._read_seconds = read_seconds
        self._in_hand = Share(most_bytes)

    def held_by(self, municipality: str) -> int:
        """How many bytes of a municipality are in hand."""
        return self._in_hand.held_by(municipality)

    @asynccontextmanager
    async def whole(self, scope: Scope, receive: Receive, max_bytes: int) -> AsyncIterator[bytes]:
        """The whole body, which counts as in hand until the block ends.

        Only what has come counts, so that who announces much and sends nothing takes nothing from others.
        Raises `TooLargeBody`, `TooSlowBody`, `Malformed` when it ends too early, `Unavailable` when the
        process holds as much as it may, of this municipality or of all.
        """
        municipality = str(scope.get(MUNICIPALITY, ""))
        declared_bytes(scope, max_bytes)
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self._read_seconds):
                    async for piece in pieces(receive, max_bytes):
                        self._hold(municipality, len(piece))
                        body += piece
            except TimeoutError as error:
                raise TooSlowBody("Send the whole body without a pause.", headers=_HANG_UP) from error
            yield bytes(body)
        finally:
            self._in_hand.give_back(municipality, len(body))

    def _hold(self, municipality: str, size_bytes: int) -> None:
        try:
            self._in_hand.take(municipality, size_bytes)
        except NothingLeft as error:
            busy = Unavailable("Too much comes in at once; try again.")
            busy.headers |= _HANG_UP
            raise busy from error


class Uploads:
    """Lets files in: of each municipality a few at once, and of who is anonymous so many a minute.

    A file is costlier than a report: it holds a connection, is cleaned, and waits on a disk for its report.
    """

    def __init__(self, at_once: int, of_block: Pace, of_municipality: Pace) -> None:
        self._places = Share(at_once)
        self._of_block, self._of_municipality = of_block, of_municipality

    @asynccontextmanager
    async def place(self, scope: Scope, municipality: str, *, is_anonymous: bool) -> AsyncIterator[None]:
        """A place for one file, as long as the block lasts; slows down before it refuses.

        Raises `TooMuch` or `Unavailable`, each with a time to come back.
        """
        if is_anonymous:
            await asyncio.sleep(self._delay_seconds(scope, municipality))
        try:
            with self._places.held(municipality):
                yield
        except NothingLeft as error:
            raise Unavailable("Too many uploads at once; try again.") from error

    def _delay_seconds(self, scope: Scope, municipality: str) -> float:
        client, now = scope.get("client"), time.monotonic()
        block = (municipality, address_block(client[0] if client else ""))
        try:
            self._of_municipality.wait_seconds(municipality, now)
            delay = self._of_block.delay_seconds(block, now)
            return max(delay, self._of_municipality.delay_seconds(municipality, now))
        except TooFast as error:
            after = str(int(error.retry_after_seconds) + 1)
            raise TooMuch(
                "Many files come in at once; wait a moment, or report without a file.",
                headers={"Retry-After": after},
            ) from error


class WithWholeBody:
    """An ASGI application before which every body is taken in, up to a number of bytes."""

    def __init__(self, app: ASGIApp, bodies: Bodies, max_bytes: int) -> None:
        self._app, self._bodies, self._max_bytes = app, bodies, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what `Bodies.whole` refuses is raised."""
        async with self._bodies.whole(scope, receive, self._max_bytes) as body:
            is_given = False

            async def again() -> Message:
                nonlocal is_given
                if is_given:
                    return await receive()
                is_given = True
                return {"type": "http.request", "body": body, "more_body": False}

            await self._app(scope, again, send)


def declared_bytes(scope: Scope, max_bytes: int) -> int | None:
    """The length that the head of a request tells, or None; `TooLargeBody` when it is over the limit."""
    length = None
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit():
                raise Malformed("Content-Length is not a number.")
            if len(value) > _LONGEST_NUMBER or int(value) > max_bytes:
                raise too_large(max_bytes)
            length = int(value)
    return length


async def pieces(receive: Receive, max_bytes: int) -> AsyncIterator[bytes]:
    """A body as it comes. Raises `TooLargeBody`, or `Malformed` when it ends too early."""
    taken = 0
    is_more = True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("The body ended too early.")
        piece = message.get("body", b"")
        taken += len(piece)
        if taken > max_bytes:
            raise too_large(max_bytes)
        if piece:
            yield piece
        is_more = message.get("more_body", False)


def too_large(max_bytes: int) -> TooLargeBody:
    """The refusal of a body over the limit; the connection goes with it."""
    return TooLargeBody(f"This takes at most {max_bytes} bytes.", headers=_HANG_UP)
