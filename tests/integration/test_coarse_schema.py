"""No column of any database tells a moment finer than a quarter of an hour, but for those with a reason.

The five databases as their migrations leave them. Why: docs/adr/0016-coarse-times.md.
"""

import asyncio
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
from common.flow import SERVICES
from common.migration import SERVER_SETTINGS, migrate

from tests.support.backing import Backing
from tests.support.clocks import ADMITTED, ALLOWED, NUMBERS, counting_columns, fine_columns
from tests.support.databases import service_database


@pytest.mark.parametrize("service", SERVICES)
async def test_no_column_tells_more_than_a_quarter_of_an_hour_without_a_reason(
    backing: Backing, service: str
) -> None:
    urls = await service_database(backing, service)
    assert await fine_columns(urls.owner) == set(ALLOWED[service])
    assert await counting_columns(urls.owner) == set(NUMBERS[service])


async def test_a_fine_column_is_named_whatever_it_is_called(backing: Backing) -> None:
    urls = await service_database(backing, "casework")
    connection = await asyncpg.connect(urls.owner)
    try:
        await connection.execute("CREATE TABLE visit (report_id uuid, seen timestamptz, hour time, n serial)")
        await connection.execute("ALTER TABLE report ADD COLUMN touched timestamp")
        await connection.execute("ALTER TABLE reply DROP CONSTRAINT ck_reply_given_at_coarse")
    finally:
        await connection.close()
    found = await fine_columns(urls.owner) - set(ALLOWED["casework"])
    assert found == {"visit.seen", "visit.hour", "report.touched", "reply.given_at"}
    assert await counting_columns(urls.owner) - set(NUMBERS["casework"]) == {"visit.n"}


async def test_a_fine_time_is_rounded_for_an_older_version_and_else_refused(backing: Backing) -> None:
    urls = await service_database(backing, "notifier")
    connection = await asyncpg.connect(urls.flow)
    try:
        await connection.execute(
            "INSERT INTO tombstone (subject, municipality, erased_at) VALUES ('x', 'zandrecht', $1)",
            datetime.fromisoformat("2026-11-30T09:17:21.5+00:00"),
        )
        erased_at = await connection.fetchval("SELECT erased_at FROM tombstone")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO inbox (event_id, heard_at) VALUES (gen_random_uuid(), '2026-11-30 09:17+00')"
            )
    finally:
        await connection.close()
    assert erased_at == datetime.fromisoformat("2026-11-30T09:15:00+00:00")


@pytest.mark.parametrize("what", ADMITTED)
def test_what_tells_a_moment_all_the_same_is_admitted(what: str) -> None:
    told = (Path(__file__).parents[2] / "docs/threat-model.md").read_text(encoding="utf-8")
    assert ADMITTED[what] in told, what


async def test_the_server_keeps_no_commit_times_and_logs_no_rows(backing: Backing) -> None:
    connection = await asyncpg.connect(backing.admin_url)
    try:
        for name, fit in SERVER_SETTINGS.items():
            assert await connection.fetchval(f"SHOW {name}") in fit, name
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "told",
    [
        "log_error_verbosity = 'default'",
        "log_min_error_statement = 'error'",
        "log_parameter_max_length = '-1'",
        "log_parameter_max_length_on_error = '100'",
        "log_statement = 'mod'",
        "log_min_duration_statement = '0'",
    ],
)
async def test_no_database_is_made_where_the_server_would_log_rows(backing: Backing, told: str) -> None:
    urls = await service_database(backing, "notifier")
    connection = await asyncpg.connect(backing.admin_url)
    try:
        await connection.execute(f'ALTER DATABASE "{urls.owner.rpartition("/")[2]}" SET {told}')
    finally:
        await connection.close()
    with pytest.raises(RuntimeError, match=told.split(maxsplit=1)[0]):
        await asyncio.to_thread(migrate, "notifier", urls.owner)
