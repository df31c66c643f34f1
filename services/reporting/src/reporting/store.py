"""The rows and rollups of reporting: every write keeps rollup = rows + what was erased."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from common.contracts.casework import AnonymisationCorrected
from common.contracts.codes import Correction
from common.contracts.gateway import Department, MunicipalityConfigured, Neighbourhood
from common.contracts.intake import FormsConfigured
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from reporting.domain import NEVER
from reporting.projections import Change

_WRITER = 7_306_119_850

_COUNTS = ("received", "taken", "closed", "taken_days", "closed_days")
_SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in _COUNTS)
_KEY = "municipality, month, signal_type, is_restricted"
_ADDED = ", ".join(f"{name} = rollup.{name} + excluded.{name}" for name in _COUNTS)

# Column, type in an array, and how the row takes it from `excluded`; the table is the merge rule.
_IF_UNCOUNTED = "CASE WHEN r.received_on IS NULL THEN excluded.{0} ELSE r.{0} END"
_LATER = "CASE WHEN excluded.{1} > r.{1} THEN excluded.{0} ELSE r.{0} END"
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    *(
        (name, kind, _IF_UNCOUNTED.format(name))
        for name, kind in (
            ("received_on", "date"),
            ("signal_type", "text"),
            ("is_restricted", "boolean"),
            ("urgency", "text"),
            ("neighbourhood", "text"),
            ("channel", "text"),
            ("reporter_kind", "text"),
        )
    ),
    ("department", "text", _LATER.format("department", "department_version")),
    ("department_version", "bigint", "greatest(r.department_version, excluded.department_version)"),
    ("due_at", "timestamptz", _LATER.format("due_at", "routed_version")),
    ("routed_version", "bigint", "greatest(r.routed_version, excluded.routed_version)"),
    ("status", "text", _LATER.format("status", "status_order")),
    ("status_order", "bigint", "greatest(r.status_order, excluded.status_order)"),
    ("taken_at", "timestamptz", "least(r.taken_at, excluded.taken_at)"),
    ("closed_at", "timestamptz", _LATER.format("closed_at", "closed_version")),
    ("result", "text", _LATER.format("result", "closed_version")),
    ("closed_version", "bigint", "greatest(r.closed_version, excluded.closed_version)"),
    ("reopened_version", "bigint", "greatest(r.reopened_version, excluded.reopened_version)"),
)
_NAMES = ", ".join(name for name, _, _ in _COLUMNS)

# `before` is materialized, so that rows are looked up by their key. What is asked of it later would let the
# index of received reports do for that: on a new table PostgreSQL takes it, and reads a whole municipality.
_APPLY = text(
    f"""
    WITH input AS (
        SELECT * FROM unnest(
            CAST(:municipality AS text[]), CAST(:report_id AS uuid[]),
            {", ".join(f"CAST(:{name} AS {kind}[])" for name, kind, _ in _COLUMNS)}
        ) AS given (municipality, report_id, {_NAMES})
        WHERE NOT EXISTS (SELECT 1 FROM tombstone WHERE subject = CAST(given.report_id AS text))
    ), before AS MATERIALIZED (
        SELECT r.* FROM report_row AS r JOIN input USING (municipality, report_id)
    ), after AS (
        INSERT INTO report_row AS r (municipality, report_id, {_NAMES})
        SELECT municipality, report_id, {_NAMES} FROM input
        ON CONFLICT (municipality, report_id) DO UPDATE
        SET {", ".join(f"{name} = {rule}" for name, _, rule in _COLUMNS)}
        RETURNING r.*
    ), measured AS (
        SELECT a.municipality, a.signal_type, a.is_restricted, m.*
        FROM after AS a, report_measures(a.received_on, a.taken_on, a.closed_on) AS m
        UNION ALL
        SELECT b.municipality, b.signal_type, b.is_restricted,
               m.month, -m.received, -m.taken, -m.closed, -m.taken_days, -m.closed_days
        FROM before AS b, report_measures(b.received_on, b.taken_on, b.closed_on) AS m
    )
    INSERT INTO rollup ({_KEY}, {", ".join(_COUNTS)})
    SELECT {_KEY}, {_SUMS} FROM measured GROUP BY {_KEY}
    HAVING {" OR ".join(f"sum({name}) <> 0" for name in _COUNTS)}
    ORDER BY {_KEY}
    ON CONFLICT ({_KEY}) DO UPDATE SET {_ADDED}
    """  # noqa: S608 -- made of the constants above only
)

_ERASE = text(
    f"""
    WITH gone AS (
        DELETE FROM report_row WHERE municipality = :municipality AND report_id = ANY(:ids) RETURNING *
    )
    INSERT INTO rollup_erased AS rollup ({_KEY}, {", ".join(_COUNTS)})
    SELECT {_KEY}, {_SUMS}
    FROM gone AS g, report_measures(g.received_on, g.taken_on, g.closed_on) AS m
    GROUP BY {_KEY} ORDER BY {_KEY}
    ON CONFLICT ({_KEY}) DO UPDATE SET {_ADDED}
    """  # noqa: S608 -- made of the constants above only
)

_EXPECTED = f"""
    SELECT {_KEY}, {_SUMS} FROM (
        SELECT r.municipality, m.month, r.signal_type, r.is_restricted, {", ".join(f"m.{n}" for n in _COUNTS)}
        FROM report_row AS r, report_measures(r.received_on, r.taken_on, r.closed_on) AS m
        UNION ALL
        SELECT {_KEY}, {", ".join(_COUNTS)} FROM rollup_erased
    ) AS parts GROUP BY {_KEY}
