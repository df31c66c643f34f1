"""The waiting room: messages that failed wait here for another try, and are parked when tries are spent."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common import metrics
from common.coarse import QUARTER, coarse, coarse_now
from common.db import Database, is_away, is_data_error, outlast, wake_after_commit
from common.log import get_logger
from common.messaging.broker import keep_trying
from common.messaging.envelope import Envelope, read_envelope
from common.messaging.handling import NOT_VOUCHED_FOR, Dispatcher, Forged, Unprocessable

__all__ = ["Unprocessable", "WaitingRoom"]

log = get_logger()

_JITTER = secrets.SystemRandom()

_PUT = text(
    """
    INSERT INTO waiting
        (event_id, spoken_by, type, municipality, subject, body, attempt, due_at, error, parked_at)
    SELECT id, spoken_by, type, municipality, subject, body, :attempt, :due_at, :error, :parked_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:speakers AS text[]), CAST(:types AS text[]),
                CAST(:municipalities AS text[]), CAST(:subjects AS text[]), CAST(:bodies AS bytea[]),
                CAST(:outlives AS boolean[]))
         AS message (id, spoken_by, type, municipality, subject, body, outlives)
    WHERE NOT EXISTS
          (SELECT FROM inbox WHERE inbox.event_id = message.id AND inbox.speaker IN (message.spoken_by, ''))
      AND (outlives OR NOT EXISTS (SELECT FROM tombstone WHERE tombstone.subject = message.subject))
    ON CONFLICT ON CONSTRAINT uq_waiting_event DO NOTHING
    """
)
_CLAIM = text(
    """
    UPDATE waiting SET attempt = attempt + 1, due_at = now() + make_interval(secs => :lease)
    WHERE id = (SELECT id FROM waiting WHERE parked_at IS NULL AND due_at <= now()
                ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, spoken_by, body, attempt
    """
)
_DONE = text("DELETE FROM waiting WHERE id = :id AND attempt = :attempt")
_AGAIN = text("UPDATE waiting SET due_at = :due_at, error = :error WHERE id = :id AND attempt = :attempt")
_UNCOUNT = text(
    "UPDATE waiting SET attempt = attempt - 1, due_at = coarse_now() WHERE id = :id AND attempt = :attempt"
)
_PARK = text(
    """UPDATE waiting SET parked_at = coarse_now(), due_at = coarse_now(), error = :error
       WHERE id = :id AND attempt = :attempt"""
)
_COUNT = text(
    "SELECT count(*) FILTER (WHERE parked_at IS NULL) AS waiting, count(parked_at) AS parked FROM waiting"
)
_COUNT_FORGED = text("SELECT count(*) FROM waiting WHERE parked_at IS NOT NULL AND error = :error")
_FORGED_KEPT = 1000  # of what is forged, for a person to see; a flood of it must not fill the database


class LostLease(Exception):
    """Another replica took this message over; its effects are not ours to commit."""


class WaitingRoom:
    """Tries waiting messages one by one, counting each attempt before it is made.

    A message that kills the process therefore spends its attempts and is parked, and takes no other along.
    While nothing waits it looks ever less often, up to `idle_seconds`.
    """

    name = "waiting"
    is_background = True

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        *,
        retry_seconds: Sequence[float],
        parked_in_a_row_limit: int = 50,
        lease_seconds: float = 60,
        poll_seconds: float = 0.25,
        idle_seconds: float = 1.0,
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._retry_seconds = tuple(retry_seconds)
        self._lease_seconds = lease_seconds
        self._limit = parked_in_a_row_limit
        self._poll_seconds = poll_seconds
        self._idle_seconds = idle_seconds
        self._filled = asyncio.Event()
        self._parked_in_a_row = 0
        self._next_gauge = 0.0

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""
        return "too many messages parked in a row" if self.is_halted else None

    @property
    def is_halted(self) -> bool:
        """So many messages parked in a row that the fault is ours, not theirs: stop consuming."""
        return self._parked_in_a_row >= self._limit

    def succeeded(self) -> None:
        """A message was handled: the row of parked ones is broken."""
        self._parked_in_a_row = 0

    async def put(self, connection: AsyncConnection, envelopes: Sequence[Envelope], *, error: str) -> None:
        """Keep these for a first try at once; they are suspect or failed. Commits with the caller."""
        await self._insert(connection, envelopes, attempt=0, due_at=coarse_now(), error=error)

    async def defer(self, connection: AsyncConnection, envelope: Envelope, *, error: Exception) -> None:
        """Keep a message whose first try failed: parked when it can never succeed, else due later."""
        hopeless = is_hopeless(error)
        await self._insert(
            connection,
            [envelope],
            attempt=1,
            due_at=coarse_now() if hopeless else self._due_at(1),
            error=_name(error),
            parked=hopeless,
        )
        metrics.EVENTS_DEFERRED.labels("parked" if hopeless else "failed").inc()
        if hopeless:
            self._parked_in_a_row += 1
            log.warning("message.parked", type=envelope.type, error=_name(error))

    async def impound(self, connection: AsyncConnection, forged: Sequence[Envelope]) -> Sequence[Envelope]:
        """Park what its speaker did not send, and raise the alarm; returns those for which there is no room.

        It does not count as parked in a row: a service that was broken into could stop another with it.
        """
        error = _name(Forged(NOT_VOUCHED_FOR))
        kept = (await connection.execute(_COUNT_FORGED, {"error": error})).scalar_one()
        room = max(0, _FORGED_KEPT - kept)
        if parked := forged[:room]:
            await self._insert(connection, parked, attempt=1, due_at=coarse_now(), error=error, parked=True)
        metrics.EVENTS_FORGED.inc(len(forged))
        for (kind, sender), count in Counter((each.type, each.spoken_by) for each in forged).items():
            log.error("message.forged", type=kind, sender=sender, count=count)
        return forged[room:]

    async def run(self, stopping: asyncio.Event) -> None:
        """Try what is due until told to stop."""
        await keep_trying(lambda: self._poll(stopping), stopping, what="waiting")

    async def _poll(self, stopping: asyncio.Event) -> None:
        pause = self._poll_seconds
        while not stopping.is_set():
            await self._measure()
            self._filled.clear()  # before looking: what commits from now on wakes us
            if not self.is_halted and await self.try_one():
                pause = self._poll_seconds
                continue
            try:
                await asyncio.wait_for(self._filled.wait(), pause)
            except TimeoutError:
                pause = min(pause * 2, self._idle_seconds)
            else:
                pause = self._poll_seconds

    async def try_one(self) -> bool:
        """Try the message that is due longest; False when none is."""
        async with self._database.flowing() as connection:
            row = (await connection.execute(_CLAIM, {"lease": self._lease_seconds})).one_or_none()
        if row is None:
            return False
        mine = {"id": row.id, "attempt": row.attempt}
        envelope = read_envelope(bytes(row.body), spoken_by=row.spoken_by)
        if row.attempt > len(self._retry_seconds) + 1:  # every try killed the process that made it
            await self._park(envelope, mine, "killed its process")
            return True
        try:
            async with self._database.flowing() as connection:
                # First, so that an erasure, which empties the room of its subject, does not meet itself.
                if (await connection.execute(_DONE, mine)).rowcount != 1:
                    raise LostLease  # noqa: TRY301 -- nothing was done, handled just below
                await self._dispatcher.apply(connection, [envelope])
            self.succeeded()
        except LostLease:
            log.info("message.lease_lost", type=envelope.type)
        except Exception as error:  # noqa: BLE001 -- any failure of a handler leads to another try or parking
            await self._failed(envelope, mine, row.attempt, error)
        return True

    async def _failed(self, envelope: Envelope, mine: dict[str, int], attempt: int, error: Exception) -> None:
        if is_away(error) and not await self._database.answers():
            await outlast(lambda: self._uncount(mine), self._lease_seconds)
            raise error
        hopeless = is_hopeless(error)
        log.warning(
            "message.failed",
            type=envelope.type,
            attempt=attempt,
            error=_name(error),
            exc_info=not hopeless,
        )
        if hopeless or attempt > len(self._retry_seconds):
            await self._park(envelope, mine, _name(error))
            return
        due_at = self._due_at(attempt)
        async with self._database.flowing() as connection:
            await connection.execute(_AGAIN, {**mine, "due_at": due_at, "error": _name(error)})

    async def _uncount(self, mine: dict[str, int]) -> None:
        async with self._database.flowing() as connection:
            await connection.execute(_UNCOUNT, mine)

    async def _park(self, envelope: Envelope, mine: dict[str, int], reason: str) -> None:
        async with self._database.flowing() as connection:
            await connection.execute(_PARK, {**mine, "error": reason})
        log.warning("message.parked", type=envelope.type, error=reason)
        self._parked_in_a_row += 1

    async def _insert(
        self,
        connection: AsyncConnection,
        envelopes: Sequence[Envelope],
        *,
        attempt: int,
        due_at: datetime,
        error: str,
        parked: bool = False,
    ) -> None:
        wake_after_commit(connection, self._filled)
        await connection.execute(
            _PUT,
            {
                "ids": [envelope.event_id for envelope in envelopes],
                "speakers": [envelope.spoken_by for envelope in envelopes],
                "types": [envelope.type for envelope in envelopes],
                "municipalities": [envelope.municipality for envelope in envelopes],
                "subjects": [envelope.subject for envelope in envelopes],
                "bodies": [envelope.body for envelope in envelopes],
                "outlives": [self._dispatcher.outlives_erasure(envelope) for envelope in envelopes],
                "attempt": attempt,
                "due_at": due_at,
                "error": error,
                "parked_at": coarse_now() if parked else None,
            },
        )

    def _due_at(self, attempt: int) -> datetime:
        """When to try again.

        After a long pause on the quarter of an hour, so that it does not tell when the message came; after a
        short one it may be fine, for that the message is still here tells as much.
        """
        seconds = self._retry_seconds[min(attempt, len(self._retry_seconds)) - 1]
        due_at = datetime.now(UTC) + timedelta(seconds=seconds * _JITTER.uniform(0.8, 1.2))
        return due_at if seconds < QUARTER.total_seconds() else coarse(due_at + QUARTER)

    async def _measure(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._next_gauge:
            return
        self._next_gauge = now + 5
        async with self._database.flowing() as connection:
            count = (await connection.execute(_COUNT)).one()
        metrics.WAITING.set(count.waiting)
        metrics.PARKED.set(count.parked)


def is_hopeless(error: Exception) -> bool:
    """Whether another try would end the same, because the message itself is at fault."""
    return isinstance(error, Unprocessable) or is_data_error(error)


def _name(error: Exception) -> str:
    reason = f": {error}" if isinstance(error, Unprocessable) else ""
    return type(error).__name__ + reason
