"""The outbox: a fact and the state change it tells of are committed together, or not at all."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.coarse import CoarseTime
from common.contracts.base import Event
from common.db import wake_after_commit
from common.messaging.envelope import VOUCHED_FOR, encode

FACT_COLUMNS = "event_id, municipality, subject, routing_key, body"  # of the table `outbox`
_INSERT = text(
    """
    INSERT INTO outbox (event_id, municipality, subject, routing_key, body)
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:municipalities AS text[]), CAST(:subjects AS text[]),
                         CAST(:keys AS text[]), CAST(:bodies AS bytea[]))
    """
)
_FORGET_UNSENT = text("DELETE FROM outbox WHERE subject = ANY(:subjects) AND sent_at IS NULL")
_FORGET_HEARD = text(f"DELETE FROM waiting WHERE subject = ANY(:subjects) AND {VOUCHED_FOR}")  # noqa: S608
#: Who forged an event could have it erased too: that somebody did stays, and nothing of what it said.
_EMPTY_FORGED = text("UPDATE waiting SET subject = '', body = '' WHERE subject = ANY(:subjects)")
_REMEMBER_ERASED = text(
    """
    INSERT INTO tombstone (subject, municipality, erased_at)
    SELECT subject, :municipality, coarse_now() FROM unnest(CAST(:subjects AS text[])) AS subject
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text(
    """
    SELECT count(pg_advisory_xact_lock(key)) FROM (
        SELECT DISTINCT hashtextextended(subject, 0) AS key
        FROM unnest(CAST(:subjects AS text[])) AS subject ORDER BY key) AS ordered
    """
)


async def publish(connection: AsyncConnection, *events: Event) -> None:
    """Put facts in the outbox inside the caller's transaction; the relay sends them after it commits.

    Delivered at least once to every hearer, in no particular order. Raises `TooLarge` above 64 KiB.
    """
    await _put(connection, [(event, None) for event in events])


async def publish_at(connection: AsyncConnection, *facts: tuple[Event, CoarseTime]) -> None:
    """As `publish`, each with when it happened: for what follows at once from something else."""
    await _put(connection, facts)


async def _put(connection: AsyncConnection, facts: Sequence[tuple[Event, CoarseTime | None]]) -> None:
    if not facts:
        return
    wake_after_commit(connection)
    names = ("ids", "municipalities", "subjects", "keys", "bodies")
    await connection.execute(_INSERT, dict(zip(names, fact_columns(facts), strict=True)))


def fact_columns(
    facts: Sequence[tuple[Event, CoarseTime | None]],
) -> tuple[list[UUID], list[str], list[str], list[str], list[bytes]]:
    """Facts, each with when it happened, as one array for each of `FACT_COLUMNS`.

    For a statement that also writes what they tell of. Who writes them so sets `Database.spoken` afterwards.
    Raises `TooLarge` above 64 KiB.
    """
    envelopes = [encode(event, at=at) for event, at in facts]
    return (
        [envelope.event_id for envelope in envelopes],
        [envelope.municipality for envelope in envelopes],
        [envelope.subject for envelope in envelopes],
        [event.routing_key for event, _ in facts],
        [envelope.body for envelope in envelopes],
    )


async def forget_subject(connection: AsyncConnection, municipality: str, *subjects: str) -> None:
    """Erase everything still in flight about these subjects and bar what comes later.

    Deletes unsent, waiting and parked messages and leaves a tombstone that wins over late events. Of what
    nobody vouches for there stays that it came: its type, its sender and its municipality, and no content.
    Needs the flow role. Safe to repeat.
    """
    named = list(subjects)
    await connection.execute(_FORGET_UNSENT, {"subjects": named})
    await connection.execute(_FORGET_HEARD, {"subjects": named})
    await connection.execute(_EMPTY_FORGED, {"subjects": named})
    await connection.execute(_REMEMBER_ERASED, {"subjects": named, "municipality": municipality})


async def lock_subjects(connection: AsyncConnection, *subjects: str) -> None:
    """Be the only one at these subjects until the transaction ends; always in the same order."""
    await connection.execute(_LOCK, {"subjects": sorted(set(subjects))})
