"""What an older version kept becomes coarse, and the older version goes on beside it for a while."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
from common.migration import migrate
from common.provision import provide_database

from tests.support.backing import Backing
from tests.support.databases import PASSWORDS

FINE = datetime(2026, 11, 24, 9, 17, 21, 123456, tzinfo=UTC)
COARSE = datetime(2026, 11, 24, 9, 15, tzinfo=UTC)
_REPORT = """
    INSERT INTO report (municipality, id, signal_type, forms_version, choice_answers, urgency, urgency_rank,
        received_at, channel, reporter_kind, is_traceable, is_restricted, has_identity, needs_review,
        reporter_public_key, reporter_handle, due_at, taken_at, taken_by, status)
    VALUES ('zandrecht', gen_random_uuid(), 'hennepteelt', 1, '{}', 'normaal', 2, '2026-11-24 09:00+00',
        'formulier', 'inwoner', false, false, false, false, 'k', gen_random_uuid(), '2026-12-01 09:00+00',
        $1, gen_random_uuid(), 'assessing')
    RETURNING id
"""
_LINE = "INSERT INTO history (municipality, report_id, version, what) VALUES ('zandrecht', $1, $2, $3)"
_ERASURE = """
    INSERT INTO erasure (municipality, report_id, reason, ground, erased_at, confirmed)
    VALUES ('zandrecht', gen_random_uuid(), 'other', $1, $2, jsonb_build_object('intake', $3::text))
"""


class Old:
    """A database as the version before left it; `renew` brings it to this one."""

    def __init__(self, service: str, owner_url: str, connection: Any) -> None:
        self._service, self._owner_url, self._connection = service, owner_url, connection

    async def write(self, statement: str, *values: object) -> Any:
        """One statement, and the first value of its first row."""
        return await self._connection.fetchval(statement, *values)

    async def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """What is there now."""
        return [tuple(row) for row in await self._connection.fetch(statement)]

    async def renew(self) -> None:
        """Run this version's migrations."""
        await asyncio.to_thread(migrate, self._service, self._owner_url)


@asynccontextmanager
async def old(backing: Backing, service: str, revision: str) -> AsyncIterator[Old]:
    urls = await provide_database(
        backing.admin_url, service, PASSWORDS, database=f"{service}_{secrets.token_hex(6)}"
    )
    await asyncio.to_thread(migrate, service, urls.owner, to=revision)
    connection = await asyncpg.connect(urls.flow)
    try:
        yield Old(service, urls.owner, connection)
    finally:
        await connection.close()


async def test_reports_and_their_history_become_coarse_and_keep_their_order(backing: Backing) -> None:
    async with old(backing, "casework", "2026_11_25_sealed_plain") as database:
        first, second = [await database.write(_REPORT, FINE) for _ in range(2)]
        for version, what in enumerate(("received", "taken", "closed"), 1):
            for report in (first, second):
                await database.write(_LINE, report, version, what)
        await database.renew()
        assert await database.rows("SELECT DISTINCT taken_at FROM report") == [(COARSE,)]
        told = await database.rows("SELECT report_id, id, what FROM history ORDER BY report_id, id")
        assert [each[1:] for each in told] == [(1, "received"), (2, "taken"), (3, "closed")] * 2
        assert await database.rows("SELECT count(*) FROM history WHERE at <> coarse(at)") == [(0,)]
        at = "SELECT DISTINCT at FROM history WHERE what = 'received'"
        assert await database.rows(at) == [(datetime(2026, 11, 24, 9, tzinfo=UTC),)]


async def test_the_older_version_goes_on_beside_it(backing: Backing) -> None:
    async with old(backing, "casework", "2026_11_25_sealed_plain") as database:
        report = await database.write(_REPORT, FINE)
        await database.write(_LINE, report, 1, "received")
        await database.renew()
        await database.write(
            "UPDATE report SET taken_at = $1, closed_at = $1, status = 'closed', result = 'care'", FINE
        )
        assert await database.rows("SELECT taken_at, closed_at FROM report") == [(COARSE, COARSE)]
        for what in ("closed", "note-added"):
            await database.write(_LINE, report, 2, what)
        told = await database.rows("SELECT id, what FROM history ORDER BY id")
        assert told == [(1, "received"), (2, "closed"), (3, "note-added")]
        assert await database.rows("SELECT count(*) FROM history WHERE at <> coarse(at)") == [(0,)]
        await database.write(_ERASURE, "AVG art. 17, brief van mw. Kade", FINE, FINE.isoformat())
        assert await database.rows("SELECT ground, erased_at FROM erasure") == [("other", COARSE)]


