"""What an operator sees of waiting and parked messages, and decides about them: no content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text

from common.coarse import CoarseTime
from common.db import Database
from common.messaging.envelope import VOUCHED_FOR, is_vouched_for

_LIST = text(
    """
    SELECT id, event_id, spoken_by, type, municipality, attempt, due_at, error, first_seen_at, parked_at
    FROM waiting
    WHERE (CAST(:municipality AS text) IS NULL OR municipality = :municipality)
      AND (NOT :parked_only OR parked_at IS NOT NULL)
    ORDER BY first_seen_at, id LIMIT :limit
    """
)
_SELECTED = """
    WHERE parked_at IS NOT NULL AND (CAST(:municipality AS text) IS NULL OR municipality = :municipality)
      AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(:ids))
"""
_REPLAY = text(
    "UPDATE waiting SET parked_at = NULL, attempt = 0, due_at = coarse_now()"  # noqa: S608
    f" {_SELECTED} AND {VOUCHED_FOR}"
)
_NOT_VOUCHED_FOR = text(f"SELECT count(*) FROM waiting {_SELECTED} AND NOT ({VOUCHED_FOR})")  # noqa: S608
_DISCARD = text(f"DELETE FROM waiting {_SELECTED}")  # noqa: S608
_VOUCH = text(
    "UPDATE waiting SET spoken_by = split_part(type, '.', 3) WHERE parked_at IS NOT NULL AND id = ANY(:ids)"
)


@dataclass(frozen=True)
class WaitingMessage:
    """A waiting or parked message as an operator sees it: no content."""

    id: int
    event_id: UUID
    spoken_by: str  # the broker's word
    type: str
    municipality: str
    attempt: int
    due_at: datetime
    error: str | None
    first_seen_at: CoarseTime
    parked_at: CoarseTime | None

    @property
    def is_vouched_for(self) -> bool:
        """Whether the broker took it from the one service that may speak its type."""
        return is_vouched_for(self.type, self.spoken_by)


class WaitingList:
    """The waiting room seen from outside; every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(
        self, *, municipality: str | None = None, parked_only: bool = False, limit: int = 200
    ) -> list[WaitingMessage]:
        """Waiting and parked messages, oldest first."""
        async with self._database.flowing() as connection:
            rows = await connection.execute(
                _LIST, {"municipality": municipality, "parked_only": parked_only, "limit": limit}
            )
            return [WaitingMessage(**row) for row in rows.mappings()]

    async def replay(self, *, municipality: str | None = None, ids: Sequence[int] | None = None) -> int:
        """Give parked messages all their tries again, but those that nobody vouches for; returns how many."""
        return await self._change(_REPLAY, municipality, ids)

    async def left_out(self, *, municipality: str | None = None, ids: Sequence[int] | None = None) -> int:
        """How many parked messages nobody vouches for: `replay` leaves them where they are."""
        chosen = {"municipality": municipality, "ids": None if ids is None else list(ids)}
        async with self._database.flowing() as connection:
            return int((await connection.execute(_NOT_VOUCHED_FOR, chosen)).scalar_one())

    async def vouch(self, ids: Sequence[int]) -> int:
        """Take a person's word that these parked messages come from their speakers; returns how many."""
        async with self._database.flowing() as connection:
            return int((await connection.execute(_VOUCH, {"ids": list(ids)})).rowcount)

    async def discard(self, *, municipality: str | None = None, ids: Sequence[int] | None = None) -> int:
        """Delete parked messages for good; returns how many."""
        return await self._change(_DISCARD, municipality, ids)

    async def _change(
        self, statement: TextClause, municipality: str | None, ids: Sequence[int] | None
    ) -> int:
        chosen = {"municipality": municipality, "ids": None if ids is None else list(ids)}
        async with self._database.flowing() as connection:
            return int((await connection.execute(statement, chosen)).rowcount)
