"""A service under test that hears events and speaks its own, without a broker."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from common.contracts.base import Event
from common.db import Database
from common.messaging.envelope import Envelope, encode, read_envelope, read_event, speaker_of
from common.messaging.handling import Dispatcher
from sqlalchemy import text


def as_sent(body: bytes) -> Envelope:
    """What an outbox holds, as a hearer gets it: the broker says who sent it."""
    envelope = read_envelope(body)
    return replace(envelope, spoken_by=speaker_of(envelope.type))


class Hearing:
    """What has a database and a dispatcher; a desk of any service."""

    database: Database
    dispatcher: Dispatcher

    async def hear(self, *events: Event) -> None:
        """Let events arrive in one batch, as the consumer does: inbox, tombstones, handlers, one commit."""
        async with self.database.flowing() as connection:
            await self.dispatcher.apply(connection, [encode(event) for event in events])

    async def outbox(self) -> Sequence[tuple[str, bytes]]:
        """What waits to leave, by routing key, oldest first."""
        async with self.database.flowing() as connection:
            rows = await connection.execute(text("SELECT routing_key, body FROM outbox ORDER BY id"))
            return [(row.routing_key, bytes(row.body)) for row in rows]

    async def spoken(self, event: type[Any]) -> list[Any]:
        """The events of this type that wait to leave, oldest first."""
        found = [read_envelope(body) for _, body in await self.outbox()]
        return [read_event(each, event).event for each in found if each.type == event.event_type()]
