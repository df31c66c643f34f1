"""From messages to effects: inbox, tombstones and handlers in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common import metrics
from common.contracts.base import Event
from common.messaging.envelope import Delivery, Envelope, read_event
from common.messaging.outbox import erased_among

#: Handles events of one type, in no particular order, inside the caller's transaction.
Handler = Callable[[AsyncConnection, Sequence[Delivery[Any]]], Awaitable[None]]
Handlers = Mapping[type[Any], Handler]

_HEAR = text(
    """
    INSERT INTO inbox (event_id) SELECT unnest(CAST(:ids AS uuid[]))
    ON CONFLICT DO NOTHING RETURNING event_id
    """
)


class Unprocessable(Exception):
    """This event can never be handled as it is: park it at once and let a person decide."""


class Dispatcher:
    """Applies a batch of messages once, all or none."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = {event.event_type(): (event, handler) for event, handler in handlers.items()}

    async def apply(self, connection: AsyncConnection, envelopes: Sequence[Envelope]) -> None:
        """Write inbox rows and effects in the caller's transaction; repeats and erased subjects have none.

        Raises `Unprocessable` for an unknown type or a broken contract, else what a handler raised.
        """
        unique = {envelope.event_id: envelope for envelope in envelopes}
        rows = await connection.execute(_HEAR, {"ids": sorted(unique)})
        fresh = [unique[event_id] for event_id in rows.scalars()]
        metrics.EVENTS_REPEATED.inc(len(envelopes) - len(fresh))
        if not fresh:
            return
        erased = await erased_among(connection, sorted({envelope.subject for envelope in fresh}))
        for kind, deliveries in self._grouped(fresh, erased).items():
            event, handler = self._handlers[kind]
            await handler(connection, deliveries)
            metrics.EVENTS_HANDLED.labels(event.name).inc(len(deliveries))

    def _grouped(
        self, envelopes: Sequence[Envelope], erased: frozenset[str]
    ) -> dict[str, list[Delivery[Event]]]:
        groups: dict[str, list[Delivery[Event]]] = {}
        for envelope in sorted(envelopes, key=lambda each: each.spoken_at):
            if envelope.subject in erased and not self._outlives(envelope):
                continue
            groups.setdefault(envelope.type, []).append(self._read(envelope))
        return groups

    def _outlives(self, envelope: Envelope) -> bool:
        known = self._handlers.get(envelope.type)
        return known is not None and known[0].outlives_erasure

    def _read(self, envelope: Envelope) -> Delivery[Event]:
        known = self._handlers.get(envelope.type)
        if known is None:
            raise Unprocessable("unknown type")
        try:
            return read_event(envelope, known[0])
        except ValidationError as error:
            raise Unprocessable("broken contract") from error
