"""The relay: takes unsent facts from the outbox and publishes them with confirms."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import DeliveryError
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common import metrics
from common.db import Database
from common.log import get_logger
from common.messaging.broker import Broker, exchange_of, keep_trying, message_of

log = get_logger()

_ATTEMPTS = 20
_TAKE = text(
    """
    SELECT id, event_id, routing_key, body, attempts FROM outbox
    WHERE sent_at IS NULL AND parked_at IS NULL ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_SENT = text("UPDATE outbox SET sent_at = now(), body = NULL, error = NULL WHERE id = ANY(:ids)")
_REFUSED = text(
    """
    UPDATE outbox SET attempts = attempts + 1, error = :error,
           parked_at = CASE WHEN attempts + 1 >= :limit THEN now() END
    WHERE id = ANY(:ids)
    """
)
_SWEEP = text("DELETE FROM outbox WHERE sent_at < now() - interval '7 days'")
_SWEEP_INBOX = text("DELETE FROM inbox WHERE heard_at < now() - interval '35 days'")
_BACKLOG = text(
    """
    SELECT count(*) AS waiting, extract(epoch FROM now() - min(created_at)) AS oldest
    FROM outbox WHERE sent_at IS NULL AND parked_at IS NULL
    """
)
_SWEEP_SECONDS = 600.0
_GAUGE_SECONDS = 5.0


class Relay:
    """Sends every outbox row at least once; several relays share the work through `SKIP LOCKED`.

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
        poll_seconds: float = 0.05,
        idle_seconds: float = 0.5,
    ) -> None:
        self._database = database
        self._broker = broker
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._idle_seconds = idle_seconds
        self._channel: AbstractChannel | None = None
        self._next_sweep = 0.0
        self._next_gauge = 0.0

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""
        return None if self._channel and not self._channel.is_closed else "no channel to the broker"

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until told to stop; heals after any outage of broker or database."""
        await keep_trying(lambda: self._relay(stopping), stopping, what="relay")
        if self._channel is not None:
            await self._channel.close()

    async def _relay(self, stopping: asyncio.Event) -> None:
        self._channel = await self._broker.channel()
        exchange = await exchange_of(self._channel)
        pause = self._poll_seconds
        while not stopping.is_set():
            self._database.spoken.clear()  # before looking: what commits from now on wakes us
            sent = await self.send_batch(exchange)
            await self._housekeep()
            if self._channel.is_closed:
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

    async def send_batch(self, exchange: AbstractExchange) -> int:
        """Send one batch; returns how many rows it took. A row stays unsent until the broker confirmed it."""
        async with self._database.flowing() as connection:
            rows = (await connection.execute(_TAKE, {"limit": self._batch})).all()
            if rows:
                await self._send(connection, exchange, rows)
        return len(rows)

    async def _send(
        self, connection: AsyncConnection, exchange: AbstractExchange, rows: "Sequence[Row[Any]]"
    ) -> None:
        outcomes = await asyncio.wait_for(
            asyncio.gather(*(_publish(exchange, row) for row in rows), return_exceptions=True), 30
        )
        sent, refused = [], []
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome is None:
                sent.append(row.id)
            elif isinstance(outcome, DeliveryError):
                refused.append(row.id)
        if sent:
            await connection.execute(_SENT, {"ids": sent})
            metrics.OUTBOX_SENT.inc(len(sent))
        if refused:
            await connection.execute(_REFUSED, {"ids": refused, "error": "refused", "limit": _ATTEMPTS})
            metrics.OUTBOX_FAILED.inc(len(refused))
            log.warning("relay.refused", count=len(refused))
        if len(sent) + len(refused) < len(rows) and not sent:
            raise next(
                o for o in outcomes if isinstance(o, BaseException) and not isinstance(o, DeliveryError)
            )

    async def _housekeep(self) -> None:
        now = datetime.now(UTC).timestamp()
        if now >= self._next_gauge:
            self._next_gauge = now + _GAUGE_SECONDS
            async with self._database.flowing() as connection:
                backlog = (await connection.execute(_BACKLOG)).one()
            metrics.OUTBOX_WAITING.set(backlog.waiting)
            metrics.OUTBOX_OLDEST_SECONDS.set(backlog.oldest or 0)
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_SECONDS
            async with self._database.flowing() as connection:
                await connection.execute(_SWEEP)
                await connection.execute(_SWEEP_INBOX)


async def _publish(exchange: AbstractExchange, row: "Row[Any]") -> None:
    message: aio_pika.Message = message_of(str(row.event_id), bytes(row.body))
    await exchange.publish(message, routing_key=row.routing_key, mandatory=True, timeout=20)
