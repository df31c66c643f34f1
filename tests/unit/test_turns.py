"""Places for heavy work are given in turn: who had little lately does not wait behind who had much."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from common.rooms import Account
from common.sharing import NothingLeft
from common.turns import Turns


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    """Let every task come as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


class Work:
    """Somebody at work in a place, or waiting for one, until told to end."""

    def __init__(self, turns: Turns, account: Account) -> None:
        self.has_begun = False
        self._is_over = asyncio.Event()
        self._task = asyncio.create_task(self._work(turns, account))

    async def _work(self, turns: Turns, account: Account) -> None:
        async with turns.place(account):
            self.has_begun = True
            await self._is_over.wait()

    async def end(self) -> None:
        """Leave the place."""
        self._is_over.set()
        await self._task
        await settle()

    async def hang_up(self) -> None:
        """Be interrupted, at work or not."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await settle()


Begin = Callable[..., Awaitable[Work]]


@asynccontextmanager
async def working(turns: Turns) -> AsyncIterator[Begin]:
    """What lets work begin; all of it is over with the block."""
    begun: list[Work] = []

    async def begin(network: str, municipality: str = "waterdam") -> Work:
        begun.append(Work(turns, Account(municipality, (network,) if network else ())))
        await settle()
        return begun[-1]

    try:
        yield begin
    finally:
        for each in begun:
            await each.hang_up()


async def test_one_network_never_has_every_place_whatever_municipalities_it_names() -> None:
    async with working(Turns(2, patience_seconds=60)) as begin:
        greedy = [await begin("n1", f"town-{number % 4}") for number in range(8)]
        assert [each.has_begun for each in greedy] == [True] + [False] * 7
        assert (await begin("n2", "polderdam")).has_begun


async def test_who_used_little_lately_comes_before_all_who_wait_and_used_much() -> None:
    clock = Clock()
    async with working(Turns(2, patience_seconds=60, clock=clock)) as begin:
        first, second = await begin("n1"), await begin("n2")
        greedy = [await begin(network) for network in ("n1", "n2") * 3]
        clock.now += 20
        modest = await begin("n3", "polderdam")
        assert not modest.has_begun
        await first.end()
        assert (modest.has_begun, [each.has_begun for each in greedy]) == (True, [False] * 6)
        await second.end()
        assert [each.has_begun for each in greedy].count(True) == 1


async def test_of_networks_that_are_new_the_municipality_that_used_least_comes_first() -> None:
    clock = Clock()
    async with working(Turns(1, patience_seconds=60, clock=clock)) as begin:
        first = await begin("n1")
        clock.now += 20
        same, other = await begin("n2"), await begin("n3", "polderdam")
        await first.end()
        assert (same.has_begun, other.has_begun) == (False, True)
        await other.end()
        assert same.has_begun


async def test_what_was_used_long_ago_counts_for_nothing_and_is_forgotten() -> None:
    clock = Clock()
    async with working(Turns(1, patience_seconds=60, clock=clock)) as begin:
        busy = await begin("n1", "waterdam")
        clock.now += 20
        await busy.end()
        clock.now += 3600
        held = await begin("n9", "zandrecht")
        earlier, later = await begin("n1"), await begin("n2", "polderdam")
        await held.end()
        assert (earlier.has_begun, later.has_begun) == (True, False)


async def test_networks_that_are_not_known_have_every_place_and_share_by_municipality() -> None:
    async with working(Turns(2, patience_seconds=60)) as begin:
        first, second = await begin(""), await begin("")
        assert (first.has_begun, second.has_begun) == (True, True)
        third, other = await begin(""), await begin("", "polderdam")
        await first.end()
        assert (third.has_begun, other.has_begun) == (False, True)


async def test_who_hangs_up_while_waiting_or_at_work_leaves_the_place_to_others() -> None:
    async with working(Turns(1, patience_seconds=60)) as begin:
        first, waiting, last = await begin("n1"), await begin("n2"), await begin("n3")
        await waiting.hang_up()
        await first.hang_up()
        assert last.has_begun


async def test_patience_ends_and_the_place_is_still_given() -> None:
    turns = Turns(1, patience_seconds=0.01)
    async with turns.place(Account("waterdam")):
        with pytest.raises(NothingLeft):
            async with turns.place(Account("polderdam")):
                pytest.fail("two have one place")
    async with turns.place(Account("polderdam")):
        pass
