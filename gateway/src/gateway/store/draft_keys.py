"""The gateway's halves of the keys of drafts, as SQL."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.draft_keys import DraftKey
from gateway.store.rows import one


async def insert_draft_key(
    connection: AsyncConnection, municipality: str, key: DraftKey, now: datetime, most: int
) -> bool:
    """Keep a half, unless so many are kept already or the id is taken; says whether it is kept.

    Counts what others have committed: as many as write at one moment may come on top of `most`.
    """
    result = await connection.execute(
        text(
            """
            INSERT INTO draft_key (municipality, id, half, due_at)
            SELECT :municipality, :id, :half, :due_at
            WHERE (SELECT count(*) FROM draft_key WHERE due_at > :now) < :most
            ON CONFLICT DO NOTHING
            """
        ),
        {"municipality": municipality, **vars(key), "now": now, "most": most},
    )
    return bool(result.rowcount)


async def read_draft_key(connection: AsyncConnection, own_id: bytes, now: datetime) -> bytes | None:
    """The half with this id in the transaction's municipality, or None; past its day there is none."""
    row = await one(
        connection,
        "SELECT half FROM draft_key WHERE id = :id AND due_at > :now",
        {"id": own_id, "now": now},
    )
    return None if row is None else bytes(row["half"])


async def delete_draft_key(connection: AsyncConnection, own_id: bytes) -> bool:
    """Destroy a half of the transaction's municipality; says whether there was one."""
    result = await connection.execute(text("DELETE FROM draft_key WHERE id = :id"), {"id": own_id})
    return bool(result.rowcount)


async def delete_due_draft_keys(connection: AsyncConnection, now: datetime) -> int:
    """Destroy what is past its day; needs the flow role."""
    result = await connection.execute(text("DELETE FROM draft_key WHERE due_at <= :now"), {"now": now})
    return int(result.rowcount)


async def rewrite_draft_keys(connection: AsyncConnection) -> bool:
    """Give the table a new file with what it holds; False where others keep it busy. Needs the flow role."""
    return bool((await connection.execute(text("SELECT rewrite_draft_keys()"))).scalar_one())
