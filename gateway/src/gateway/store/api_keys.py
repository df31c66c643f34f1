"""API keys, as SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.people import ApiKey
from gateway.store.rows import one

_API_KEY_COLUMNS = tuple(each.name for each in fields(ApiKey))
_API_KEY = ", ".join(_API_KEY_COLUMNS)


@dataclass(frozen=True)
class ListedKey:
    """An API key as its administrator sees it: all but the key."""

    key: ApiKey
    purpose: str
    created_at: datetime
    made_by: UUID | None = None  # a person; None: the operator by command, or before this was kept
    revoked_by: UUID | None = None  # likewise


_RECORD_COLUMNS = tuple(each.name for each in fields(ListedKey) if each.name != "key")
_RECORD = ", ".join(_RECORD_COLUMNS)


async def insert_api_key(
    connection: AsyncConnection, key: ApiKey, key_hash: bytes, purpose: str, made_by: UUID | None
) -> bytes:
    """Make an API key, unless the name was used before; the hash of the key that has the name by then."""
    await connection.execute(
        text(
            """
            INSERT INTO api_key (municipality, name, key_hash, roles, departments, purpose, expires_at,
                signal_types, reporter_kind, per_minute, made_by)
            VALUES (:municipality, :name, :key_hash, :roles, :departments, :purpose, :expires_at,
                :signal_types, :reporter_kind, :per_minute, :made_by)
            ON CONFLICT (municipality, name) DO NOTHING
            """
        ),
        {
            "municipality": key.municipality,
            "name": key.name,
            "key_hash": key_hash,
            "roles": sorted(key.roles),
            "departments": sorted(key.departments),
            "purpose": purpose,
            "expires_at": key.expires_at,
            "signal_types": None if key.signal_types is None else sorted(key.signal_types),
            "reporter_kind": key.reporter_kind,
            "per_minute": key.per_minute,
            "made_by": made_by,
        },
    )
    found = await connection.execute(
        text("SELECT key_hash FROM api_key WHERE name = :name"), {"name": key.name}
    )
    return bytes(found.scalar_one())


async def read_api_key(connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
    """The API key behind a hash, alive or not; needs the flow role."""
    row = await one(connection, f"SELECT {_API_KEY} FROM api_key WHERE key_hash = :hash", {"hash": key_hash})  # noqa: S608
    return None if row is None else _api_key(dict(row))


async def read_api_keys(connection: AsyncConnection) -> list[ListedKey]:
    """Every API key of the transaction's municipality, alive or not, by name."""
    rows = await connection.execute(
        text(f"SELECT {_API_KEY}, {_RECORD} FROM api_key ORDER BY name")  # noqa: S608
    )
    return [
        ListedKey(
            _api_key({name: row[name] for name in _API_KEY_COLUMNS}),
            **{name: row[name] for name in _RECORD_COLUMNS},
        )
        for row in rows.mappings()
    ]


async def revoke_api_key(
    connection: AsyncConnection, name: str, by: UUID | None, now: datetime
) -> bytes | None:
    """Let the key of this name be of no more use; its hash, or None when there is none.

    Idempotent: who revoked it first stays on record.
    """
    row = await one(
        connection,
        "UPDATE api_key SET revoked_by = CASE WHEN revoked_at IS NULL THEN :by ELSE revoked_by END,"
        " revoked_at = coalesce(revoked_at, :now) WHERE name = :name RETURNING key_hash",
        {"name": name, "by": by, "now": now},
    )
    return None if row is None else bytes(row["key_hash"])


async def note_key_use(connection: AsyncConnection, key_hash: bytes, day: date) -> None:
    """Remember the last day on which a key was used; needs the flow role."""
    await connection.execute(
        text(
            "UPDATE api_key SET last_used_on = :day"
            " WHERE key_hash = :hash AND (last_used_on IS NULL OR last_used_on < :day)"
        ),
        {"hash": key_hash, "day": day},
    )


def _api_key(row: Mapping[str, Any]) -> ApiKey:
    kinds = row["signal_types"]
    return ApiKey(
        **{
            **row,
            "roles": frozenset(row["roles"]),
            "departments": frozenset(row["departments"]),
            "signal_types": None if kinds is None else frozenset(kinds),
        }
    )
