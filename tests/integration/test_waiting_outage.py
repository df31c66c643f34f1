"""A database that goes away in the middle of a try is not the message's fault, and costs it no attempt."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from common.contracts.intake import ReportCounted
from common.db import is_away
from common.messaging import Delivery, WaitingRoom
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support import ledger
from tests.support.backing import OwnBacking
from tests.support.databases import opened
from tests.support.polling import wait_until


async def test_an_attempt_that_the_database_cut_off_is_not_spent(own_backing: OwnBacking) -> None:
    async def crash(connection: AsyncConnection, _deliveries: Sequence[Delivery[Any]]) -> None:
        await asyncio.to_thread(own_backing.postgres.kill)
        await connection.execute(text("SELECT 1"))

    async with opened(await ledger.make_database(own_backing, ledger.HEARER)) as database:
        room = WaitingRoom(database, Dispatcher({ReportCounted: crash}), retry_seconds=(0.1,))
        async with database.flowing() as connection:
            await room.put(connection, [encode(ledger.fact())], error="redelivered")
        trying = asyncio.create_task(room.try_one())
        await wait_until(lambda: _is_down(own_backing), what="a killed database")
        await asyncio.to_thread(own_backing.postgres.start)
        with pytest.raises(Exception) as cut_off:  # noqa: PT011 -- whatever the driver calls it
            await asyncio.wait_for(trying, 30)
        assert is_away(cut_off.value)
        assert [(each.attempt, each.parked_at) for each in await room.listed()] == [(0, None)]


async def _is_down(backing: OwnBacking) -> bool:
    return not backing.postgres.is_running
