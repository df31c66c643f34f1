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

    Safe to repeat. The owner runs migrations; web and flow get their grants from them.
    """
    name = database or service
    address, context = driver_address(admin_url, tls or Tls())
    connection = await asyncpg.connect(address, ssl=context)
    try:
        await connection.execute("SELECT pg_advisory_lock(7306119841)")
        for role, password in vars(passwords).items():
            await _role(connection, f"{service}_{role}", password)
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


async def _role(connection: "asyncpg.Connection[asyncpg.Record]", role: str, password: str) -> None:
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
    verb = "ALTER" if exists else "CREATE"
    await connection.execute(f'{verb} ROLE "{role}" LOGIN NOSUPERUSER NOCREATEDB PASSWORD {literal}')


def _url(admin_url: str, user: str, password: str, database: str) -> str:
    parts = urlsplit(admin_url)
    place = f"{user}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return parts._replace(netloc=place, path=f"/{database}").geturl()
