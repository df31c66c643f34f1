"""A service's own migrated database, and its settings, on the servers behind the tests."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from common.db import Database
from common.migration import migrate
from common.provision import DatabaseUrls, RolePasswords, provide_database
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.backing import Backing

#: Roles are shared by every database of a cluster, so every test uses the same passwords.
PASSWORDS = RolePasswords(owner="o", web="w", flow="f")


#: Held while a mould is made; provisioning and migrations have locks of their own.
_MOULD_LOCK = 7_306_119_860


async def service_database(backing: Backing, service: str) -> DatabaseUrls:
    """A fresh database as this service's migrations leave it; every call makes another.

    The migrations run once for all tests of a run: each gets a copy of what they made.
    """
    name = f"{service}_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(backing.admin_url)
    try:
        mould = await _mould(connection, backing, service)
        await connection.execute(f'CREATE DATABASE "{name}" OWNER "{service}_owner" TEMPLATE "{mould}"')
    finally:
        await connection.close()
    return await provide_database(backing.admin_url, service, PASSWORDS, database=name)


async def _mould(connection: "asyncpg.Connection[asyncpg.Record]", backing: Backing, service: str) -> str:
    """The name of a migrated database that nobody enters; other processes may want it at the same time."""
    name = f"mould_{service}"
    await connection.execute(f"SELECT pg_advisory_lock({_MOULD_LOCK})")
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            unready = f"{name}_{secrets.token_hex(6)}"
            urls = await provide_database(backing.admin_url, service, PASSWORDS, database=unready)
            await asyncio.to_thread(migrate, service, urls.owner)
            await connection.execute(f'ALTER DATABASE "{unready}" ALLOW_CONNECTIONS false')
            await connection.execute(f'ALTER DATABASE "{unready}" RENAME TO "{name}"')
    finally:
        await connection.execute(f"SELECT pg_advisory_unlock({_MOULD_LOCK})")
    return name


@asynccontextmanager
async def shut(backing: Backing, database_url: str) -> AsyncIterator[None]:
    """Nobody gets into this database for a while, and who is in is put out."""
    name = database_url.rpartition("/")[2]
    connection = await asyncpg.connect(backing.admin_url)
    try:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        yield
    finally:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await connection.close()


@asynccontextmanager
async def opened(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """The database as the service sees it, with small pools."""
    engines = [
        create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=5, hide_parameters=True
        )
        for url in (urls.web, urls.flow)
    ]
    database = Database(web=engines[0], flow=engines[1])
    try:
        yield database
    finally:
        await database.close()


async def scans(database: Database, name: str) -> int:
    """How often this table was read from end to end, or this index was looked into."""
    async with database.flowing() as connection:
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
    statement = """
        SELECT coalesce((SELECT seq_scan FROM pg_stat_user_tables WHERE relname = :name),
                        (SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = :name))
    """
    async with database.flowing() as connection:
        return int((await connection.execute(text(statement), {"name": name})).scalar_one())
