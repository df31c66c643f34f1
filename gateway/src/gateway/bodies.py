"""Request bodies on their way in: each at its least tempo, all within places that the slow give up."""

import asyncio
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import blake2s

from common.auth import Identity
from common.errors import AppError, Malformed, TooMuch, Unavailable
from common.rooms import Account, GaveWay, Room, Stay, places_of_known
from common.sharing import SHORT_CHARACTERS, NothingLeft, widest, within_wider
from common.web import TooLargeBody
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.domain.fading import SharedPace
from gateway.domain.kept import Kept
from gateway.domain.pace import Pace, TooFast, address_block

#: Where the door leaves in a scope which municipality a request is for.
MUNICIPALITY = "municipality"
#: Where the network of a request is left once it is known.
_NETWORK = "network"
#: Where the mark is left of who signed in, or sent an API key that opens something; empty for others.
MARK = "mark"
# After a refusal the rest of the body may still come: the connection is of no more use.
_HANG_UP = {"Connection": "close"}
_LONGEST_NUMBER = 18
_WAITING_SECONDS = 24 * 60 * 60  # then intake keeps a file no longer
_WAITING_AGAIN_SECONDS = "600"
_SECONDS_OF_A_FILE = 5.0  # an upload that never came whole counts as a file for so long that it had its place
#: By this header intake tells networks apart. Nothing that a client sends under this name is passed on.
NETWORK_MARK = "Network-Mark"
_MARK_BYTES = 9


class TooSlowBody(AppError):
    """The body did not come in time; nothing was done with it."""

    status = 408
    code = "body-too-slow"
    title = "The request did not come in time"
    fix = (
        "Het verzoek kwam niet op tijd binnen. Stuur het opnieuw, zonder pauze.",
        "The request did not come in time. Send it again without a pause.",
    )


@dataclass(frozen=True)
class Tempo:
    """How fast a body must come; the time that we make its sender wait does not count."""

    total_seconds: float
    idle_seconds: float  # between two pieces
    grace_seconds: float  # of waiting for the sender, before the rate counts
    least_bytes_per_second: int


class Incoming:
    """A body as it comes, no slower than its tempo, and not slowly while somebody else needs its places."""

    def __init__(self, receive: Receive, max_bytes: int, tempo: Tempo, *stays: Stay) -> None:
        self._receive, self._max_bytes = receive, max_bytes
        self._tempo = tempo
        self._stays = list(stays)
        self.is_whole = False
        self.fault: AppError | None = None  # what was raised, for who reads in another task

    async def pieces(self) -> AsyncIterator[bytes]:
        """Piece by piece. Raises `TooSlowBody`, `TooLargeBody`, or `Malformed` when it ends too early."""
        tempo, now = self._tempo, asyncio.get_running_loop().time
        begun_at, waited, taken = now(), 0.0, 0
        is_more = True
        try:
            while is_more:
                at = now()
                rest = tempo.grace_seconds + taken / tempo.least_bytes_per_second - waited
                until = min(begun_at + tempo.total_seconds, at + min(tempo.idle_seconds, rest))
                message = await self._next(until)
                waited += now() - at
                piece: bytes = message.get("body", b"")
                taken += len(piece)
                if taken > self._max_bytes:
                    raise too_large(self._max_bytes)
                is_more = message.get("more_body", False)
                if piece:
                    for stay in self._stays:
                        stay.came(len(piece))
                    yield piece
            self._require_places()
        except TimeoutError as error:
            self.fault = TooSlowBody("Send the whole body without a pause.", headers=_HANG_UP)
            raise self.fault from error
        except AppError as error:
            self.fault = error
            raise
        self.is_whole = True
        for stay in self._stays:
            stay.settle()

    @contextmanager
    def holding(self, stay: Stay) -> Iterator[None]:
        """Let another stay hang on this body too, until the block ends."""
        self._stays.append(stay)
        try:
            yield
        finally:
            self._stays.remove(stay)

    async def _next(self, until: float) -> Message:
        self._require_places()
        async with asyncio.timeout_at(until) as limit:
            for stay in self._stays:
                stay.waits(limit)
            try:
                message = await self._receive()
            finally:
                for stay in self._stays:
                    stay.waits(None)
        if message["type"] == "http.disconnect":
            raise Malformed("The body ended too early.")
        return message

    def _require_places(self) -> None:
        if any(stay.is_out for stay in self._stays):
            raise TimeoutError


