"""A database that goes away in the middle of a try is not the message's fault, and costs it no attempt."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from common.contracts.intake import ReportCounted
from common.db import Database, is_away
from common.messaging import Delivery, WaitingRoom
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from common.messaging.waiting_list import WaitingList
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support import ledger
from tests.support.backing import OwnBacking
from tests.support.databases import opened


@dataclass(frozen=True)
class _Watched(Database):
    """Tells when somebody asked and it was away; a database that is back by then would tell nothing."""

    found_away: asyncio.Event = field(default_factory=asyncio.Event, compare=False)

    async def answers(self) -> bool:
        answers = await super().answers()
        if not answers:
            self.found_away.set()
        return answers


async def test_an_attempt_that_the_database_cut_off_is_not_spent(own_backing: OwnBacking) -> None:
    async def crash(connection: AsyncConnection, _deliveries: Sequence[Delivery[Any]]) -> None:
        await asyncio.to_thread(own_backing.postgres.kill)
        await connection.execute(text("SELECT 1"))

    async with opened(await ledger.make_database(own_backing, ledger.HEARER)) as plain:
        database = _Watched(web=plain.web, flow=plain.flow)
        room = WaitingRoom(database, Dispatcher({ReportCounted: crash}), retry_seconds=(0.1,))
        async with database.flowing() as connection:
            await room.put(connection, [encode(ledger.fact())], error="redelivered")
        trying = asyncio.create_task(room.try_one())
        await asyncio.wait_for(database.found_away.wait(), 30)
        await asyncio.to_thread(own_backing.postgres.start)
        with pytest.raises(Exception) as cut_off:  # noqa: PT011 -- whatever the driver calls it
            await asyncio.wait_for(trying, 90)
        assert is_away(cut_off.value)
        (waiting,) = await WaitingList(database).listed()
        assert (waiting.attempt, waiting.parked_at) == (0, None)
