"""What the events bring: reports, replies and configuration, across municipalities (flow role)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from common.coarse import CoarseTime
from common.contracts.base import Event
from common.contracts.casework import ReportErased
from common.contracts.intake import SealedAttachment
from common.sealing import SealedContent
from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK_CLASS = 73_061_198


async def share_configuration(connection: AsyncConnection, municipalities: Iterable[str]) -> None:
    """Hold each municipality's configuration still until this transaction ends, beside other readers."""
    for municipality in sorted(set(municipalities)):
        await connection.execute(
            text("SELECT pg_advisory_xact_lock_shared(:kind, hashtext(:municipality))"),
            {"kind": _LOCK_CLASS, "municipality": municipality},
        )


async def own_configuration(connection: AsyncConnection, municipality: str) -> None:
    """Be the only one to look at a municipality's configuration until this transaction ends."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(:kind, hashtext(:municipality))"),
        {"kind": _LOCK_CLASS, "municipality": municipality},
    )


async def keep_state(connection: AsyncConnection, table: str, event: Event, version: int) -> bool:
    """Replace a full state unless a version as high is known; True when it was replaced."""
    row = await connection.execute(
        text(
            f"""INSERT INTO {table} AS s (municipality, version, state)
                VALUES (:municipality, :version, CAST(:state AS jsonb))
                ON CONFLICT (municipality) DO UPDATE SET version = excluded.version, state = excluded.state
                WHERE s.version < excluded.version RETURNING 1"""  # noqa: S608 -- two literal names
        ),
        {
            "municipality": event.municipality,
            "version": version,
            "state": event.model_dump_json(by_alias=True),
        },
    )
    return row.first() is not None


async def read_configuration(
    connection: AsyncConnection, municipalities: Sequence[str]
) -> Mapping[str, RowMapping]:
    """Per municipality: `town`, `forms`, `rules`, `rules_version`; each None when it is not known."""
    rows = await connection.execute(
        text(
            """SELECT m.municipality, CAST(t.state AS text) AS town, CAST(f.state AS text) AS forms,
                      r.rules, r.version AS rules_version
               FROM unnest(CAST(:municipalities AS text[])) AS m (municipality)
               LEFT JOIN municipality_state t USING (municipality)
               LEFT JOIN forms_state f USING (municipality)
               LEFT JOIN LATERAL (SELECT rules, version FROM routing_rules
                   WHERE municipality = m.municipality ORDER BY version DESC LIMIT 1) r ON true"""
        ).columns(rules=JSONB),
        {"municipalities": sorted(set(municipalities))},
    )
    return {row.municipality: row._mapping for row in rows}


_REPORT_COLUMNS = (
    ("municipality", "text"),
    ("id", "uuid"),
    ("signal_type", "text"),
    ("forms_version", "integer"),
    ("choice_answers", "jsonb"),
    ("urgency", "text"),
    ("urgency_rank", "smallint"),
    ("neighbourhood", "text"),
    ("observed_on", "date"),
    ("received_at", "timestamptz"),
    ("received_elsewhere_at", "timestamptz"),
    ("channel", "text"),
    ("reporter_kind", "text"),
    ("is_traceable", "boolean"),
    ("is_restricted", "boolean"),
    ("has_identity", "boolean"),
    ("anonymised_text", "text"),
    ("needs_review", "boolean"),
    ("reporter_public_key", "text"),
    ("voucher", "jsonb"),
    ("reporter_handle", "uuid"),
    ("department", "text"),
    ("rule", "text"),
    ("rules_version", "bigint"),
    ("due_at", "timestamptz"),
)


def _insert(table: str, columns: Sequence[tuple[str, str]], conflict: str = "") -> TextClause:
    """One statement that inserts any number of rows, given as an array per column."""
    names = ", ".join(name for name, _ in columns)
    # An array of jsonb goes in as text: the driver knows no array of it.
    arrays = ", ".join(f"CAST(:{name} AS {'text' if kind == 'jsonb' else kind}[])" for name, kind in columns)
    values = ", ".join(f"CAST({name} AS jsonb)" if kind == "jsonb" else name for name, kind in columns)
    statement = f"""INSERT INTO {table} ({names}) SELECT {values} FROM unnest({arrays}) AS given ({names})
                    {conflict}"""  # noqa: S608 -- names from the tables above
    return text(statement)


def _arrays(columns: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name, _ in columns}


_INSERT_REPORTS = _insert("report", _REPORT_COLUMNS)

_SEALED_COLUMNS = (
    ("municipality", "text"),
    ("report_id", "uuid"),
    ("compartment", "text"),
    ("subject", "text"),
    ("content", "jsonb"),
    ("by_person", "uuid"),
    ("at", "timestamptz"),
)
_WRAP_COLUMNS = (
    ("municipality", "text"),
    ("report_id", "uuid"),
    ("compartment", "text"),
    ("subject", "text"),
    ("key_group", "text"),
    ("key_id", "text"),
    ("wrapped_key", "text"),
)
_INSERT_SEALED = _insert("sealed", _SEALED_COLUMNS)
_INSERT_WRAPS = _insert("wrap", _WRAP_COLUMNS)

_HISTORY_COLUMNS = (
    ("municipality", "text"),
    ("report_id", "uuid"),
    ("id", "bigint"),
    ("version", "integer"),
    ("at", "timestamptz"),
    ("by_person", "uuid"),
    ("what", "text"),
    ("detail", "jsonb"),
)
#: Lines are numbered within their report, which whoever adds one holds locked: one number for all reports
#: would tell which of them came first.
_INSERT_HISTORY = text(
    """
    INSERT INTO history (municipality, report_id, id, version, at, by_person, what, detail)
    SELECT municipality, report_id,
           coalesce(id, (SELECT coalesce(max(h.id), 0) FROM history h
                         WHERE h.municipality = given.municipality AND h.report_id = given.report_id)
                        + row_number() OVER (PARTITION BY municipality, report_id ORDER BY place)),
           version, at, by_person, what, CAST(detail AS jsonb)
    FROM unnest(CAST(:municipality AS text[]), CAST(:report_id AS uuid[]), CAST(:id AS bigint[]),
                CAST(:version AS integer[]), CAST(:at AS timestamptz[]), CAST(:by_person AS uuid[]),
                CAST(:what AS text[]), CAST(:detail AS text[]))
         WITH ORDINALITY AS given (municipality, report_id, id, version, at, by_person, what, detail, place)
    """
)


async def add_reports(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert reports, routed or not."""
    await connection.execute(_INSERT_REPORTS, _arrays(_REPORT_COLUMNS, rows))


