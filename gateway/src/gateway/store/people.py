"""People and their sessions, as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.people import Person, Session
from gateway.store.rows import one

_ACCOUNT = (
    "SELECT id, login, display_name, password_hash, roles, departments, is_active FROM person"
    " WHERE login = :login"
)


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
class SessionTimes:
    """When a new session began and when it ends at the latest."""

    created_at: datetime
    expires_at: datetime


async def read_account(connection: AsyncConnection, login: str) -> Account | None:
    """The account with this login in the transaction's municipality, or None."""
    return await _account(connection, _ACCOUNT, login)


async def hold_account(connection: AsyncConnection, login: str) -> Account | None:
    """As `read_account`; nobody else changes it, or lets it in, until this transaction ends."""
    return await _account(connection, f"{_ACCOUNT} FOR NO KEY UPDATE", login)


async def _account(connection: AsyncConnection, statement: str, login: str) -> Account | None:
    row = await one(connection, statement, {"login": login})
    if row is None:
        return None
    return Account(**{**row, "roles": frozenset(row["roles"]), "departments": frozenset(row["departments"])})


async def read_password_hash(connection: AsyncConnection, token_hash: bytes) -> str:
    """The hash of the password by which a session was given; empty when the session ended."""
    row = await one(
        connection,
        "SELECT p.password_hash FROM session s JOIN person p USING (municipality)"
        " WHERE s.person_id = p.id AND s.token_hash = :token_hash",
        {"token_hash": token_hash},
    )
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
