"""Who gets a place at a server that is full: who just came keeps it, who idles loses it, others wait."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

import pytest_asyncio
from common.connections import Connection, Guard, Limits
from uvicorn.config import Config
from uvicorn.server import ServerState

_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n"


class Clock:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeTransport:
    """Keeps what was done to it; `asyncio.Transport` has the rest."""

    def __init__(self) -> None:
        self.is_aborted = self.is_paused = False

    def abort(self) -> None:
        self.is_aborted = True

    def write(self, _sent: bytes) -> None:
        """Nobody reads it."""

    def close(self) -> None:
        self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_aborted

    def get_extra_info(self, _name: str, default: object = None) -> object:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class Peers:
    """Everybody is who they say; a proxy brings whoever has no network."""

    header = b""

    def are_at(self, peer: str, /) -> bool:
        return not peer

    def network(self, peer: str, _written: Sequence[str], /) -> str:
        return peer


class Client:
    """Somebody who connects, with a real connection and a transport that only looks like one."""

    def __init__(self, place: "Place", network: str) -> None:
        self.network, self.since = network, place.guard.now()
        self.transport = FakeTransport()
        self.refused: str | None = None
        self.is_in = self.has_left = False
        self._place = place

    def is_gone(self) -> bool:
        return self.has_left and not self.is_in

    def enter(self) -> Connection:
        self.is_in = True
        self._connection = self._place.connection(self.network)
        self._connection.connection_made(cast("asyncio.Transport", self.transport))
        return self._connection

    def refuse(self, why: str) -> None:
        self.refused = why

    def sends(self, what: bytes) -> None:
        """These bytes come, as a loop brings them."""
        for at in range(0, len(what), 60_000):
            piece = what[at : at + 60_000]
            self._connection.get_buffer(-1)[: len(piece)] = piece
            self._connection.buffer_updated(len(piece))

    def is_read(self) -> None:
        """The application took what came."""
        self._connection._inner.cycle.body = bytearray()
        self._connection._inner.flow.resume_reading()

    def leaves(self) -> None:
        """They hang up; the server sees it at once where it reads."""
        self.has_left = True
        if self.is_in:
            self._connection.connection_lost(None)

    @property
    def is_served(self) -> bool:
        """Whether they have a place and were not cut."""
        return self.is_in and not self.transport.is_aborted


async def _answer_nobody(_scope: Any, _receive: Any, _send: Any) -> None:
    await asyncio.sleep(3600)


class Place:
    """A guard at a clock of its own."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.guard = Guard(Limits(**limits), Peers(), clock=self.clock)
        self._config, self.state = Config(_answer_nobody, lifespan="off", log_config=None), ServerState()

    def connection(self, network: str) -> Connection:
        return Connection(self.guard, self._config, self.state, {}, network=network)

    def comes(self, network: str = "") -> Client:
        """One more connects."""
        client = Client(self, network)
        self.guard.come(client)
        return client

    def passes(self, seconds: float) -> None:
        """Time, in steps as long as between two turns of a guard that watches."""
        until = self.clock.now + seconds
        while self.clock.now < until - 1e-9:
            self.clock.now = min(self.clock.now + 0.05, until)
            self.guard.look()


MakePlace = Callable[..., Place]


@pytest_asyncio.fixture
async def make_place() -> AsyncIterator[MakePlace]:
    """Makes places of which nobody is answered after the test."""
    made: list[Place] = []

    def make(**limits: Any) -> Place:
        made.append(Place(**limits))
        return made[-1]

    yield make
    for place in made:
        for task in place.state.tasks:
            task.cancel()


async def test_who_came_a_moment_ago_is_not_cut_for_newcomers(make_place: MakePlace) -> None:
    place = make_place(most=4)
    honest, *others = (place.comes() for _ in range(4))
    late = [place.comes() for _ in range(12)]
    assert honest.is_served
    assert all(each.is_served for each in others)
    assert not any(each.is_in or each.refused for each in late)
    place.passes(0.55)
    assert [each.is_served for each in late] == [True] * 4 + [False] * 8
    assert honest.transport.is_aborted  # it had its half second and sent nothing


