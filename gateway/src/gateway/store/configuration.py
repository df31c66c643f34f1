"""The configuration of municipalities, as SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.configuration import MunicipalityState
from gateway.domain.people import Municipality
from gateway.store.rows import one, parsed


async def lock_municipality(connection: AsyncConnection, code: str) -> None:
    """Let no other change the same municipality until this transaction ends."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:code, 41))"), {"code": code}
    )


async def read_state(connection: AsyncConnection, code: str) -> tuple[int, MunicipalityState] | None:
    """The stored state with its version, or None."""
    municipality = await one(
        connection, "SELECT * FROM municipality WHERE municipality = :code", {"code": code}
    )
    if municipality is None:
        return None
    parts = {table: await _listed(connection, table, code) for table in _LISTS}
    state = MunicipalityState.model_validate(
        {
            "code": code,
            "display_name": municipality["display_name"],
            "text_in_clear": municipality["text_in_clear"],
            "catch_all_department": municipality["catch_all_department"],
            "departments": [_without_place(row) for row in parts["department"]],
            "partners": [_without_place(row) for row in parts["partner"]],
            "keys": [
                {"group": row["key_group"], **{name: row[name] for name in _KEY_FIELDS}}
                for row in parts["group_key"]
            ],
            "signers": [_without_place(row) for row in parts["signer"]],
            "hosts": [row["host"] for row in parts["host"]],
            "neighbourhoods": [_without_place(row) for row in parts["neighbourhood"]],
            "file_limits": parsed(municipality["file_limits"]),
            "protections": parsed(municipality["protections"]),
            **{name: municipality[name] for name in _RULES},
        }
    )
    return municipality["version"], state


_LISTS = ("department", "partner", "group_key", "signer", "host", "neighbourhood")
_KEY_FIELDS = ("key_id", "public_key", "signature")
_RULES = ("form_layout", "who_may_report", "four_eyes_on_forms")


async def write_state(connection: AsyncConnection, state: MunicipalityState, version: int) -> None:
    """Make this the whole state of the municipality; raises IntegrityError when a host is another's."""
    code = {"municipality": state.code}
    await connection.execute(
        text(
            """
            INSERT INTO municipality
                (municipality, display_name, text_in_clear, catch_all_department, version, file_limits,
                 form_layout, who_may_report, four_eyes_on_forms, protections)
            VALUES (:municipality, :display_name, :text_in_clear, :catch_all, :version,
                    CAST(:file_limits AS jsonb), :form_layout, :who_may_report, :four_eyes_on_forms,
                    CAST(:protections AS jsonb))
            ON CONFLICT (municipality) DO UPDATE SET display_name = excluded.display_name,
                text_in_clear = excluded.text_in_clear, version = excluded.version,
                catch_all_department = excluded.catch_all_department, configured_at = now(),
                file_limits = excluded.file_limits, form_layout = excluded.form_layout,
                who_may_report = excluded.who_may_report, four_eyes_on_forms = excluded.four_eyes_on_forms,
                protections = excluded.protections
            """
        ),
        {
            **code,
            "display_name": state.display_name,
            "text_in_clear": state.text_in_clear,
            "catch_all": state.catch_all_department,
            "version": version,
            "file_limits": state.file_limits.model_dump_json() if state.file_limits else None,
            "protections": state.protections.model_dump_json() if state.protections else None,
            **{name: getattr(state, name) for name in _RULES},
        },
    )
    for table, (insert, rows) in _rows_of(state).items():
        await connection.execute(text(f"DELETE FROM {table} WHERE municipality = :municipality"), code)  # noqa: S608
        if rows:
            await connection.execute(
                insert, [{**code, **row, "position": place} for place, row in enumerate(rows)]
            )


