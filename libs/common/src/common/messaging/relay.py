"""The relay: takes unsent facts from the outbox and publishes them with confirms."""

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aio_pika.abc import AbstractChannel
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common import metrics
from common.db import Database
from common.log import get_logger
from common.messaging.broker import Broker, keep_trying
from common.messaging.publishing import Fate, Outgoing, publish_batch
from common.messaging.topology import EXCHANGE

log = get_logger()

_JITTER = secrets.SystemRandom()

_TAKE = text(
    """
    SELECT id, event_id, routing_key, body FROM outbox
    WHERE sent_at IS NULL AND parked_at IS NULL AND due_at <= now()
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_SENT = text("DELETE FROM outbox WHERE id = ANY(:ids)")
_REFUSED = text(
    """
    UPDATE outbox SET attempts = least(attempts + 1, 10), error = 'refused',
           due_at = now() + make_interval(secs => least(power(2, least(attempts, 10)), :longest) * :jitter)
    WHERE id = ANY(:ids)
    """
)
_SWEEP = text(
    """
    DELETE FROM outbox WHERE id IN
        (SELECT id FROM outbox WHERE sent_at IS NOT NULL LIMIT :limit)
    """
)
_SWEEP_INBOX = text(
    """
    DELETE FROM inbox WHERE event_id IN
        (SELECT event_id FROM inbox WHERE heard_at < now() - interval '35 days' LIMIT :limit)
    """
)
_BACKLOG = text(
    """
    SELECT count(*) AS waiting, min(id) AS first, max(id) AS last,
           extract(epoch FROM now() - min(created_at)) - 900 AS seconds
    FROM outbox WHERE sent_at IS NULL AND parked_at IS NULL
    """
)
_MOST_MARKS = 1000
_LONGEST_WAIT_SECONDS = 60
_SWEEP_SECONDS = 600.0
_SWEEP_ROWS = 5000
_GAUGE_SECONDS = 5.0
_REMEMBERED_SECONDS = 60.0


class Age:
    """How long the oldest event waits, from what was seen; the rows themselves tell a quarter of an hour.

    A mark is the newest event that was there at a moment: everything up to it has waited at least since.
    """

    def __init__(self) -> None:
        self._marks: deque[tuple[int, float]] = deque()

    def seconds(self, first: int | None, last: int | None, at_least: float, now: float) -> float:
        """The age of the event `first`, of those up to `last` that wait at `now`; 0 when there is none."""
        while self._marks and (first is None or self._marks[0][0] < first):
            self._marks.popleft()
        if first is None or last is None:
            return 0
        if len(self._marks) < _MOST_MARKS and (not self._marks or self._marks[-1][0] < last):
            self._marks.append((last, now))
        return max(now - self._marks[0][1], at_least, 0)


class Relay:
    """Sends every outbox row at least once; several relays share the work through `SKIP LOCKED`.

    A row goes once the broker confirmed it: kept, it would tell the order in which reports came.

    What the broker refuses is tried again for ever, with pauses that double up to a minute, and holds up
    nothing else.

    What this process speaks wakes it at once, and then it looks at its pace. While nothing is spoken it looks
    ever less often: what another process wrote is sent within `idle_seconds`.
    """

    name = "relay"
    is_background = True

    def __init__(
        self,
        database: Database,
        broker: Broker,
        *,
        batch: int = 200,
        poll_seconds: float = 0.075,
        idle_seconds: float = 0.5,
    ) -> None:
        self._database = database
        self._broker = broker
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._idle_seconds = idle_seconds
        self._channel: AbstractChannel | None = None
        self._refused_at: float | None = None
        self._next_sweep = 0.0
        self._next_gauge = 0.0
        self._age = Age()

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""
        if self._channel is None or self._channel.is_closed:
            return "no channel to the broker"
        if self._refused_at is not None and time.monotonic() - self._refused_at < _REMEMBERED_SECONDS:
            return "the broker refuses events"
        return None

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until told to stop; heals after any outage of broker or database."""
        await keep_trying(lambda: self._relay(stopping), stopping, what="relay")

    async def _relay(self, stopping: asyncio.Event) -> None:
        await self._housekeep()  # also while there is no broker: then the backlog matters most
        self._channel = await self._broker.channel()
        try:
            await self._send_on(self._channel, stopping)
        finally:
            await self._channel.close()

    async def _send_on(self, channel: AbstractChannel, stopping: asyncio.Event) -> None:
        pause = self._poll_seconds
        while not stopping.is_set():
            self._database.spoken.clear()  # before looking: what commits from now on wakes us
            sent = await self.send_batch(channel)
            await self._housekeep()
            if channel.is_closed:
                raise ConnectionError("the channel closed")
            if sent:
                pause = self._poll_seconds
            if 0 < sent < self._batch:
                await asyncio.sleep(pause)  # a batch of many costs little more than one of few
            elif not sent:
                await self._await_speech(pause)
                pause = min(pause * 2, self._idle_seconds)

    async def _await_speech(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._database.spoken.wait(), seconds)

    async def send_batch(self, channel: AbstractChannel) -> int:
        """Send one batch; returns how many rows it took. A row stays unsent until the broker confirmed it."""
        async with self._database.flowing() as connection:
            rows = (await connection.execute(_TAKE, {"limit": self._batch})).all()
            if rows:
                await self._send(connection, channel, rows)
        return len(rows)

    async def _send(
        self, connection: AsyncConnection, channel: AbstractChannel, rows: "Sequence[Row[Any]]"
    ) -> None:
        batch = [Outgoing(str(row.event_id), row.routing_key, bytes(row.body)) for row in rows]
        fates = await publish_batch(channel, EXCHANGE, batch, user=self._broker.user)
        ids: dict[Fate, list[int]] = {fate: [] for fate in Fate}
        for row, fate in zip(rows, fates, strict=True):
            ids[fate].append(row.id)
        if sent := ids[Fate.CONFIRMED]:
            await connection.execute(_SENT, {"ids": sent})
            metrics.OUTBOX_SENT.inc(len(sent))
        if refused := ids[Fate.REFUSED]:
            waits = {"longest": _LONGEST_WAIT_SECONDS, "jitter": _JITTER.uniform(0.5, 1.5)}
            await connection.execute(_REFUSED, {"ids": refused, **waits})
            self._refused_at = time.monotonic()
            metrics.OUTBOX_FAILED.inc(len(refused))
            log.warning("relay.refused", count=len(refused))

    async def _housekeep(self) -> None:
        now = datetime.now(UTC).timestamp()
        if now >= self._next_gauge:
            self._next_gauge = now + _GAUGE_SECONDS
            async with self._database.flowing() as connection:
                backlog = (await connection.execute(_BACKLOG)).one()
            metrics.OUTBOX_WAITING.set(backlog.waiting)
            oldest = self._age.seconds(backlog.first, backlog.last, float(backlog.seconds or 0), now)
            metrics.OUTBOX_OLDEST_SECONDS.set(oldest)
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_SECONDS
            for statement in (_SWEEP, _SWEEP_INBOX):
                await self._sweep(statement)

    async def _sweep(self, statement: TextClause) -> None:
        """Delete what is old enough, some thousand rows in a transaction, so that nobody waits for it."""
        swept = _SWEEP_ROWS
        while swept == _SWEEP_ROWS:
            async with self._database.flowing() as connection:
                swept = (await connection.execute(statement, {"limit": _SWEEP_ROWS})).rowcount