class Bodies:
    """Takes in bodies and knows how many bytes of them are in hand; one for each process."""

    def __init__(self, tempo: Tempo, *, most_bytes: int, largest_bytes_of_known: int = 0) -> None:
        """Who is known has a third of what is for all of them: the largest that they send must fit."""
        self._tempo = tempo
        of_known = max(places_of_known(most_bytes), 3 * largest_bytes_of_known)
        self._in_hand = Room("bodies", most_bytes, most_of_known=of_known)

    def held_by(self, municipality: str) -> int:
        """How many bytes of a municipality are in hand."""
        return self._in_hand.held_by(municipality)

    @contextmanager
    def held(self, scope: Scope) -> Iterator[Stay]:
        """What this request has in hand; take as many bytes as are kept in memory."""
        with self._in_hand.stay(account_of(scope)) as stay:
            yield stay

    @asynccontextmanager
    async def whole(self, scope: Scope, receive: Receive, max_bytes: int) -> AsyncIterator[bytes]:
        """The whole body, which counts as in hand until the block ends.

        Only what has come counts, so that who announces much and sends nothing takes nothing from others; and
        who is slow gives way. Raises `TooLargeBody`, `TooSlowBody`, `Malformed` when it ends too early,
        `Unavailable` when the process holds as much as it may, of this municipality, network or of all.
        """
        declared_bytes(scope, max_bytes)
        body = bytearray()
        with self.held(scope) as stay:
            async for piece in Incoming(receive, max_bytes, self._tempo, stay).pieces():
                await hold(stay, len(piece))
                body += piece
            whole = bytes(body)
            del body
            yield whole


async def hold(stay: Stay, size_bytes: int) -> None:
    """Have so many bytes more in hand. Raises `TooSlowBody` or `Unavailable`."""
    try:
        await stay.take(size_bytes)
    except GaveWay as error:
        raise TooSlowBody("Send the whole body without a pause.", headers=_HANG_UP) from error
    except NothingLeft as error:
        busy = Unavailable("Too much comes in at once; try again.")
        busy.headers |= _HANG_UP
        raise busy from error