def _rows_of(state: MunicipalityState) -> Mapping[str, tuple[TextClause, Sequence[dict[str, Any]]]]:
    return {
        "department": (
            text("INSERT INTO department VALUES (:municipality, :code, :name, :mail, :position)"),
            [each.model_dump() for each in state.departments],
        ),
        "partner": (
            text(
                "INSERT INTO partner VALUES (:municipality, :code, :name, :kind,"
                " CAST(:subscription AS jsonb), :position)"
            ),
            [
                {
                    **each.model_dump(exclude={"subscription"}),
                    "subscription": each.subscription.model_dump_json() if each.subscription else None,
                }
                for each in state.partners
            ],
        ),
        "group_key": (
            text(
                "INSERT INTO group_key (municipality, key_group, key_id, public_key, signature, position)"
                " VALUES (:municipality, :group, :key_id, :public_key, :signature, :position)"
            ),
            [each.model_dump() for each in state.keys],
        ),
        "signer": (
            text("INSERT INTO signer VALUES (:municipality, :public_key, :signature, :position)"),
            [each.model_dump() for each in state.signers],
        ),
        "host": (
            text("INSERT INTO host (municipality, host, position) VALUES (:municipality, :host, :position)"),
            [{"host": host} for host in state.hosts],
        ),
        "neighbourhood": (
            text("INSERT INTO neighbourhood VALUES (:municipality, :code, :name, :position)"),
            [each.model_dump() for each in state.neighbourhoods],
        ),
    }


async def read_directory(connection: AsyncConnection) -> list[Municipality]:
    """Every municipality of this installation; needs the flow role."""
    rows = await connection.execute(
        text(
            """
            SELECT m.municipality AS code, m.display_name, m.version, m.text_in_clear, m.catch_all_department,
                ARRAY(SELECT host FROM host h WHERE h.municipality = m.municipality
                    ORDER BY position) AS hosts,
                COALESCE((SELECT jsonb_agg(jsonb_build_array(d.code, d.name) ORDER BY position)
                    FROM department d WHERE d.municipality = m.municipality), '[]') AS departments,
                COALESCE((SELECT jsonb_agg(jsonb_build_array(p.code, p.name) ORDER BY position)
                    FROM partner p WHERE p.municipality = m.municipality), '[]') AS partners,
                COALESCE((SELECT jsonb_agg(jsonb_build_array(n.code, n.name) ORDER BY position)
                    FROM neighbourhood n WHERE n.municipality = m.municipality), '[]') AS neighbourhoods,
                COALESCE((SELECT jsonb_agg(jsonb_build_object(
                        'publicKey', s.public_key, 'signature', s.signature) ORDER BY position)
                    FROM signer s WHERE s.municipality = m.municipality), '[]') AS signers
            FROM municipality m ORDER BY m.municipality
            """
        )
    )
    return [
        Municipality(
            **{
                **row,
                "hosts": tuple(row["hosts"]),
                "departments": dict(parsed(row["departments"])),
                "partners": dict(parsed(row["partners"])),
                "neighbourhoods": dict(parsed(row["neighbourhoods"])),
                "signers": tuple(parsed(row["signers"])),
            }
        )
        for row in rows.mappings()
    ]


async def read_directory_version(connection: AsyncConnection) -> tuple[int, int]:
    """Changes whenever a municipality is added or changed; needs the flow role."""
    statement = text("SELECT count(*), COALESCE(sum(version), 0) FROM municipality")
    row = (await connection.execute(statement)).one()
    return int(row[0]), int(row[1])


async def _listed(connection: AsyncConnection, table: str, code: str) -> Sequence[RowMapping]:
    rows = await connection.execute(
        text(f"SELECT * FROM {table} WHERE municipality = :code ORDER BY position"),  # noqa: S608
        {"code": code},
    )
    return rows.mappings().all()


def _without_place(row: RowMapping) -> dict[str, Any]:
    return {
        key: parsed(value) if key == "subscription" else value
        for key, value in row.items()
        if key not in ("municipality", "position")
    }
