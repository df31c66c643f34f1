"""People, their sessions, and API keys, as SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.people import ApiKey, Person, Session
from gateway.store.rows import one

_API_KEY_COLUMNS = tuple(each.name for each in fields(ApiKey))
_API_KEY = ", ".join(_API_KEY_COLUMNS)


@dataclass(frozen=True)
class Account:
    """What signing in and changing a person need to know."""

    id: UUID
    login: str
    display_name: str
    password_hash: str
    roles: frozenset[str]
    departments: frozenset[str]
    is_active: bool


@dataclass(frozen=True)
class ListedKey:
    """An API key as its administrator sees it: all but the key."""

    key: ApiKey
    purpose: str
    created_at: datetime


@dataclass(frozen=True)
class SessionTimes:
    """When a new session began and when it ends at the latest."""

    created_at: datetime
    expires_at: datetime


async def read_account(connection: AsyncConnection, login: str) -> Account | None:
    """The account with this login in the transaction's municipality, or None."""
    row = await one(
        connection,
        "SELECT id, login, display_name, password_hash, roles, departments, is_active FROM person"
        " WHERE login = :login",
        {"login": login},
    )
    if row is None:
        return None
    return Account(**{**row, "roles": frozenset(row["roles"]), "departments": frozenset(row["departments"])})


async def read_password_hash(connection: AsyncConnection, person: UUID) -> str:
    """A person's password hash; empty when there is nobody of this id in the transaction's municipality."""
    row = await one(connection, "SELECT password_hash FROM person WHERE id = :person", {"person": person})
    return "" if row is None else str(row["password_hash"])


async def write_account(connection: AsyncConnection, municipality: str, account: Account) -> None:
    """Make or change a person by login; the id of an existing person stays."""
    await connection.execute(
        text(
            """
            INSERT INTO person (municipality, id, login, display_name, password_hash, roles, departments,
                is_active)
            VALUES (:municipality, :id, :login, :display_name, :password_hash, :roles, :departments,
                :is_active)
            ON CONFLICT (municipality, login) DO UPDATE SET display_name = excluded.display_name,
                password_hash = excluded.password_hash, roles = excluded.roles,
                departments = excluded.departments, is_active = excluded.is_active
            """
        ),
        {
            "municipality": municipality,
            "id": account.id,
            "login": account.login,
            "display_name": account.display_name,
            "password_hash": account.password_hash,
            "roles": sorted(account.roles),
            "departments": sorted(account.departments),
            "is_active": account.is_active,
        },
    )


async def write_password_hash(connection: AsyncConnection, person: UUID, password_hash: str) -> None:
    """Replace a person's password hash."""
    await connection.execute(
        text("UPDATE person SET password_hash = :hash WHERE id = :person"),
        {"hash": password_hash, "person": person},
    )


async def insert_session(
    connection: AsyncConnection, municipality: str, person: UUID, token_hash: bytes, times: SessionTimes
) -> None:
    """Remember a session by the hash of its token."""
    await connection.execute(
        text(
            "INSERT INTO session VALUES"
            " (:municipality, :token_hash, :person, :created_at, :created_at, :expires_at)"
        ),
        {
            "municipality": municipality,
            "token_hash": token_hash,
            "person": person,
            "created_at": times.created_at,
            "expires_at": times.expires_at,
        },
    )


async def read_session(connection: AsyncConnection, token_hash: bytes) -> Session | None:
    """The session with its person, or None when there is none or the person is not active; flow role."""
    row = await one(
        connection,
        """
        SELECT s.municipality, s.last_seen_at, s.expires_at, p.id, p.display_name, p.roles, p.departments,
            ARRAY(SELECT DISTINCT w.key_group FROM group_key_wrap w
                WHERE w.municipality = p.municipality AND w.person_id = p.id) AS key_groups
        FROM session s JOIN person p ON p.municipality = s.municipality AND p.id = s.person_id
        WHERE s.token_hash = :token_hash AND p.is_active
        """,
        {"token_hash": token_hash},
    )
    if row is None:
        return None
    person = Person(
        id=row["id"],
        municipality=row["municipality"],
        display_name=row["display_name"],
        roles=frozenset(row["roles"]),
        departments=frozenset(row["departments"]),
        key_groups=frozenset(row["key_groups"]),
    )
    return Session(person, row["last_seen_at"], row["expires_at"])


