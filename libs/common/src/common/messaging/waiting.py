"""The waiting room: messages that failed wait here for another try, and are parked when tries are spent."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common import metrics
from common.coarse import QUARTER, coarse, coarse_now
from common.db import Database, is_away, outlast, wake_after_commit
from common.log import get_logger
from common.messaging.broker import keep_trying
from common.messaging.envelope import Envelope, Unreadable, read_envelope
from common.messaging.failing import ParkedInARow, is_hopeless, name_of
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
    RETURNING id, spoken_by, type, body, attempt
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
_COUNT_SPOKEN = text(
    "SELECT count(*) FROM (SELECT FROM waiting WHERE spoken_by = :speaker LIMIT :most) AS spoken"
)
_MOST_OF_ONE = 10_000  # of what one speaker said and failed, for the same reason


class LostLease(Exception):
    """Another replica took this message over; its effects are not ours to commit."""


class WaitingRoom:
    """Tries waiting messages one by one, counting each attempt before it is made.

    A message that kills the process therefore spends its attempts and is parked, and takes no other along.
    While nothing waits it looks ever less often, up to `idle_seconds`. Of one speaker it keeps `most_of_one`.
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
        most_of_one: int = _MOST_OF_ONE,
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._retry_seconds = tuple(retry_seconds)
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._idle_seconds = idle_seconds
        self._filled = asyncio.Event()
        self._most_of_one = most_of_one
        self._in_a_row = ParkedInARow(parked_in_a_row_limit)
        self._next_gauge = 0.0

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""
        return "too many messages parked in a row" if self.is_halted else None

    @property
    def is_halted(self) -> bool:
        """So many messages parked in a row that the fault is ours, not theirs: stop consuming."""
        return self._in_a_row.is_fault_of_ours

    def succeeded(self, speakers: Iterable[str]) -> None:
        """Something of these speakers was handled: their row of parked ones is broken."""
        self._in_a_row.succeeded(speakers)

    async def put(
        self, connection: AsyncConnection, envelopes: Sequence[Envelope], *, error: str
    ) -> Sequence[Envelope]:
        """Keep all of these for a first try at once; they are suspect or failed. Commits with the caller."""
        await self._insert(connection, envelopes, attempt=0, due_at=coarse_now(), error=error)
        return ()

    async def defer(
        self, connection: AsyncConnection, failed: Sequence[Envelope], *, error: Exception
    ) -> Sequence[Envelope]:
        """Keep messages whose first try failed: parked when they can never succeed, else due later.

        Returns those for which there is no room: their speaker has too many here.
        """
        hopeless = is_hopeless(error)
        kept = [each for each in failed if await self._has_room(connection, each.spoken_by)]
        await self._insert(
            connection,
            kept,
            attempt=1,
            due_at=coarse_now() if hopeless else self._due_at(1),
            error=name_of(error),
            parked=hopeless,
        )
        metrics.EVENTS_DEFERRED.labels("parked" if hopeless else "failed").inc(len(kept))
        for each in failed if hopeless else ():
            self._count_parked(each.type, each.spoken_by, name_of(error), error)
        for each in (left_out := [each for each in failed if each not in kept]):
            log.error("message.no_room", type=each.type, sender=each.spoken_by, error=name_of(error))
        return left_out

    async def _has_room(self, connection: AsyncConnection, speaker: str) -> bool:
        count = await connection.execute(_COUNT_SPOKEN, {"speaker": speaker, "most": self._most_of_one})
        return int(count.scalar_one()) < self._most_of_one

    async def impound(self, connection: AsyncConnection, forged: Sequence[Envelope]) -> Sequence[Envelope]:
        """Park what its speaker did not send, and raise the alarm; returns those for which there is no room.

        It does not count as parked in a row: a service that was broken into could stop another with it.
        """
        error = name_of(Forged(NOT_VOUCHED_FOR))
        before = (await connection.execute(_COUNT_FORGED, {"error": error})).scalar_one()
        room = max(0, _FORGED_KEPT - before)
        kept = forged[:room]
        await self._insert(connection, kept, attempt=1, due_at=coarse_now(), error=error, parked=True)
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
        try:
            envelope = read_envelope(bytes(row.body), spoken_by=row.spoken_by)
        except Unreadable as error:
            await self._park(row, name_of(error), error)
            return True
        if row.attempt > len(self._retry_seconds) + 1:  # every try killed the process that made it
            await self._park(row, "killed its process", None)
            return True
        try:
            async with self._database.flowing() as connection:
                # First, so that an erasure, which empties the room of its subject, does not meet itself.
                if (await connection.execute(_DONE, _mine(row))).rowcount != 1:
                    raise LostLease  # noqa: TRY301 -- nothing was done, handled just below
                await self._dispatcher.apply(connection, [envelope])
            self.succeeded([row.spoken_by])
        except LostLease:
            log.info("message.lease_lost", type=envelope.type)
        except Exception as error:  # noqa: BLE001 -- any failure of a handler leads to another try or parking
            await self._failed(row, error)
        return True

    async def _failed(self, row: "Row[Any]", error: Exception) -> None:
        if is_away(error) and not await self._database.answers():
            await outlast(lambda: self._uncount(row), self._lease_seconds)
            raise error
        hopeless = is_hopeless(error)
        log.warning(
            "message.failed", type=row.type, attempt=row.attempt, error=name_of(error), exc_info=not hopeless
        )
        if hopeless or row.attempt > len(self._retry_seconds):
            await self._park(row, name_of(error), error)
            return
        again = {**_mine(row), "due_at": self._due_at(row.attempt), "error": name_of(error)}
        async with self._database.flowing() as connection:
            await connection.execute(_AGAIN, again)

    async def _uncount(self, row: "Row[Any]") -> None:
        async with self._database.flowing() as connection:
            await connection.execute(_UNCOUNT, _mine(row))

    async def _park(self, row: "Row[Any]", reason: str, error: Exception | None) -> None:
        async with self._database.flowing() as connection:
            await connection.execute(_PARK, {**_mine(row), "error": reason})
        self._count_parked(row.type, row.spoken_by, reason, error)

    def _count_parked(self, kind: str, speaker: str, reason: str, error: Exception | None) -> None:
        log.warning("message.parked", type=kind, error=reason)
        self._in_a_row.add(speaker, error)

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
        if not envelopes:
            return
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


def _mine(row: "Row[Any]") -> dict[str, int]:
    """What says that this try is still ours."""
    return {"id": row.id, "attempt": row.attempt}
