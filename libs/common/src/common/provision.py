"""Makes a service's database and its three roles on a PostgreSQL server, with an administrator's rights."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import asyncpg

from common.db import driver_address
from common.tls import Tls


@dataclass(frozen=True)
class RolePasswords:
    """The passwords of one service's roles."""

    owner: str
    web: str
    flow: str


@dataclass(frozen=True)
class DatabaseUrls:
    """Where each role of a service finds its database."""

    owner: str
    web: str
    flow: str


async def provide_database(
    admin_url: str,
    service: str,
    passwords: RolePasswords,
    *,
    database: str | None = None,
    tls: Tls | None = None,
) -> DatabaseUrls:
    """Make database and roles if they are missing, set the passwords, and shut everyone else out.

    Safe to repeat, also after it broke off. Another password than before ends the role's sessions. The owner
    runs migrations; web and flow get their grants from them.
    """
    name = database or service
    address, context = driver_address(admin_url, tls or Tls())
    connection = await asyncpg.connect(address, ssl=context)
    try:
        await connection.execute("SELECT pg_advisory_lock(7306119841)")
        for role, password in vars(passwords).items():
            is_known = await _signs_in(_url(admin_url, f"{service}_{role}", password), tls or Tls())
            await _role(connection, f"{service}_{role}", password, is_known=is_known)
        await connection.execute(f'GRANT "{service}_owner" TO CURRENT_USER')
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}" OWNER "{service}_owner"')
        await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{service}_web", "{service}_flow"')
    finally:
        await connection.close()
    return DatabaseUrls(
        **{
            role: _url(admin_url, f"{service}_{role}", password, name)
            for role, password in vars(passwords).items()
        }
    )


async def _role(
    connection: "asyncpg.Connection[asyncpg.Record]", role: str, password: str, *, is_known: bool
) -> None:
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    if exists and not is_known:
        await _put_out(connection, role)
    literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
    verb = "ALTER" if exists else "CREATE"
    await connection.execute(f'{verb} ROLE "{role}" LOGIN NOSUPERUSER NOCREATEDB PASSWORD {literal}')


async def _put_out(connection: "asyncpg.Connection[asyncpg.Record]", role: str) -> None:
    """End the role's sessions: PostgreSQL asks for a password at signing in only.

    Until it has the new one it may not sign in, so that nobody slips in between, and who breaks off here
    finds it changed the next time.
    """
    await connection.execute(f'ALTER ROLE "{role}" NOLOGIN')
    await connection.execute(f'GRANT "{role}" TO CURRENT_USER')  # who is no superuser may end its own only
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role
    )


async def _signs_in(url: str, tls: Tls) -> bool:
    """Whether this role has this password already; it need not be admitted to the address's database."""
    address, context = driver_address(url, tls)
    try:
        connection = await asyncpg.connect(address, ssl=context)
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False
    except asyncpg.InsufficientPrivilegeError:  # which is found only after the password
        return True
    await connection.close()
    return True


def _url(admin_url: str, user: str, password: str, database: str | None = None) -> str:
    parts = urlsplit(admin_url)
    place = f"{user}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return parts._replace(netloc=place, path=f"/{database}" if database else parts.path).geturl()
