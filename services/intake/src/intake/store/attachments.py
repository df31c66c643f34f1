"""What intake remembers of files: which blob, for which key group, and whose report claimed it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.coarse import CoarseTime
from common.sealing import Wrap
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Arriving:
    """A file whose blob is about to be written."""

    municipality: str
    id: UUID
    blob: str
    claim_hash: bytes
    key_group: str
    media_type: str
    created_at: CoarseTime


@dataclass(frozen=True)
class Kept:
    """A file as it is known."""

    id: UUID
    state: str  # arriving, ready, claimed, leaving
    blob: str
    claim_hash: bytes
    key_group: str
    media_type: str
    size_bytes: int
    wraps: tuple[Wrap, ...]
    claimed_by: bytes | None


@dataclass(frozen=True)
class ReportClaim:
    """A report that claims a file."""

    municipality: str
    id: UUID
    key_hash: bytes
    report_id: UUID


_ARRIVE = text(
    """
    INSERT INTO attachment (municipality, id, blob, claim_hash, key_group, media_type, created_at)
    VALUES (:municipality, :id, :blob, :claim_hash, :key_group, :media_type, :created_at)
    """
)
_READY = text(
    """
    UPDATE attachment SET state = 'ready', size_bytes = :size_bytes, wraps = CAST(:wraps AS jsonb)
    WHERE municipality = :municipality AND id = :id AND state = 'arriving'
    """
)
_UNCLAIMED = text(
    """
    SELECT count(*) FROM (
        SELECT FROM attachment WHERE municipality = :municipality AND state <> 'claimed' LIMIT :most
    ) AS counted
    """
)
_READ = text(
    """
    SELECT id, state, blob, claim_hash, key_group, media_type, size_bytes, wraps, claimed_by FROM attachment
    WHERE municipality = :municipality AND id = ANY(:ids)
    """
).columns(wraps=JSONB)
_CLAIM = text(
    """
    WITH wanted AS (
        SELECT a.municipality, a.id, g.key_hash, g.report_id FROM attachment a
        JOIN unnest(CAST(:municipality AS text[]), CAST(:id AS uuid[]), CAST(:key_hash AS bytea[]),
                    CAST(:report_id AS uuid[])) AS g (municipality, id, key_hash, report_id)
             ON a.municipality = g.municipality AND a.id = g.id
        WHERE a.state = 'ready' ORDER BY a.municipality, a.id FOR UPDATE OF a
    )
    UPDATE attachment AS a
    SET state = 'claimed', claimed_by = w.key_hash, report_id = w.report_id, wraps = NULL,
        created_at = date_trunc('day', a.created_at, 'UTC')
    FROM wanted w WHERE a.municipality = w.municipality AND a.id = w.id AND a.state = 'ready'
    RETURNING a.municipality, a.id, a.report_id
    """
)
_LEAVE = text(
    """
    WITH due AS (
        SELECT municipality, id FROM attachment
        WHERE state <> 'claimed' AND (created_at < :before OR state = 'leaving')
        ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE attachment AS a SET state = 'leaving', wraps = NULL FROM due
    WHERE a.municipality = due.municipality AND a.id = due.id
    RETURNING a.municipality, a.id, a.blob
    """
)
_OF_REPORT = text(
    """
    SELECT blob FROM attachment WHERE municipality = :municipality AND report_id = :report_id
    ORDER BY id FOR UPDATE
    """
)


async def add_arriving(connection: AsyncConnection, arriving: Arriving) -> None:
    """Remember a file before its blob is written."""
    await connection.execute(_ARRIVE, vars(arriving))


async def mark_ready(
    connection: AsyncConnection, municipality: str, own_id: UUID, size_bytes: int, wraps: Sequence[Wrap]
) -> bool:
    """The blob is durable and may be claimed; False when the row is gone meanwhile."""
    told = json.dumps([wrap.model_dump(by_alias=True) for wrap in wraps])
    result = await connection.execute(
        _READY, {"municipality": municipality, "id": own_id, "size_bytes": size_bytes, "wraps": told}
    )
    return bool(result.rowcount)


async def forget_arriving(connection: AsyncConnection, municipality: str, own_id: UUID) -> None:
    """The blob of this file is gone, before anybody was told of it; nothing when its row is gone too."""
    await connection.execute(
        text("DELETE FROM attachment WHERE municipality = :municipality AND id = :id AND state <> 'claimed'"),
        {"municipality": municipality, "id": own_id},
    )


async def count_unclaimed(connection: AsyncConnection, municipality: str, most: int) -> int:
    """How many files of this municipality no report claims yet; counting stops at `most`."""
    found = await connection.execute(_UNCLAIMED, {"municipality": municipality, "most": most})
    return int(found.scalar_one())


async def read(connection: AsyncConnection, municipality: str, ids: Sequence[UUID]) -> Mapping[UUID, Kept]:
    """Those of these files that are known."""
    rows = await connection.execute(_READ, {"municipality": municipality, "ids": list(ids)})
    return {
        row.id: Kept(
            id=row.id,
            state=row.state,
            blob=row.blob,
            claim_hash=bytes(row.claim_hash),
            key_group=row.key_group,
            media_type=row.media_type,
            size_bytes=row.size_bytes or 0,
            wraps=tuple(Wrap.model_validate(wrap) for wrap in row.wraps or ()),
            claimed_by=bytes(row.claimed_by) if row.claimed_by is not None else None,
        )
        for row in rows
    }


async def claim(
    connection: AsyncConnection, claims: Sequence[ReportClaim]
) -> frozenset[tuple[str, UUID, UUID]]:
    """Give files that are ready to reports, each to one; (municipality, file, report) of those given.

    Locks in one order, so that writers never deadlock. The wraps leave with the report and are forgotten, and
    of when a file came only the day stays.
    """
    names = ReportClaim.__dataclass_fields__
    rows = await connection.execute(
        _CLAIM, {name: [getattr(each, name) for each in claims] for name in names}
    )
    return frozenset((row.municipality, row.id, row.report_id) for row in rows)


async def take_leaving(
    connection: AsyncConnection, before: datetime, most: int
) -> Sequence[tuple[str, UUID, str]]:
    """Mark files that no report claimed in time; (municipality, id, blob) of those to delete now.

    Once marked, a file cannot be claimed any more, and it is given out here until it was forgotten.
    """
    rows = await connection.execute(_LEAVE, {"before": before, "most": most})
    return [(row.municipality, row.id, row.blob) for row in rows]


async def forget_left(connection: AsyncConnection, left: Sequence[tuple[str, UUID, str]]) -> None:
    """The blobs of these are gone."""
    await connection.execute(
        text(
            """DELETE FROM attachment WHERE state = 'leaving' AND (municipality, id) IN
               (SELECT * FROM unnest(CAST(:municipality AS text[]), CAST(:id AS uuid[])))"""
        ),
        {"municipality": [each for each, _, _ in left], "id": [each for _, each, _ in left]},
    )


async def blobs_of_report(connection: AsyncConnection, municipality: str, report_id: UUID) -> Sequence[str]:
    """The blobs of a report's files, locked until the transaction ends."""
    rows = await connection.execute(_OF_REPORT, {"municipality": municipality, "report_id": report_id})
    return list(rows.scalars())


async def forget_report(connection: AsyncConnection, municipality: str, report_id: UUID) -> None:
    """The files of this report are gone."""
    await connection.execute(
        text("DELETE FROM attachment WHERE municipality = :municipality AND report_id = :report_id"),
        {"municipality": municipality, "report_id": report_id},
    )
