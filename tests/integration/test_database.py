"""The database as a service sees it: one statement that is a transaction of its own, and what breaks it."""

import asyncpg
import pytest
from common.db import Database, is_away

from tests.support.backing import Backing
from tests.support.databases import opened, service_database
from tests.support.polling import wait_until


async def test_a_statement_at_once_is_committed_or_leaves_nothing(backing: Backing) -> None:
    async with opened(await service_database(backing, "intake")) as database:
        with pytest.raises(asyncpg.UniqueViolationError):
            await database.at_once(
                "INSERT INTO inbox (event_id) SELECT gen_random_uuid() FROM generate_series(1, 2)"
                " UNION ALL SELECT $1::uuid FROM generate_series(1, 2)",
                "00000000-0000-0000-0000-000000000001",
            )
        assert await _heard(database) == 0
        await database.at_once("INSERT INTO inbox (event_id) SELECT gen_random_uuid()")
        assert await _heard(database) == 1


async def test_a_connection_that_broke_in_the_pool_is_replaced_unseen(backing: Backing) -> None:
    async with opened(await service_database(backing, "intake")) as database:
        driver = await _driver(database)
        (row,) = await database.at_once("SELECT pg_backend_pid() AS pid")
        await _end_session(backing, row["pid"])
        await wait_until(lambda: _is_closed(driver), what="a broken connection")
        (other,) = await database.at_once("SELECT pg_backend_pid() AS pid")
        assert other["pid"] != row["pid"]


async def test_a_statement_that_is_cut_off_is_the_databases_fault(backing: Backing) -> None:
    async with opened(await service_database(backing, "intake")) as database:
        with pytest.raises(Exception) as cut_off:  # noqa: PT011 -- whatever the driver calls it
            await database.at_once("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(30)")
        assert is_away(cut_off.value)
        (row,) = await database.at_once("SELECT 1 AS one")
        assert row["one"] == 1


async def _heard(database: Database) -> int:
    (row,) = await database.at_once("SELECT count(*) AS heard FROM inbox")
    return int(row["heard"])


async def _driver(database: Database) -> asyncpg.Connection:
    async with database.flow.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, asyncpg.Connection)
        return driver


async def _is_closed(driver: asyncpg.Connection) -> bool:
    return driver.is_closed()


async def _end_session(backing: Backing, pid: int) -> None:
    connection = await asyncpg.connect(backing.admin_url)
    try:
        await connection.execute("SELECT pg_terminate_backend($1)", pid)
    finally:
        await connection.close()
