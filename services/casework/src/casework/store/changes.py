"""What handlers change, each in the caller's transaction (web role)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from common.coarse import CoarseTime
from common.sealing import SealedContent
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from casework.store.incoming import add_history, add_sealed

_CHANGEABLE = frozenset(
    {
        "status",
        "taken_by",
        "taken_at",
        "closed_at",
        "result",
        "duplicate_of",
        "has_new_reply",
        "anonymised_text",
        "needs_review",
    }
)


async def change_report(
    connection: AsyncConnection, report_id: UUID, version: int, changes: Mapping[str, Any]
) -> bool:
    """Set these columns if the report still has this version, which grows by one; False when it has not."""
    unknown = changes.keys() - _CHANGEABLE
    if unknown:
        raise ValueError(f"not changeable: {', '.join(sorted(unknown))}")
    setting = "".join(f", {name} = :{name}" for name in changes)
    row = await connection.execute(
        text(
            f"""UPDATE report SET version = version + 1{setting}
                WHERE id = :report_id AND version = :version RETURNING 1"""  # noqa: S608 -- checked above
        ),
        {**changes, "report_id": report_id, "version": version},
    )
    return row.first() is not None


async def forget_new_reply(connection: AsyncConnection, report_id: UUID) -> None:
    """The replies were opened; this changes nothing that a version guards."""
    await connection.execute(
        text("UPDATE report SET has_new_reply = false WHERE id = :id AND has_new_reply"), {"id": report_id}
    )


async def add_question(
    connection: AsyncConnection,
    municipality: str,
    report_id: UUID,
    question_id: UUID,
    digest: str,
    asked_by: UUID,
    asked_at: CoarseTime,
) -> bool:
    """Remember a question; False when its id is known already."""
    row = await connection.execute(
        text(
            """INSERT INTO question (municipality, id, report_id, digest, asked_by, asked_at)
               VALUES (:municipality, :id, :report_id, :digest, :asked_by, :asked_at)
               ON CONFLICT DO NOTHING RETURNING 1"""
        ),
        {
            "municipality": municipality,
            "id": question_id,
            "report_id": report_id,
            "digest": digest,
            "asked_by": asked_by,
            "asked_at": asked_at,
        },
    )
    return row.first() is not None


async def has_opened(connection: AsyncConnection, report_id: UUID, person: UUID) -> bool:
    """Whether it is written that this person opened the report."""
    row = await connection.execute(
        text(
            """SELECT 1 FROM history
               WHERE report_id = :report_id AND by_person = :person AND what = 'opened' LIMIT 1"""
        ),
        {"report_id": report_id, "person": person},
    )
    return row.first() is not None


async def has_sealed(connection: AsyncConnection, report_id: UUID, compartment: str, subject: str) -> bool:
    """Whether this place is taken."""
    row = await connection.execute(
        text(
            """SELECT 1 FROM sealed
               WHERE report_id = :report_id AND compartment = :compartment AND subject = :subject"""
        ),
        {"report_id": report_id, "compartment": compartment, "subject": subject},
    )
    return row.first() is not None


async def add_rules(
    connection: AsyncConnection,
    municipality: str,
    version: int,
    rules: Sequence[Mapping[str, Any]],
    changed_by: UUID,
) -> bool:
    """Add a version of the routing rules; False when somebody was first."""
    row = await connection.execute(
        text(
            """INSERT INTO routing_rules (municipality, version, rules, changed_by)
               VALUES (:municipality, :version, CAST(:rules AS jsonb), :changed_by)
               ON CONFLICT DO NOTHING RETURNING 1"""
        ),
        {
            "municipality": municipality,
            "version": version,
            "rules": json.dumps(rules),
            "changed_by": changed_by,
        },
    )
    return row.first() is not None


async def note_history(
    connection: AsyncConnection,
    municipality: str,
    report_id: UUID,
    version: int,
    by_person: UUID | None,
    at: CoarseTime,
    what: str,
    **detail: Any,  # noqa: ANN401 -- codes and ids of any JSON type
) -> None:
    """Add one line to the history."""
    line = {
        "municipality": municipality,
        "report_id": report_id,
        "version": version,
        "by_person": by_person,
        "at": at,
        "what": what,
        "detail": detail,
    }
    await add_history(connection, [line])


async def keep_sealed(
    connection: AsyncConnection,
    municipality: str,
    report_id: UUID,
    compartment: str,
    subject: str,
    by_person: UUID,
    at: CoarseTime,
    sealed: SealedContent,
) -> None:
    """Keep what a handler wrote, sealed in the browser."""
    place = {
        "municipality": municipality,
        "report_id": report_id,
        "compartment": compartment,
        "subject": subject,
        "by_person": by_person,
        "at": at,
    }
    await add_sealed(connection, [(place, sealed)])