async def test_the_words_of_an_erasure_are_wiped_and_its_confirmations_coarse(backing: Backing) -> None:
    async with old(backing, "casework", "2026_11_25_sealed_plain") as database:
        for ground in ("closed as incorrect", "AVG art. 17, brief van mw. Kade"):
            await database.write(_ERASURE, ground, FINE, FINE.isoformat())
        await database.renew()
        told = await database.rows(
            "SELECT ground, erased_at, confirmed ->> 'intake' FROM erasure ORDER BY ground"
        )
        assert [each[:2] for each in told] == [("incorrect", COARSE), ("other", COARSE)]
        assert {datetime.fromisoformat(each[2]) for each in told} == {COARSE}


async def test_mails_that_were_sent_lead_no_more_to_a_row(backing: Backing) -> None:
    statement = """
        INSERT INTO delivery (municipality, template, reporter_handle, notice_version, state, ended_at)
        VALUES ('zandrecht', 'received', gen_random_uuid(), 1, $1, $2) RETURNING id
    """
    async with old(backing, "notifier", "2026_11_25_outbox_waits") as database:
        sent = await database.write(statement, "sent", FINE)
        queued = await database.write(statement, "queued", None)
        handle = await database.write("SELECT gen_random_uuid()")
        await database.write(
            "INSERT INTO notice (municipality, reporter_handle, version, feedback, at)"
            " VALUES ('zandrecht', $1, 7, 'taken', $2)",
            handle,
            FINE,
        )
        await database.write(
            "INSERT INTO delivery (municipality, template, reporter_handle, notice_version, state, ended_at)"
            " VALUES ('zandrecht', 'taken', $1, 7, 'failed', now())",
            handle,
        )
        await database.renew()
        told = await database.rows("SELECT created_at FROM delivery WHERE notice_version = 7")
        assert told == [(COARSE,)]
        await database.write("DELETE FROM delivery WHERE notice_version = 7")
        ids = [each[0] for each in await database.rows("SELECT id FROM delivery")]
        assert sent not in ids
        assert queued in ids
        told = await database.rows("SELECT state, message_id IS NULL, ended_at FROM delivery ORDER BY state")
        assert told == [("queued", False, None), ("sent", True, COARSE)]
        fine = (
            "SELECT count(*) FROM delivery WHERE created_at <> coarse(created_at) OR due_at <> coarse(due_at)"
        )
        assert await database.rows(fine) == [(0,)]


async def test_counted_days_stay_what_they_were(backing: Backing) -> None:
    statement = """
        INSERT INTO report_row (municipality, report_id, taken_at, closed_at, closed_version)
        VALUES ('zandrecht', gen_random_uuid(), $1, $1, 1)
    """
    late = datetime(
        2026, 11, 24, 22, 59, 59, 999999, tzinfo=UTC
    )  # a second before midnight in the Netherlands
    async with old(backing, "reporting", "2026_11_25_neighbourhoods") as database:
        await database.write(statement, late)
        days = await database.rows("SELECT taken_on, closed_on FROM report_row")
        await database.renew()
        assert await database.rows("SELECT taken_on, closed_on FROM report_row") == days
        assert await database.rows("SELECT taken_at FROM report_row") == [
            (datetime(2026, 11, 24, 22, 45, tzinfo=UTC),)
        ]


async def test_a_claimed_file_keeps_the_day(backing: Backing) -> None:
    statement = """
        INSERT INTO attachment (municipality, id, state, blob, claim_hash, key_group, media_type, report_id,
            claimed_by, created_at)
        VALUES ('zandrecht', gen_random_uuid(), $1, $2, sha256('x'), 'general', 'image/jpeg', $3, $4, $5)
    """
    async with old(backing, "intake", "2026_11_25_invitations") as database:
        await database.write(statement, "arriving", "a", None, None, FINE)
        report = await database.write("SELECT gen_random_uuid()")
        await database.write(statement, "claimed", "b", report, b"x", FINE)
        await database.renew()
        told = await database.rows("SELECT created_at FROM attachment ORDER BY blob")
        assert told == [(COARSE,), (datetime(2026, 11, 24, tzinfo=UTC),)]
