"""What intake remembers: submissions (no content), municipalities and which forms they use."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from common.coarse import CoarseTime, coarse
from common.contracts.base import Event
from common.contracts.gateway import MunicipalityConfigured
from common.db import Database
from common.messaging.outbox import FACT_COLUMNS, fact_columns
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Submission:
    """What is kept of a report: enough to answer a repeat the same, nothing of its content."""

    municipality: str
    key_hash: bytes
    body_mac: bytes
    lookup_id: str
    public_key: str
    report_id: UUID
    reporter_handle: UUID
    received_at: CoarseTime


_INSERT = text(
    """
    INSERT INTO submission (municipality, key_hash, body_mac, lookup_id, public_key, report_id,
                            reporter_handle, received_at)
    SELECT * FROM unnest(CAST(:municipality AS text[]), CAST(:key_hash AS bytea[]),
                         CAST(:body_mac AS bytea[]),
                         CAST(:lookup_id AS text[]), CAST(:public_key AS text[]), CAST(:report_id AS uuid[]),
                         CAST(:reporter_handle AS uuid[]), CAST(:received_at AS timestamptz[]))
    ON CONFLICT ON CONSTRAINT pk_submission DO NOTHING
    RETURNING report_id
    """
)
_INSERT_WITH_FACTS = f"""
    WITH written AS (
        INSERT INTO submission (municipality, key_hash, body_mac, lookup_id, public_key, report_id,
                                reporter_handle, received_at)
        SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::uuid[],
                             $7::uuid[], $8::timestamptz[])
        ON CONFLICT ON CONSTRAINT pk_submission DO NOTHING
        RETURNING report_id
    ), spoken AS (
        INSERT INTO outbox ({FACT_COLUMNS})
        SELECT {FACT_COLUMNS}
        FROM unnest($9::uuid[], $10::uuid[], $11::text[], $12::text[], $13::text[], $14::bytea[])
             AS fact (report_id, {FACT_COLUMNS})
        JOIN written USING (report_id)
    )
    SELECT report_id FROM written
    """  # noqa: S608 -- the names of columns
_MACS = text(
    """
    SELECT municipality, key_hash, body_mac FROM submission
    WHERE (municipality, key_hash) IN
          (SELECT * FROM unnest(CAST(:municipality AS text[]), CAST(:key_hash AS bytea[])))
    """
)
_RECEIVED_AT = text(
    "SELECT received_at FROM submission WHERE municipality = :municipality AND key_hash = :key_hash"
)
_KEEP_STATE = text(
    """
    INSERT INTO municipality_state (municipality, version, state)
    VALUES (:municipality, :version, CAST(:state AS jsonb))
    ON CONFLICT (municipality) DO UPDATE SET version = excluded.version, state = excluded.state
    WHERE municipality_state.version < excluded.version
    RETURNING 1
    """
)
_STATES = text(
    """
    SELECT state, forms_state.version AS forms_version FROM municipality_state
    JOIN forms_state USING (municipality)
    """
)
_STATE = text("SELECT state FROM municipality_state WHERE municipality = :municipality")
_VERSIONS = text(
    """
    SELECT municipality, municipality_state.version, forms_state.version,
           coalesce((SELECT string_agg(seal, ' ' ORDER BY position) FROM signer_pin
                     WHERE signer_pin.municipality = municipality_state.municipality), '')
    FROM municipality_state JOIN forms_state USING (municipality)
    """
)
_ERASE = text(
    """
    UPDATE submission SET erased_at = coarse_now(), lookup_id = '', public_key = ''
    WHERE municipality = :municipality AND report_id = :report_id AND erased_at IS NULL
    """
)


async def insert_submissions(
    connection: AsyncConnection, submissions: Sequence[Submission]
) -> frozenset[UUID]:
    """Insert those whose key is new; returns their report ids. Sorted by key: writers never deadlock."""
    rows = await connection.execute(_INSERT, _columns(submissions))
    return frozenset(rows.scalars())


async def insert_with_facts(
    database: Database, told: Sequence[tuple[Submission, Sequence[Event]]]
) -> frozenset[UUID]:
    """As `insert_submissions`, with the facts of each new one in the outbox: one statement, durable after it.

    Raises `TooLarge`, and the driver's own errors.
    """
    about = [submission.report_id for submission, events in told for _ in events]
    facts = fact_columns([(event, submission.received_at) for submission, events in told for event in events])
    columns = _columns([submission for submission, _ in told])
    rows = await database.at_once(_INSERT_WITH_FACTS, *columns.values(), about, *facts)
    database.spoken.set()
    return frozenset(row["report_id"] for row in rows)


def _columns(submissions: Sequence[Submission]) -> dict[str, list[object]]:
    ordered = sorted(submissions, key=lambda each: (each.municipality, each.key_hash))
    return {name: [getattr(each, name) for each in ordered] for name in Submission.__dataclass_fields__}


async def body_macs(
    connection: AsyncConnection, keys: Sequence[tuple[str, bytes]]
) -> dict[tuple[str, bytes], bytes]:
    """The MAC of the body that first came with each key."""
    rows = await connection.execute(
        _MACS, {"municipality": [each for each, _ in keys], "key_hash": [each for _, each in keys]}
    )
    return {(row.municipality, bytes(row.key_hash)): bytes(row.body_mac) for row in rows}


async def received_at(connection: AsyncConnection, municipality: str, key_hash: bytes) -> CoarseTime | None:
    """When the report with this key was stored, erased since or not; None when there is none."""
    found = await connection.execute(_RECEIVED_AT, {"municipality": municipality, "key_hash": key_hash})
    at = found.scalar_one_or_none()
    return None if at is None else coarse(at)


async def keep_municipality(connection: AsyncConnection, state: MunicipalityConfigured) -> bool:
    """Keep this state if it is the newest heard; whether it is."""
    kept = await connection.execute(
        _KEEP_STATE,
        {
            "municipality": state.municipality,
            "version": state.version,
            "state": state.model_dump_json(by_alias=True),
        },
    )
    return kept.first() is not None


async def kept_state(connection: AsyncConnection, municipality: str) -> MunicipalityConfigured | None:
    """The state that is kept of a municipality."""
    row = (await connection.execute(_STATE, {"municipality": municipality})).one_or_none()
    return _state(row.state) if row else None


async def versions(connection: AsyncConnection) -> frozenset[tuple[str, int, int, str]]:
    """Every municipality with the versions of its state and forms, and its pins: to see what changed."""
    rows = await connection.execute(_VERSIONS)
    return frozenset((str(row[0]), int(row[1]), int(row[2]), str(row[3])) for row in rows)


async def municipalities(connection: AsyncConnection) -> dict[str, tuple[MunicipalityConfigured, int]]:
    """Every municipality's state and the version of its forms."""
    rows = await connection.execute(_STATES)
    found = {}
    for row in rows:
        state = _state(row.state)
        found[state.municipality] = (state, int(row.forms_version))
    return found


async def erase_submission(connection: AsyncConnection, municipality: str, report_id: UUID) -> None:
    """Forget what leads to the reporter; the key's hash stays, so that a late repeat revives nothing."""
    await connection.execute(_ERASE, {"municipality": municipality, "report_id": report_id})


def _state(kept: object) -> MunicipalityConfigured:
    return MunicipalityConfigured.model_validate(kept if isinstance(kept, dict) else json.loads(str(kept)))