async def test_a_server_that_was_kept_from_work_takes_nobody_for_idle_whom_it_did_not_read(
    make_place: MakePlace,
) -> None:
    place = make_place(most=4)
    honest, *_ = (place.comes() for _ in range(4))
    place.clock.now += 20
    late = place.comes()
    place.guard.look()
    assert (honest.is_served, late.is_in) == (True, False)
    place.passes(0.55)
    assert late.is_in


async def test_who_waits_comes_in_when_somebody_leaves_and_in_the_order_in_which_they_came(
    make_place: MakePlace,
) -> None:
    place = make_place(most=2)
    first, second, third, fourth = (place.comes() for _ in range(4))
    first.leaves()
    assert (third.is_in, fourth.is_in) == (True, False)
    second.leaves()
    assert fourth.is_in


async def test_who_left_while_waiting_takes_no_place(make_place: MakePlace) -> None:
    place = make_place(most=2)
    first, _, *gone, honest = (place.comes() for _ in range(8))
    for each in gone:
        each.leaves()
    first.leaves()
    assert honest.is_in
    assert not any(each.is_in for each in gone)


async def test_nobody_waits_longer_than_a_few_seconds_nor_more_than_the_line_is_long(
    make_place: MakePlace,
) -> None:
    place = make_place(most=2, waiting_seconds=4)
    for each in (place.comes(), place.comes()):
        each.sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")  # at work, and so for long
    late = [place.comes() for _ in range(place.guard.limits.most_waiting)]
    assert place.guard.is_full
    assert place.comes().refused == "full"
    place.passes(4)
    assert not any(each.refused or each.is_in for each in late)
    place.passes(0.55)
    assert {each.refused for each in late} == {"full"}


async def test_one_network_fills_neither_the_places_nor_the_line(make_place: MakePlace) -> None:
    place = make_place(most=8)
    flood = [place.comes("flood") for _ in range(200)]
    assert sum(each.is_served for each in flood) == 4
    assert place.guard.waiting == place.guard.limits.most_waiting // 2
    assert all(place.comes(f"net {number}").is_served for number in range(4))
    late = place.comes("another")
    assert not late.is_in
    assert not late.refused
    flood[0].leaves()
    assert late.is_in  # in turn with those who came first, and are many


async def test_who_has_a_place_idles_and_was_answered_gives_way_at_once(make_place: MakePlace) -> None:
    place = make_place(most=2)
    busy, idle = place.comes(), place.comes()
    busy.sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    idle.sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    idle._connection.is_answered(is_body_coming=False, is_head_begun=False)
    place.passes(0.1)
    assert place.comes().is_served
    assert (busy.is_served, idle.is_served) == (True, False)


async def test_a_body_that_comes_well_gives_way_only_when_nobody_else_can_even_wait(
    make_place: MakePlace,
) -> None:
    place = make_place(most=2)
    sending, quick = place.comes(), place.comes()
    for client in (sending, quick):
        client.sends(_HEAD)
    for _ in range(8):
        for client, size in ((sending, 20_000), (quick, 50_000)):
            client.sends(bytes(size))
            client.is_read()
        place.passes(0.2)
    waiting = [place.comes() for _ in range(place.guard.limits.most_waiting - 1)]
    assert (sending.is_served, quick.is_served, waiting[0].is_in) == (True, True, False)
    place.comes()
    assert (sending.is_served, quick.is_served, waiting[0].is_in) == (False, True, True)


async def test_a_body_that_does_not_come_gives_way_however_much_came_first(make_place: MakePlace) -> None:
    place = make_place(most=2)
    stalled, busy = place.comes(), place.comes()
    busy.sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    stalled.sends(_HEAD + bytes(60_000))
    place.passes(0.6)
    late = place.comes()
    assert not late.is_in  # to cut costs more than to wait for a moment
    place.passes(0.3)
    assert (stalled.is_served, late.is_in) == (False, True)


async def test_a_wide_network_is_one_however_many_lie_in_it(make_place: MakePlace) -> None:
    place = make_place(most=32)
    household = [place.comes(f"2001:db8:7:{number:x}00::/56") for number in range(256)]
    assert sum(each.is_served for each in household) == 16
    assert sum(each.refused == "full" for each in household) > 200
    other = place.comes("192.0.2.0/24")
    assert other.is_served
