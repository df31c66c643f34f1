"""What the waiting room keeps, for whom, and when it says that the fault is ours."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from common.contracts.intake import ReportCounted
from common.db import Database
from common.messaging import Delivery
from common.messaging.envelope import Envelope, encode
from common.messaging.handling import Dispatcher, Unprocessable
from common.messaging.waiting import WaitingRoom
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support import ledger
from tests.support.backing import Backing
from tests.support.databases import opened


@pytest.mark.parametrize(("error", "is_ours"), [("SELECT FROM no_such_table", True), ("SELECT 1 / 0", False)])
async def test_only_what_no_message_can_bring_about_stops_for_one_speaker(
    backing: Backing, error: str, is_ours: bool
) -> None:
    async def broken(connection: AsyncConnection, _: Sequence[Delivery[Any]]) -> None:
        await connection.execute(text(error))

    async with opened(await ledger.make_database(backing, ledger.HEARER)) as database:
        dispatcher = Dispatcher({ReportCounted: broken})
        room = WaitingRoom(database, dispatcher, retry_seconds=(), parked_in_a_row_limit=3)
        async with database.flowing() as connection:
            await room.put(connection, [encode(ledger.fact()) for _ in range(4)], error="redelivered")
        while await room.try_one():
            pass
        assert room.is_halted is is_ours


async def test_one_speaker_fills_no_database_with_what_fails(backing: Backing) -> None:
    async with opened(await ledger.make_database(backing, ledger.HEARER)) as database:
        room = WaitingRoom(database, Dispatcher({}), retry_seconds=(60,), most_of_one=3)
        facts = [encode(ledger.fact()) for _ in range(5)]
        for error in (RuntimeError("once more"), Unprocessable("never")):
            left_out: list[Envelope] = []
            for each in facts:
                async with database.flowing() as connection:
                    left_out += await room.defer(connection, [each], error=error)
            assert left_out == facts[3:] if isinstance(error, RuntimeError) else left_out == facts
        other = replace(facts[4], spoken_by="casework")
        async with database.flowing() as connection:
            assert await room.defer(connection, [other], error=RuntimeError("once more")) == []
        assert await _count(database) == 4


async def test_what_was_kept_before_and_cannot_be_read_any_more_is_parked_alone(backing: Backing) -> None:
    async with opened(await ledger.make_database(backing, ledger.HEARER)) as database:
        heard = ledger.Flakiness(set())
        room = WaitingRoom(database, Dispatcher({ReportCounted: heard.record}), retry_seconds=())
        good = encode(ledger.fact())
        async with database.flowing() as connection:
            await room.put(
                connection, [replace(good, event_id=uuid4(), body=b"{}"), good], error="redelivered"
            )
        while await room.try_one():
            pass
        assert len(await ledger.effects(database)) == 1
        assert await _count(database, "parked_at IS NOT NULL AND error = 'Unreadable'") == 1


async def _count(database: Database, where: str = "true") -> int:
    async with database.flowing() as connection:
        found = await connection.execute(text(f"SELECT count(*) FROM waiting WHERE {where}"))  # noqa: S608
        return int(found.scalar_one())