"""  # noqa: S608 -- made of the constants above only

_DIFFERENCES = text(
    f"""
    WITH expected AS ({_EXPECTED}),
    live AS (SELECT * FROM rollup WHERE {" OR ".join(f"{name} <> 0" for name in _COUNTS)})
    SELECT coalesce(e.municipality, l.municipality) AS municipality, coalesce(e.month, l.month) AS month,
           coalesce(e.signal_type, l.signal_type) AS signal_type
    FROM expected AS e FULL JOIN live AS l USING ({_KEY})
    WHERE ({", ".join(f"e.{name}" for name in _COUNTS)})
          IS DISTINCT FROM ({", ".join(f"l.{name}" for name in _COUNTS)})
    ORDER BY 1, 2, 3
    """  # noqa: S608 -- made of the constants above only
)

_REFILL = text(f"INSERT INTO rollup ({_KEY}, {', '.join(_COUNTS)}) {_EXPECTED}")


async def lock_writing(connection: AsyncConnection) -> None:
    """Let one transaction at a time write, over all replicas, until it ends.

    A batch touches rows and hot counts of many reports, handler after handler: no order of locks would
    hold over a whole batch. It also closes the gap between looking at a tombstone and writing.
    """
    await connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITER})"))


async def apply_changes(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    """Merge changes (one per report) into rows and rollups; erased reports stay away. Repeats add nothing.

    Needs `lock_writing` first: what was counted before is read from this statement's snapshot.
    """
    if not changes:
        return
    rows = [_row(change) for change in changes]
    names = ("municipality", "report_id", *(name for name, _, _ in _COLUMNS))
    await connection.execute(_APPLY, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def _row(change: Change) -> tuple[Any, ...]:
    counted = change.counted
    codes = (
        (
            counted.received_on,
            counted.signal_type,
            counted.is_restricted,
            counted.urgency.value,
            counted.neighbourhood,
            counted.channel.value,
            counted.reporter_kind,
        )
        if counted
        else (None,) * 7
    )
    department_version, department = change.department or (NEVER, None)
    routed_version, due_at = change.due or (NEVER, None)
    order, status = change.status or (NEVER, None)
    closed_version, closed_at, result = change.closed or (NEVER, None, None)
    return (
        change.municipality,
        change.report_id,
        *codes,
        department,
        department_version,
        due_at,
        routed_version,
        status,
        order,
        change.taken_at,
        closed_at,
        result,
        closed_version,
        change.reopened_version,
    )


async def erase_rows(connection: AsyncConnection, municipality: str, ids: Sequence[UUID]) -> None:
    """Delete these rows; what they counted stays in the rollup and is kept apart for the rebuild."""
    await connection.execute(_ERASE, {"municipality": municipality, "ids": list(ids)})


_ADD_CORRECTIONS = text(
    """
    INSERT INTO correction_count AS c (municipality, month, personal_class, misses, false_hits)
    SELECT municipality, date_trunc('month', corrected_at AT TIME ZONE 'Europe/Amsterdam')::date,
           personal_class, sum(misses), sum(false_hits)
    FROM unnest(CAST(:municipality AS text[]), CAST(:corrected_at AS timestamptz[]),
                CAST(:personal_class AS text[]), CAST(:misses AS bigint[]), CAST(:false_hits AS bigint[]))
         AS given (municipality, corrected_at, personal_class, misses, false_hits)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (municipality, month, personal_class)
    DO UPDATE SET misses = c.misses + excluded.misses, false_hits = c.false_hits + excluded.false_hits
    """
)


async def add_corrections(connection: AsyncConnection, events: Sequence[AnonymisationCorrected]) -> None:
    """Add what each event counts to its month (Europe/Amsterdam)."""
    rows = [
        {
            "municipality": event.municipality,
            "corrected_at": event.corrected_at,
            "personal_class": each.personal_class.value,
            "misses": each.count if each.correction is Correction.MISS else 0,
            "false_hits": each.count if each.correction is Correction.FALSE_HIT else 0,
        }
        for event in events
        for each in event.corrections
    ]
    if rows:
        await connection.execute(_ADD_CORRECTIONS, {name: [row[name] for row in rows] for name in rows[0]})


async def differences(connection: AsyncConnection) -> list[tuple[str, str, str]]:
    """Where rollup is not rows + erased: municipality, month and signal type; empty when the law holds."""
    rows = await connection.execute(_DIFFERENCES)
    return [(row.municipality, f"{row.month:%Y-%m}", row.signal_type) for row in rows]


async def rebuild_rollup(connection: AsyncConnection) -> None:
    """Make the rollup anew from rows and erased counts; needs `lock_writing` first."""
    await connection.execute(text("DELETE FROM rollup"))
    await connection.execute(_REFILL)


async def keep_forms(connection: AsyncConnection, event: FormsConfigured) -> None:
    """Replace the signal types unless a version as high is known."""
    newer = await connection.execute(
        text(
            """INSERT INTO forms_state AS s (municipality, version) VALUES (:municipality, :version)
               ON CONFLICT (municipality) DO UPDATE SET version = excluded.version
               WHERE s.version < excluded.version RETURNING 1"""
        ),
        {"municipality": event.municipality, "version": event.version},
    )
    if newer.first() is None:
        return
    await connection.execute(
        text("DELETE FROM signal_type WHERE municipality = :municipality"),
        {"municipality": event.municipality},
    )
    await connection.execute(
        text(
            """INSERT INTO signal_type (municipality, code, name, is_restricted)
               SELECT :municipality, * FROM unnest(
                   CAST(:codes AS text[]), CAST(:names AS text[]), CAST(:restricted AS boolean[]))
               ON CONFLICT DO NOTHING"""
        ),
        {
            "municipality": event.municipality,
            "codes": [each.code for each in event.signal_types],
            "names": [each.name for each in event.signal_types],
            "restricted": [each.is_restricted for each in event.signal_types],
        },
    )


async def keep_municipality(connection: AsyncConnection, event: MunicipalityConfigured) -> None:
    """Replace the municipality's name, departments and neighbourhoods unless a version as high is known."""
    newer = await connection.execute(
        text(
            """INSERT INTO municipality_state AS s (municipality, version, display_name)
               VALUES (:municipality, :version, :name)
               ON CONFLICT (municipality) DO UPDATE
               SET version = excluded.version, display_name = excluded.display_name
               WHERE s.version < excluded.version RETURNING 1"""
        ),
        {"municipality": event.municipality, "version": event.version, "name": event.display_name},
    )
    if newer.first() is None:
        return
    await _keep_names(connection, "department", event.municipality, event.departments)
    await _keep_names(connection, "neighbourhood", event.municipality, event.neighbourhoods)


async def _keep_names(
    connection: AsyncConnection, table: str, municipality: str, named: Sequence[Department | Neighbourhood]
) -> None:
    """Let the table hold these names of a municipality and no other."""
    about = {"municipality": municipality}
    await connection.execute(text(f"DELETE FROM {table} WHERE municipality = :municipality"), about)  # noqa: S608
    await connection.execute(
        text(
            f"""INSERT INTO {table} (municipality, code, name)
                SELECT :municipality, * FROM unnest(CAST(:codes AS text[]), CAST(:names AS text[]))
                ON CONFLICT DO NOTHING"""  # noqa: S608 -- the table is named in this module
        ),
        {**about, "codes": [each.code for each in named], "names": [each.name for each in named]},
    )