async def touch_session(connection: AsyncConnection, token_hash: bytes, now: datetime) -> None:
    """Note that a session was used."""
    await connection.execute(
        text("UPDATE session SET last_seen_at = greatest(last_seen_at, :now) WHERE token_hash = :token_hash"),
        {"now": now, "token_hash": token_hash},
    )


async def delete_sessions(connection: AsyncConnection, token_hashes: Sequence[bytes]) -> int:
    """End these sessions; says how many of them there were. Needs the flow role."""
    result = await connection.execute(
        text("DELETE FROM session WHERE token_hash = ANY(:hashes)"), {"hashes": list(token_hashes)}
    )
    return int(result.rowcount)


async def delete_sessions_of(connection: AsyncConnection, person: UUID) -> None:
    """End every session of a person in the transaction's municipality."""
    await connection.execute(text("DELETE FROM session WHERE person_id = :person"), {"person": person})


async def delete_dead_sessions(connection: AsyncConnection, now: datetime, idle_since: datetime) -> int:
    """Forget sessions past their end or left alone too long; needs the flow role."""
    result = await connection.execute(
        text("DELETE FROM session WHERE expires_at <= :now OR last_seen_at <= :idle_since"),
        {"now": now, "idle_since": idle_since},
    )
    return int(result.rowcount)


async def write_api_key(connection: AsyncConnection, key: ApiKey, key_hash: bytes, purpose: str) -> None:
    """Make or replace the API key of this name."""
    await connection.execute(
        text(
            """
            INSERT INTO api_key (municipality, name, key_hash, roles, departments, purpose, expires_at,
                signal_types, reporter_kind, per_minute)
            VALUES (:municipality, :name, :key_hash, :roles, :departments, :purpose, :expires_at,
                :signal_types, :reporter_kind, :per_minute)
            ON CONFLICT (municipality, name) DO UPDATE SET key_hash = excluded.key_hash,
                roles = excluded.roles, departments = excluded.departments, purpose = excluded.purpose,
                expires_at = excluded.expires_at, signal_types = excluded.signal_types,
                reporter_kind = excluded.reporter_kind, per_minute = excluded.per_minute,
                created_at = CASE WHEN api_key.key_hash = excluded.key_hash THEN api_key.created_at
                    ELSE now() END,
                revoked_at = NULL,
                last_used_on = CASE WHEN api_key.key_hash = excluded.key_hash THEN api_key.last_used_on END
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
        },
    )


async def read_api_key(connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
    """The API key behind a hash, alive or not; needs the flow role."""
    row = await one(connection, f"SELECT {_API_KEY} FROM api_key WHERE key_hash = :hash", {"hash": key_hash})  # noqa: S608
    return None if row is None else _api_key(dict(row))


async def read_api_keys(connection: AsyncConnection) -> list[ListedKey]:
    """Every API key of the transaction's municipality, alive or not, by name."""
    rows = await connection.execute(
        text(f"SELECT {_API_KEY}, purpose, created_at FROM api_key ORDER BY name")  # noqa: S608
    )
    return [
        ListedKey(_api_key({name: row[name] for name in _API_KEY_COLUMNS}), row["purpose"], row["created_at"])
        for row in rows.mappings()
    ]


async def revoke_api_key(connection: AsyncConnection, name: str, now: datetime) -> bytes | None:
    """Let the key of this name be of no more use; its hash, or None when there is none. Idempotent."""
    row = await one(
        connection,
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, :now) WHERE name = :name RETURNING key_hash",
        {"name": name, "now": now},
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
