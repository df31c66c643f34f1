"""Bodies on their way in: what one who is known may send, and files that never come whole."""

import contextlib

import pytest
from common.auth import Identity
from common.errors import TooMuch
from gateway.bodies import Bodies, Tempo, Uploads
from gateway.domain.fading import SharedPace
from gateway.domain.pace import Pace

WHO, HERE, THERE = Identity("zandrecht"), {"client": ("192.0.2.0/24", 0)}, {"client": ("198.51.100.0/24", 0)}


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def uploads(clock: Clock) -> Uploads:
    """So many as in an installation, without patience."""
    tempo = Tempo(600, 10, 10, 4096)
    return Uploads(48, Pace(0.5, 150, 0), SharedPace(5, 600, 0), tempo, 500, clock=clock)


async def broken_off(made: Uploads, clock: Clock, seconds: float, count: int = 1) -> None:
    """So many files have a place for so long, and do not come."""
    async with contextlib.AsyncExitStack() as places:
        for _ in range(count):
            await places.enter_async_context(made.place(HERE, WHO))
        clock.now += seconds


async def test_what_is_broken_off_at_once_counts_for_nothing() -> None:
    made = uploads(clock := Clock())
    for _ in range(400):
        await broken_off(made, clock, 0.01)
    async with made.place(HERE, WHO) as stay:
        stay.settle()


async def test_a_network_that_holds_places_with_what_never_comes_is_refused_and_no_other_is() -> None:
    made = uploads(clock := Clock())
    for _ in range(2):
        await broken_off(made, clock, 60, count=12)
    with pytest.raises(TooMuch):
        await broken_off(made, clock, 0)
    async with made.place(THERE, WHO) as stay:
        stay.settle()


async def test_the_largest_mail_of_one_who_is_known_fits_beside_another() -> None:
    mib = 1024 * 1024
    bodies = Bodies(Tempo(30, 10, 5, 1024), most_bytes=48 * mib, largest_bytes_of_known=16 * mib)
    with contextlib.ExitStack() as held:
        for mark, most in (("one", 16 * mib), ("two", 5 * mib)):
            stay = held.enter_context(bodies.held({**HERE, "municipality": "zandrecht", "mark": mark}))
            for _ in range(most // (64 * 1024)):
                await stay.take(64 * 1024)
        assert bodies.held_by("zandrecht") == 21 * mib
