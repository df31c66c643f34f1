"""Invitations as rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.domain.admission import Invitation

_INSERT = text(
    """
    INSERT INTO invitation (municipality, id, name, code_hash, max_uses, expires_at, created_by, created_at)
    VALUES (:municipality, :id, :name, :code_hash, :max_uses, :expires_at, :created_by, :created_at)
    """
)
_COUNT_IN_FORCE = text("SELECT count(*) FROM invitation WHERE revoked_at IS NULL AND expires_at > :now")
_LIST = text("SELECT * FROM invitation ORDER BY created_at DESC, id LIMIT :most")
_FIND = text("SELECT * FROM invitation WHERE code_hash = :code_hash")
_USE = text(
    """
    UPDATE invitation SET uses = uses + 1
    WHERE code_hash = :code_hash AND revoked_at IS NULL AND expires_at > :now AND uses < max_uses
    RETURNING id
    """
)
_GIVE_BACK = text("UPDATE invitation SET uses = uses - 1 WHERE id = :id AND uses > 0")
_REVOKE = text(
    """
    UPDATE invitation SET revoked_by = coalesce(revoked_by, :person), revoked_at = coalesce(revoked_at, :now)
    WHERE id = :id RETURNING id
    """
)
_REWRITE = text("SELECT rewrite_invitations()")


async def insert(connection: AsyncConnection, municipality: str, code_hash: bytes, made: Invitation) -> None:
    """Keep a new one."""
    await connection.execute(
        _INSERT,
        {
            "municipality": municipality,
            "id": made.id,
            "name": made.name,
            "code_hash": code_hash,
            "max_uses": made.max_uses,
            "expires_at": made.expires_at,
            "created_by": made.created_by,
            "created_at": made.created_at,
        },
    )


async def count_in_force(connection: AsyncConnection, now: datetime) -> int:
    """How many were neither revoked nor ended by this moment, used up or not."""
    return int((await connection.execute(_COUNT_IN_FORCE, {"now": now})).scalar_one())


async def newest(connection: AsyncConnection, most: int) -> list[Invitation]:
    """The newest of all that were ever made."""
    return [_invitation(row) for row in (await connection.execute(_LIST, {"most": most})).mappings()]


async def find(connection: AsyncConnection, code_hash: bytes) -> Invitation | None:
    """The one with this code."""
    row = (await connection.execute(_FIND, {"code_hash": code_hash})).mappings().one_or_none()
    return _invitation(row) if row else None


async def use(connection: AsyncConnection, code_hash: bytes, now: datetime) -> UUID | None:
    """Count one use of a valid code; None when it is not valid."""
    found: Any = (await connection.execute(_USE, {"code_hash": code_hash, "now": now})).scalar_one_or_none()
    return UUID(str(found)) if found else None


async def give_back(connection: AsyncConnection, invitation: UUID) -> None:
    """Count one use less."""
    await connection.execute(_GIVE_BACK, {"id": invitation})


async def rewrite(connection: AsyncConnection) -> bool:
    """Write all of them anew, so that none tells when it was used; False while others keep the table busy.

    Of all municipalities, in one transaction, into a new file. Once a week, at a moment that only the
    database's owner knows, their uses become those that are shown.
    """
    return bool((await connection.execute(_REWRITE)).scalar_one())


async def revoke(connection: AsyncConnection, invitation: UUID, person: UUID, now: datetime) -> bool:
    """Let nobody use it any more; False when there is none. Who did it first stays written."""
    values = {"id": invitation, "person": person, "now": now}
    return (await connection.execute(_REVOKE, values)).scalar_one_or_none() is not None


def _invitation(row: RowMapping) -> Invitation:
    return Invitation(**{name: row[name] for name in Invitation.__dataclass_fields__})
