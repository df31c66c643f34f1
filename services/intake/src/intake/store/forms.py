"""Forms as rows: every published version of every part, drafts, and who did what."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.coarse import CoarseTime
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class FormsState:
    """Where a municipality's forms stand."""

    version: int
    seed_version: str  # of the seed that was adopted last; empty when none was


@dataclass(frozen=True)
class PartVersion:
    """One published version of one part; `document` is JSON as an administrator writes it."""

    municipality: str
    code: str
    version: int
    origin: str  # seed or own
    document: Any
    digest: bytes
    seed_digest: bytes | None  # of the seed's document when this was published
    published_by: UUID | None
    published_at: CoarseTime


@dataclass(frozen=True)
class Draft:
    """What an administrator is working on."""

    code: str
    revision: int
    based_on: int  # the published version that it starts from; 0 for a new part
    document: Any
    edited_by: UUID
    edited_at: CoarseTime


@dataclass(frozen=True)
class AuditRow:
    """Who did what, when: no content."""

    code: str
    what: str  # draft-saved, draft-discarded, published, seed-adopted
    number: int  # the draft's revision, or the version that was published
    person: UUID | None
    at: CoarseTime
    lifted: tuple[str, ...] = ()  # what protected reports until then (`domain.lifted`)


_BEGIN = text(
    """
    INSERT INTO forms_state (municipality, version) VALUES (:municipality, 1)
    ON CONFLICT (municipality) DO NOTHING
    """
)
_LOCK = text("SELECT version, seed_version FROM forms_state WHERE municipality = :municipality FOR UPDATE")
_ADVANCE = text(
    """
    UPDATE forms_state SET version = :version, seed_version = greatest(seed_version, :seed_version)
    WHERE municipality = :municipality
    """
)
_STALE = text("SELECT municipality FROM forms_state WHERE seed_version < :seed_version ORDER BY municipality")
_CURRENT = text(
    """
    SELECT DISTINCT ON (municipality, code) * FROM form_version
    WHERE municipality = ANY(:municipalities) AND version <= :version
    ORDER BY municipality, code, version DESC
    """
)
_NEWEST = 2**31 - 1
_INSERT = text(
    """
    INSERT INTO form_version (municipality, code, version, origin, document, digest, seed_digest,
                              published_by, published_at)
    VALUES (:municipality, :code, :version, :origin, CAST(:document AS jsonb), :digest, :seed_digest,
            :published_by, :published_at)
    """
)
_HISTORY = text("SELECT * FROM form_version WHERE code = :code ORDER BY version DESC LIMIT :most")
_DRAFTS = text("SELECT * FROM form_draft ORDER BY code")
_COUNT_DRAFTS = text("SELECT count(*) FROM form_draft")
_DRAFT = text("SELECT * FROM form_draft WHERE code = :code FOR UPDATE")
_SAVE = text(
    """
    INSERT INTO form_draft (municipality, code, revision, based_on, document, edited_by, edited_at)
    VALUES (:municipality, :code, :revision, :based_on, CAST(:document AS jsonb), :edited_by, :edited_at)
    ON CONFLICT (municipality, code) DO UPDATE SET revision = excluded.revision,
        based_on = excluded.based_on, document = excluded.document,
        edited_by = excluded.edited_by, edited_at = excluded.edited_at
    """
)
_DISCARD = text("DELETE FROM form_draft WHERE code = :code")
_AUDIT = text(
    """
    INSERT INTO form_audit (municipality, code, what, number, person, at, lifted)
    VALUES (:municipality, :code, :what, :number, :person, :at, CAST(:lifted AS text[]))
    """
)
_LAST_REVISION = text(
    "SELECT coalesce(max(number), 0) FROM form_audit WHERE code = :code AND what = 'draft-saved'"
)
_AUDITED = text("SELECT * FROM form_audit WHERE id < :before ORDER BY id DESC LIMIT :most")


async def lock_state(connection: AsyncConnection, municipality: str) -> FormsState:
    """Be the only one at these forms until the transaction ends."""
    found = (await connection.execute(_LOCK, {"municipality": municipality})).one_or_none()
    if found is None:
        await connection.execute(_BEGIN, {"municipality": municipality})
        found = (await connection.execute(_LOCK, {"municipality": municipality})).one()
    return FormsState(int(found.version), str(found.seed_version))