async def add_sealed(
    connection: AsyncConnection, rows: Sequence[tuple[Mapping[str, Any], SealedContent | SealedAttachment]]
) -> None:
    """Insert sealed contents, and apart from them the wraps of their keys.

    Each row names municipality, report_id, compartment, subject, by_person and at.
    """
    if not rows:
        return
    contents = [
        {**row, "content": sealed.model_dump_json(by_alias=True, exclude={"wraps"})} for row, sealed in rows
    ]
    wraps = [
        {**row, "key_group": wrap.group, "key_id": wrap.key_id, "wrapped_key": wrap.wrapped_key}
        for row, sealed in rows
        for wrap in sealed.wraps
    ]
    await connection.execute(_INSERT_SEALED, _arrays(_SEALED_COLUMNS, contents))
    await connection.execute(_INSERT_WRAPS, _arrays(_WRAP_COLUMNS, wraps))


async def add_history(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add lines to the history; `detail` is a mapping of codes, versions and ids.

    A line's `id` is its number within its report; the next one where it is not given. The report is locked,
    or new.
    """
    full = [
        {"by_person": None, "id": None, **row, "detail": json.dumps(row.get("detail", {}))} for row in rows
    ]
    if full:
        await connection.execute(_INSERT_HISTORY, _arrays(_HISTORY_COLUMNS, full))


async def add_offers(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember which partner was offered which report under which id."""
    columns = (
        ("municipality", "text"),
        ("id", "uuid"),
        ("report_id", "uuid"),
        ("partner", "text"),
        ("offered_at", "timestamptz"),
    )
    if rows:
        await connection.execute(_insert("offer", columns), _arrays(columns, rows))


async def take_unrouted(connection: AsyncConnection, municipality: str) -> Sequence[RowMapping]:
    """The reports that nobody owns yet, locked; each with the version that it has once it is routed.

    Who took a report before it had a desk said so under the version it has: its routing is a later one.
    """
    rows = await connection.execute(
        text(
            """SELECT municipality, id, version + 1 AS version, signal_type, urgency, neighbourhood,
                      reporter_kind, channel, is_traceable, is_restricted, due_at,
                      reporter_handle
               FROM report WHERE municipality = :municipality AND department IS NULL
               ORDER BY id FOR UPDATE"""
        ),
        {"municipality": municipality},
    )
    return [row._mapping for row in rows]


async def set_routes(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Give reports their department; each gets its next version, which `rows` name."""
    columns = (
        ("municipality", "text"),
        ("id", "uuid"),
        ("department", "text"),
        ("rule", "text"),
        ("rules_version", "bigint"),
        ("version", "integer"),
    )
    await connection.execute(
        text(
            """UPDATE report AS r
               SET version = g.version, department = g.department, rule = g.rule,
                   rules_version = g.rules_version
               FROM unnest(CAST(:municipality AS text[]), CAST(:id AS uuid[]), CAST(:department AS text[]),
                           CAST(:rule AS text[]), CAST(:rules_version AS bigint[]),
                           CAST(:version AS integer[]))
                    AS g (municipality, id, department, rule, rules_version, version)
               WHERE r.municipality = g.municipality AND r.id = g.id"""
        ),
        _arrays(columns, rows),
    )


async def lock_asked(
    connection: AsyncConnection, municipality: str, question_id: UUID, handle: UUID
) -> RowMapping | None:
    """The report that this question was asked about, locked; None when there is no such pair."""
    row = await connection.execute(
        text(
            """SELECT r.id, r.version, r.status, r.urgency, r.due_at FROM question q
               JOIN report r ON r.municipality = q.municipality AND r.id = q.report_id
               WHERE q.municipality = :municipality AND q.id = :question_id AND r.reporter_handle = :handle
               FOR UPDATE OF r"""
        ),
        {"municipality": municipality, "question_id": question_id, "handle": handle},
    )
    found = row.first()
    return found._mapping if found else None


async def add_reply(
    connection: AsyncConnection,
    municipality: str,
    reply_id: UUID,
    question_id: UUID,
    given_at: CoarseTime,
    signature: str,
) -> bool:
    """Remember a reply and its reporter's signature; False when it is known already."""
    row = await connection.execute(
        text(
            """INSERT INTO reply (municipality, id, question_id, given_at, signature)
               VALUES (:municipality, :id, :question_id, :given_at, :signature)
               ON CONFLICT DO NOTHING RETURNING 1"""
        ),
        {
            "municipality": municipality,
            "id": reply_id,
            "question_id": question_id,
            "given_at": given_at,
            "signature": signature,
        },
    )
    return row.first() is not None


async def mark_replied(
    connection: AsyncConnection, municipality: str, report_id: UUID, status: str, due_at: CoarseTime
) -> None:
    """The report has a new reply and stands here now, open and due by then."""
    await connection.execute(
        text(
            """UPDATE report SET version = version + 1, has_new_reply = true, status = :status,
                   due_at = :due_at, closed_at = NULL, result = NULL, duplicate_of = NULL
               WHERE municipality = :municipality AND id = :id"""
        ),
        {"municipality": municipality, "id": report_id, "status": status, "due_at": due_at},
    )


async def reports_of_handles(
    connection: AsyncConnection, pairs: Sequence[tuple[str, UUID]]
) -> Mapping[tuple[str, UUID], tuple[UUID, int]]:
    """The report id and version behind each known (municipality, handle).

    The reports stay until the transaction ends: what is noted of them cannot outlive an erasure.
    """
    rows = await connection.execute(
        text(
            """SELECT r.municipality, r.reporter_handle, r.id, r.version FROM report r
               JOIN unnest(CAST(:municipalities AS text[]), CAST(:handles AS uuid[]))
                    AS g (municipality, handle)
               ON r.municipality = g.municipality AND r.reporter_handle = g.handle
               ORDER BY r.municipality, r.id FOR KEY SHARE OF r"""
        ),
        {"municipalities": [pair[0] for pair in pairs], "handles": [pair[1] for pair in pairs]},
    )
    return {(row.municipality, row.reporter_handle): (row.id, row.version) for row in rows}


async def lock_for_erasure(
    connection: AsyncConnection, municipality: str, report_id: UUID
) -> RowMapping | None:
    """Version, status, handle, rights and offers of a report, locked until the transaction ends."""
    row = await connection.execute(
        text(
            """SELECT id, version, status, department, is_restricted, reporter_handle, taken_by FROM report
               WHERE municipality = :municipality AND id = :id FOR UPDATE"""
        ),
        {"municipality": municipality, "id": report_id},
    )
    found = row.first()
    return found._mapping if found else None


async def offers_of(connection: AsyncConnection, municipality: str, report_id: UUID) -> list[UUID]:
    """The ids under which partners were offered a report."""
    rows = await connection.execute(
        text("SELECT id FROM offer WHERE municipality = :municipality AND report_id = :report_id"),
        {"municipality": municipality, "report_id": report_id},
    )
    return list(rows.scalars())


async def erase(connection: AsyncConnection, event: ReportErased, by_person: UUID | None) -> None:
    """Delete the report with everything sealed, asked, offered and told of it; keep the certificate."""
    arguments = {"municipality": event.municipality, "report_id": event.report_id}
    await connection.execute(
        text("DELETE FROM report WHERE municipality = :municipality AND id = :report_id"), arguments
    )
    await connection.execute(
        text("DELETE FROM history WHERE municipality = :municipality AND report_id = :report_id"), arguments
    )
    await connection.execute(
        text(
            """INSERT INTO erasure (municipality, report_id, reason, ground, by_person, erased_at)
               VALUES (:municipality, :report_id, :reason, :ground, :by_person, :erased_at)
               ON CONFLICT DO NOTHING"""
        ),
        {
            **arguments,
            "reason": event.reason,
            "ground": event.ground,
            "by_person": by_person,
            "erased_at": event.erased_at,
        },
    )


async def confirm_erasure(
    connection: AsyncConnection, municipality: str, report_id: UUID, service: str, confirmed_at: str
) -> None:
    """Note that a service has erased what it held."""
    await connection.execute(
        text(
            """UPDATE erasure
               SET confirmed = confirmed || jsonb_build_object(CAST(:service AS text), CAST(:at AS text))
               WHERE municipality = :municipality AND report_id = :report_id"""
        ),
        {
            "municipality": municipality,
            "report_id": report_id,
            "service": service,
            "at": confirmed_at,
        },
    )