class Uploads:
    """Lets files in: so many at once, and of who is anonymous so many a minute.

    A file is costlier than a report: it holds a connection, is cleaned, and waits on a disk for its report.
    """

    def __init__(
        self,
        at_once: int,
        of_block: Pace,
        of_municipality: SharedPace,
        tempo: Tempo,
        most_waiting: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`most_waiting`: anonymous files of one municipality that wait for their report."""
        self._clock = clock
        self.tempo = tempo
        self._waiting = Kept(most_waiting, _WAITING_SECONDS)
        self._places = Room("uploads", at_once)
        self._of_block, self._of_municipality = of_block, of_municipality
        self._secret = secrets.token_bytes(32)

    def marked(self, scope: Scope, who: Identity) -> dict[str, str]:
        """The header that marks the network of who is anonymous, for intake to share its work by.

        Only this process can make it, and as long as it lives: a mark leads back to no network, and after a
        restart, or at another replica, the same network has another.
        """
        if not who.is_anonymous:
            return {}
        network = widest(network_of(scope)).encode()
        digest = blake2s(network, digest_size=_MARK_BYTES, key=self._secret).digest()
        return {NETWORK_MARK: urlsafe_b64encode(digest).decode("ascii")}

    def marked_if_long(self, scope: Scope, who: Identity, characters: int) -> dict[str, str]:
        """As `marked`, for words of a report; nothing tells from which network a short one came."""
        return self.marked(scope, who) if characters > SHORT_CHARACTERS else {}

    @asynccontextmanager
    async def place(self, scope: Scope, who: Identity) -> AsyncIterator[Stay]:
        """A place for one file, as long as the block lasts; slows down before it refuses.

        Who sends slowly loses it to somebody else, until `Stay.settle`; one that never came whole counts for
        as long as it had its place. Raises `TooMuch` or `Unavailable`, each with a time to come back. When
        intake has taken the file, tell `waits`.
        """
        account = account_of(scope, who)
        if who.is_anonymous and not self._waiting.has_room(account.path, self._clock()):
            raise TooMuch(
                "Too many files wait for their report here; try again later, or report without a file.",
                headers={"Retry-After": _WAITING_AGAIN_SECONDS},
            )
        block = (who.municipality, widest(network_of(scope)))
        await asyncio.sleep(self._paced(account, block) if who.is_anonymous else 0.0)
        with self._places.stay(account) as stay:
            held_since = None
            try:
                await stay.take()
                held_since = self._clock()
                yield stay
            except NothingLeft as error:
                raise Unavailable("Too many uploads at once; try again.") from error
            finally:
                if who.is_anonymous and not stay.is_settled:
                    held_seconds = self._clock() - held_since if held_since is not None else 0.0
                    self._never_came(account, block, held_seconds)

    def waits(self, scope: Scope, who: Identity) -> None:
        """A file of this request is kept, and waits for its report."""
        if who.is_anonymous:
            self._waiting.add(account_of(scope, who).path, self._clock())

    def taken_along(self, scope: Scope, who: Identity, count: int) -> None:
        """A report of this request was accepted, for the first time, with so many files."""
        if who.is_anonymous and count:
            self._waiting.take(account_of(scope, who).path, count, self._clock())

    def _paced(self, account: Account, block: object) -> float:
        """How long a file waits; raises `TooMuch`, and then counts nothing."""
        now = self._clock()
        try:
            self._of_block.wait_seconds(block, now)
            delay = self._of_municipality.delay_seconds(account.path, now)
        except TooFast as error:
            after = str(int(error.retry_after_seconds) + 1)
            raise TooMuch(
                "Many files come in at once; wait a moment, or report without a file.",
                headers={"Retry-After": after},
            ) from error
        return max(delay, self._of_block.delay_seconds(block, now))

    def _never_came(self, account: Account, block: object, held_seconds: float) -> None:
        """It is no file, but of its network as many as could have come on its place meanwhile."""
        now = self._clock()
        self._of_municipality.give_back(account.path, now)
        self._of_block.count(block, now, held_seconds / _SECONDS_OF_A_FILE - 1)


def account_of(scope: Scope, who: Identity | None = None) -> Account:
    """On whose account a request holds what it holds, by what is known of it at this moment.

    Who is known shares with others who are, and who is not with other networks.
    """
    municipality = who.municipality if who else str(scope.get(MUNICIPALITY, ""))
    mark = who.mark if who else str(scope.get(MARK, ""))
    return Account(municipality, (mark,) if mark else within_wider(network_of(scope)), is_known=bool(mark))


def network_of(scope: Scope) -> str:
    """The network that a request comes from: never an address, `unknown` where nothing is known."""
    known: str | None = scope.get(_NETWORK)
    if known is None:
        client = scope.get("client")
        known = scope[_NETWORK] = address_block(client[0] if client else "")
    return known


class WithWholeBody:
    """An ASGI application before which every body is taken in, up to a number of bytes."""

    def __init__(
        self, app: ASGIApp, bodies: Bodies, max_bytes: int, mark_of: Callable[[Scope], Awaitable[str]]
    ) -> None:
        """`mark_of` tells apart who signed in or has an API key, and is empty for who is unknown."""
        self._app, self._bodies, self._max_bytes, self._mark_of = app, bodies, max_bytes, mark_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what `Bodies.whole` refuses is raised."""
        scope[MARK] = await self._mark_of(scope)
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


def too_large(max_bytes: int) -> TooLargeBody:
    """The refusal of a body over the limit; the connection goes with it."""
    return TooLargeBody(f"This takes at most {max_bytes} bytes.", headers=_HANG_UP)
