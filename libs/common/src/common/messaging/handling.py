"""From messages to effects: inbox, tombstones and handlers in one transaction."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common import metrics
from common.contracts.base import Event
from common.messaging.envelope import Delivery, Envelope, read_event
from common.messaging.outbox import lock_subjects

#: Handles events of the types that it is named for, in no particular order, inside the caller's transaction.
Handler = Callable[[AsyncConnection, Sequence[Delivery[Any]]], Awaitable[None]]
Handlers = Mapping[type[Any], Handler]

#: Which of these events are new here, and whether their subject was erased. The subjects are locked by then:
#: only a statement that began after that sees the tombstone of whoever held them before.
#: An id counts beside its speaker, so that nobody can use up the id of another's event. Older rows are looked
#: up one by one: NOT EXISTS becomes a join, which reads all of an inbox that was small when it was planned.
_HEAR = text(
    """
    WITH given AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:speakers AS text[]), CAST(:subjects AS text[]))
            AS event (event_id, speaker, subject)
    ), heard AS (
        INSERT INTO inbox (event_id, speaker) SELECT event_id, speaker FROM given
        WHERE (SELECT older.speaker FROM inbox AS older
               WHERE older.event_id = given.event_id AND older.speaker = '') IS NULL
        ON CONFLICT DO NOTHING RETURNING event_id, speaker
    )
    SELECT event_id, speaker,
           EXISTS (SELECT FROM tombstone WHERE tombstone.subject = given.subject) AS is_erased
    FROM heard JOIN given USING (event_id, speaker)
    """
)

NOT_VOUCHED_FOR = "not sent by its speaker"


class Unprocessable(Exception):
    """This event can never be handled as it is: park it at once and let a person decide."""


class Forged(Unprocessable):
    """Another than its speaker sent this event, or the broker did not say who: it is not believed."""


class UnknownEvent(Exception):
    """No handler for this type here: perhaps a newer replica has one, so it is tried again for a while."""


class _Known(NamedTuple):
    """An event that was read, with its own handler."""

    handler: Handler
    delivery: Delivery[Event]


class Dispatcher:
    """Applies a batch of messages once, all or none."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = {event.event_type(): (event, handler) for event, handler in handlers.items()}

    async def apply(self, connection: AsyncConnection, envelopes: Sequence[Envelope]) -> None:
        """Write inbox rows and effects in the caller's transaction; repeats and erased subjects have none.

        What says nothing leaves no row, and its handler may be called again for a repeat.

        Two transactions never handle the same subject at once, and within a batch an erasure comes last: it
        wins, whatever was spoken when. Raises `Forged` for what its speaker did not send, `Unprocessable` for
        a broken contract, `UnknownEvent` for an unknown type, else what a handler raised.
        """
        known = {(envelope.event_id, envelope.spoken_by): self._read(envelope) for envelope in envelopes}
        nothing = [key for key, one in known.items() if one.delivery.event.says_nothing]
        heard = [known.pop(key) for key in nothing]
        if known:
            fresh = await _heard(connection, known)
            metrics.EVENTS_REPEATED.inc(len(envelopes) - len(nothing) - len(fresh))
            heard += [one for one, is_erased in fresh if not is_erased or one.delivery.event.outlives_erasure]
        for handler, deliveries in _grouped(heard):
            await handler(connection, deliveries)
            for name, count in Counter(each.event.name for each in deliveries).items():
                metrics.EVENTS_HANDLED.labels(name).inc(count)

    def outlives_erasure(self, envelope: Envelope) -> bool:
        """Whether this is still to be heard when its subject was erased."""
        known = self._handlers.get(envelope.type)
        return known is not None and known[0].outlives_erasure

    def _read(self, envelope: Envelope) -> _Known:
        if not envelope.is_vouched_for:
            raise Forged(NOT_VOUCHED_FOR)
        known = self._handlers.get(envelope.type)
        if known is None:
            raise UnknownEvent(envelope.type)
        event, handler = known
        try:
            return _Known(handler, read_event(envelope, event))
        except ValidationError as error:
            raise Unprocessable("broken contract") from error


async def _heard(
    connection: AsyncConnection, known: Mapping[tuple[UUID, str], _Known]
) -> list[tuple[_Known, bool]]:
    """Those that are new, each with whether its subject was erased; the subjects are locked from here on."""
    await lock_subjects(connection, *(each for one in known.values() for each in one.delivery.event.touches))
    keys = sorted(known)
    rows = await connection.execute(
        _HEAR,
        {
            "ids": [event_id for event_id, _ in keys],
            "speakers": [speaker for _, speaker in keys],
            "subjects": [known[key].delivery.event.subject for key in keys],
        },
    )
    return [(known[row.event_id, row.speaker], row.is_erased) for row in rows]


def _grouped(known: Sequence[_Known]) -> list[tuple[Handler, list[Delivery[Event]]]]:
    """Deliveries with one handler together, oldest first; handlers of erasures last."""
    groups: dict[tuple[bool, Handler], list[Delivery[Event]]] = {}
    for handler, delivery in sorted(known, key=lambda each: each.delivery.spoken_at):
        groups.setdefault((delivery.event.erases, handler), []).append(delivery)
    return [(handler, groups[erases, handler]) for erases, handler in sorted(groups, key=lambda key: key[0])]
