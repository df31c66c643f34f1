"""What is heard in the very moment of an erasure: whoever comes second finds nothing, and leaves nothing."""

import asyncio
from datetime import UTC, datetime

from casework.store import incoming
from common.contracts.base import Event
from common.contracts.casework import ReportErased
from common.contracts.intake import ReportReceived
from common.contracts.notifier import FeedbackSent
from common.db import Database
from common.messaging.envelope import encode
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support.backing import Backing
from tests.support.casework import casework_desk
from tests.support.databases import service_database
from tests.support.notifier import Reporter, notifier_desk
from tests.support.polling import wait_until


async def test_a_mailbox_that_opens_while_its_reporter_is_erased_stays_away(backing: Backing) -> None:
    async with notifier_desk(backing) as desk:
        reporter = Reporter()
        late: tuple[Event, ...] = (reporter.mailbox, reporter.notice(), reporter.question(desk.town))
        async with desk.database.flowing() as erasing:
            await desk.dispatcher.apply(erasing, [encode(reporter.erased())])
            hearing = [asyncio.create_task(desk.hear(event)) for event in late]
            await wait_until(lambda: _ended_or_waiting(desk.database, hearing), what="the hearers' move")
        await asyncio.gather(*hearing)
        for table in ("mailbox", "notice", "question", "delivery"):
            assert await _count(desk.database, table) == 0, table


async def test_what_is_noted_while_a_report_is_erased_leaves_no_history(backing: Backing) -> None:
    async with casework_desk(await service_database(backing, "casework")) as desk:
        report = desk.report()
        await desk.hear(report)
        async with desk.database.flowing() as erasing:
            await _erase(erasing, report)
            hearing = asyncio.create_task(desk.hear(_told(report)))
            await wait_until(lambda: _ended_or_waiting(desk.database, [hearing]), what="the hearer's move")
        await hearing
        assert await _count(desk.database, "history") == 0


async def test_an_erasure_takes_along_what_is_just_being_noted(backing: Backing) -> None:
    async with casework_desk(await service_database(backing, "casework")) as desk:
        report = desk.report()
        await desk.hear(report)

        async def erase() -> None:
            async with desk.database.flowing() as connection:
                await _erase(connection, report)

        async with desk.database.flowing() as hearing:
            await desk.dispatcher.apply(hearing, [encode(_told(report))])
            erasing = asyncio.create_task(erase())
            await wait_until(lambda: _ended_or_waiting(desk.database, [erasing]), what="the eraser's move")
        await erasing
        assert await _count(desk.database, "history") == 0


def _told(report: ReportReceived) -> FeedbackSent:
    return FeedbackSent(
        municipality=report.municipality,
        reporter_handle=report.reporter_handle,
        template="received",
        channel="mail",
        attempt=1,
        sent_at=datetime.now(UTC),
    )


async def _erase(connection: AsyncConnection, report: ReportReceived) -> None:
    event = ReportErased(
        municipality=report.municipality,
        report_id=report.report_id,
        reporter_handle=report.reporter_handle,
        reason="other",
        ground="toets",
        erased_at=datetime.now(UTC),
    )
    await incoming.lock_for_erasure(connection, event.municipality, event.report_id)
    await incoming.erase(connection, event, None)


async def _ended_or_waiting(database: Database, tasks: list[asyncio.Task[None]]) -> bool:
    """Each task has ended, or is held by a lock of another transaction."""
    async with database.flowing() as connection:
        waiting = await connection.execute(
            text(
                """SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'"""
            )
        )
        return int(waiting.scalar_one()) + sum(task.done() for task in tasks) == len(tasks)


async def _count(database: Database, table: str) -> int:
    async with database.flowing() as connection:
        rows = await connection.execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 -- our own words
        return int(rows.scalar_one())
