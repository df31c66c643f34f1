"""Places that are held while somebody is read: whoever is slow gives way; the quick and the known do not."""

import asyncio
import contextlib

import pytest
from common.rates import SLOW_BYTES_PER_SECOND
from common.rooms import Account, GaveWay, Room, Stay, places_of_known
from common.sharing import NothingLeft


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def account(network: str, municipality: str = "a", *, is_known: bool = False) -> Account:
    return Account(municipality, tuple(network.split()), is_known=is_known)


async def taken_by(stays: contextlib.ExitStack, room: Room, who: Account) -> int:
    """How many places this one finds, one after the other; they are held as long as the stack."""
    for count in range(100):
        try:
            await stays.enter_context(room.stay(who)).take()
        except NothingLeft:
            return count
    raise AssertionError


async def read_for(stay: Stay, clock: Clock, seconds: float, size_bytes: int) -> None:
    """So long something comes, so many bytes of it."""
    async with asyncio.timeout(60) as limit:
        await asyncio.sleep(0)
        stay.waits(limit)
        clock.now += seconds
        stay.came(size_bytes)
        stay.waits(None)


async def test_the_slow_give_way_and_the_quick_do_not() -> None:
    clock = Clock()
    room = Room("test", 2, patience_seconds=0, clock=clock)
    with room.stay(account("n1")) as slow, room.stay(account("n2", "b")) as quick:
        await slow.take()
        await quick.take()
        await read_for(quick, clock, 3, 4 * SLOW_BYTES_PER_SECOND)
        with room.stay(account("n3", "c")) as other, pytest.raises(NothingLeft):
            await other.take()
        await read_for(slow, clock, 3, 10)
        with room.stay(account("n3", "c")) as other:
            clock.now += 1
            await other.take()
            assert (slow.is_out, quick.is_out) == (True, False)
        with pytest.raises(GaveWay):
            await slow.take()


async def test_what_is_worked_on_gives_way_to_nobody() -> None:
    clock = Clock()
    room = Room("test", 1, patience_seconds=0, clock=clock)
    with room.stay(account("n1")) as settled, room.stay(account("n2", "b")) as other:
        await settled.take()
        await read_for(settled, clock, 10, 0)
        settled.settle()
        with pytest.raises(NothingLeft):
            await other.take()


async def test_a_sender_may_have_to_wait_for_us_but_not_for_long() -> None:
    clock = Clock()
    room = Room("test", 1, patience_seconds=0, clock=clock)
    with room.stay(account("n1")) as held, room.stay(account("n2", "b")) as other:
        await held.take()
        await read_for(held, clock, 1, 1000)
        clock.now += 4
        with pytest.raises(NothingLeft):
            await other.take()
        await read_for(held, clock, 0.1, 1000)
        clock.now += 4
        await other.take()
        assert held.is_out


async def test_one_network_leaves_room_for_others_of_its_municipality() -> None:
    room = Room("test", 48, patience_seconds=0)
    with contextlib.ExitStack() as stays:
        assert await taken_by(stays, room, account("greedy", "a")) == 16
        for place in ("a", "b"):
            await stays.enter_context(room.stay(account("modest", place))).take()


async def test_a_wide_network_is_one_however_many_lie_in_it() -> None:
    room = Room("test", 48, patience_seconds=0)
    with contextlib.ExitStack() as stays:
        for number in range(256):
            await taken_by(stays, room, account(f"wide home-{number}", "a"))
        assert room.held_by("a") == 16
        await stays.enter_context(room.stay(account("modest", "a"))).take()


async def test_who_holds_more_than_who_asks_gives_way_however_quick() -> None:
    clock = Clock()
    room = Room("test", 7, patience_seconds=0.5, clock=clock)
    with contextlib.ExitStack() as stays:
        held = [stays.enter_context(room.stay(account(each, "a"))) for each in ("n1", "n1", "n2")]
        for stay in held:
            await stay.take()
            await read_for(stay, clock, 3, 4 * SLOW_BYTES_PER_SECOND)
        for network, number_out in (("n3", 0), ("n4", 1), ("n5", 1)):
            other = stays.enter_context(room.stay(account(network, "a")))
            with contextlib.suppress(NothingLeft):
                await other.take()
            other.settle()
            assert sum(stay.is_out for stay in held) == number_out
        assert not held[2].is_out


async def test_one_who_is_known_leaves_room_for_another() -> None:
    room = Room("test", 48, patience_seconds=0)
    with contextlib.ExitStack() as stays:
        assert await taken_by(stays, room, account("key", "a", is_known=True)) == 6
        await stays.enter_context(room.stay(account("person", "a", is_known=True))).take()


async def test_who_is_known_finds_a_place_whatever_others_hold() -> None:
    room = Room("test", 3, patience_seconds=0)
    with (
        room.stay(account("n1")) as one,
        room.stay(account("n2", "b")) as two,
        room.stay(account("n1", is_known=True)) as known,
    ):
        await one.take()
        await two.take()
        await known.take(places_of_known(3))
        assert (room.held_by("a"), room.held_by("b")) == (2, 1)


async def test_a_read_that_goes_on_ends_when_its_place_is_given_away() -> None:
    room = Room("test", 1, patience_seconds=5)

    async def reading() -> None:
        with room.stay(account("n1")) as stay:
            await stay.take()
            async with asyncio.timeout(60) as limit:
                stay.waits(limit)
                await asyncio.Event().wait()

    slow = asyncio.create_task(reading())
    await asyncio.sleep(0)
    with room.stay(account("n2", "b")) as other:
        async with asyncio.timeout(5):
            await other.take()
    with pytest.raises(TimeoutError):
        await slow


async def test_of_those_who_wait_the_network_that_wants_least_comes_first() -> None:
    room = Room("test", 4, patience_seconds=5)
    order: list[str] = []

    async def want(network: str, amount: int) -> None:
        with room.stay(account(network, network)) as stay:
            await stay.take(amount)
            order.append(network)

    with room.stay(account("n0", "z")) as held:
        await held.take(2)
        held.settle()
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(want(network, 3)) for network in ("greedy", "greedy", "modest")]
        await asyncio.sleep(0.01)
        assert order == []
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert order[0] == "modest"


@pytest.mark.parametrize(("seconds", "came"), [(3, 10), (0.5, 10 * SLOW_BYTES_PER_SECOND)])
async def test_of_those_who_wait_who_was_slow_or_broke_off_comes_last(seconds: float, came: int) -> None:
    clock = Clock()
    room = Room("test", 2, patience_seconds=5, clock=clock)
    with room.stay(account("n1")) as first:
        await first.take()
        await read_for(first, clock, seconds, came)
    order: list[str] = []

    async def want(network: str) -> None:
        with room.stay(account(network)) as stay:
            await stay.take()
            order.append(network)

    with room.stay(account("n2", "z")) as held, room.stay(account("n3", "y")) as more:
        for each in (held, more):
            await each.take()
            each.settle()
        waiting = [asyncio.create_task(want(network)) for network in ("n4", "n1")]  # that one is newer
        await asyncio.sleep(0.01)
        assert order == []
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert order == ["n4", "n1"]


async def test_who_hold_and_want_more_do_not_block_who_wants_little() -> None:
    room = Room("test", 8, patience_seconds=5)

    async def grow() -> None:
        with room.stay(account("greedy", "z")) as stay:
            await stay.take(4)
            await stay.take(4)

    growing = asyncio.create_task(grow())
    await asyncio.sleep(0)
    with room.stay(account("modest", "z")) as modest:
        async with asyncio.timeout(2):
            await modest.take()
    with pytest.raises(GaveWay):
        await growing