async def advance(connection: AsyncConnection, municipality: str, version: int, seed_version: str) -> None:
    """Let the forms stand at this version, with at least this seed."""
    await connection.execute(
        _ADVANCE, {"municipality": municipality, "version": version, "seed_version": seed_version}
    )


async def behind(connection: AsyncConnection, seed_version: str) -> list[str]:
    """The municipalities that have not adopted this seed yet; needs the flow role."""
    return list((await connection.execute(_STALE, {"seed_version": seed_version})).scalars())


async def current_parts(
    connection: AsyncConnection, municipalities: Collection[str], *, at: int | None = None
) -> list[PartVersion]:
    """Of each part the version that holds now, or that held at a version of the forms."""
    values = {"municipalities": list(municipalities), "version": _NEWEST if at is None else at}
    return [_part(row) for row in (await connection.execute(_CURRENT, values)).mappings()]


async def insert_parts(connection: AsyncConnection, parts: Sequence[PartVersion]) -> None:
    """Publish these versions."""
    if parts:
        rows = [{**vars(each), "document": json.dumps(each.document)} for each in parts]
        await connection.execute(_INSERT, rows)


async def history(connection: AsyncConnection, code: str, most: int) -> list[PartVersion]:
    """The versions of a part, newest first."""
    rows = await connection.execute(_HISTORY, {"code": code, "most": most})
    return [_part(row) for row in rows.mappings()]


async def drafts(connection: AsyncConnection) -> list[Draft]:
    """Every draft."""
    return [_draft(row) for row in (await connection.execute(_DRAFTS)).mappings()]


async def count_drafts(connection: AsyncConnection) -> int:
    """How many drafts there are."""
    return int((await connection.execute(_COUNT_DRAFTS)).scalar_one())


async def draft(connection: AsyncConnection, code: str) -> Draft | None:
    """The draft of a part, which nobody else changes until the transaction ends."""
    row = (await connection.execute(_DRAFT, {"code": code})).mappings().one_or_none()
    return _draft(row) if row else None


async def last_revision(connection: AsyncConnection, code: str) -> int:
    """The highest revision that any draft of a part ever had; 0 when there was none."""
    return int((await connection.execute(_LAST_REVISION, {"code": code})).scalar_one())


async def save_draft(connection: AsyncConnection, municipality: str, saved: Draft) -> None:
    """Make this the draft of its part."""
    values = {**vars(saved), "municipality": municipality, "document": json.dumps(saved.document)}
    await connection.execute(_SAVE, values)


async def discard_draft(connection: AsyncConnection, code: str) -> None:
    """Let a part have no draft."""
    await connection.execute(_DISCARD, {"code": code})


async def audit(connection: AsyncConnection, municipality: str, row: AuditRow) -> None:
    """Write down who did what."""
    values = {**vars(row), "municipality": municipality, "lifted": list(row.lifted)}
    await connection.execute(_AUDIT, values)


async def audited(connection: AsyncConnection, before: int | None, most: int) -> list[tuple[int, AuditRow]]:
    """What was done, newest first, each with its number; only what came before a number when one is given."""
    values = {"before": 2**63 - 1 if before is None else before, "most": most}
    rows = (await connection.execute(_AUDITED, values)).mappings()
    names = AuditRow.__dataclass_fields__
    return [
        (int(row["id"]), AuditRow(**{name: row[name] for name in names} | {"lifted": tuple(row["lifted"])}))
        for row in rows
    ]


def _part(row: RowMapping) -> PartVersion:
    return PartVersion(**{**row, "document": _parsed(row["document"]), "digest": bytes(row["digest"])})


def _draft(row: RowMapping) -> Draft:
    names = Draft.__dataclass_fields__
    return Draft(**{**{name: row[name] for name in names}, "document": _parsed(row["document"])})


def _parsed(document: Any) -> Any:  # noqa: ANN401 -- raw SQL leaves JSON columns as text
    return json.loads(document) if isinstance(document, str) else document
