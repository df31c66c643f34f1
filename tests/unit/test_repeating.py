"""What is done every so often: again soon while the database is away, and never silently not at all."""

import asyncio

import asyncpg
import pytest
from common.repeating import Repeating

from tests.support.polling import wait_until


class Sweeping:
    """Fails as often as told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.count = list(errors), 0

    async def __call__(self) -> None:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)


async def test_while_the_database_is_away_it_says_so_and_tries_again_soon() -> None:
    sweeping, stopping = Sweeping(asyncpg.CannotConnectNowError(), ConnectionRefusedError()), asyncio.Event()
    part = Repeating("sweep", sweeping, 3600, again_seconds=0.05)
    running = asyncio.create_task(part.run(stopping))

    async def is_away() -> bool:
        return part.trouble == "the database is away"

    async def is_well() -> bool:
        return sweeping.count == 3 and part.trouble is None

    await wait_until(is_away, pause_seconds=0.01)
    await wait_until(is_well, pause_seconds=0.01)
    await asyncio.sleep(0.2)
    assert sweeping.count == 3  # an hour has not passed
    stopping.set()
    await asyncio.wait_for(running, 1)


async def test_another_error_ends_the_part() -> None:
    with pytest.raises(ValueError, match="a fault of ours"):
        await Repeating("sweep", Sweeping(ValueError("a fault of ours")), 3600).run(asyncio.Event())
