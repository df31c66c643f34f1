"""The processor as something shared: what is charged, who waits, and who is refused."""

import asyncio
import itertools
from typing import Any

import pytest
from common.errors import TooMuch
from gateway.work import Bill, Metered, SharedWork
from starlette.types import Message

from tests.support.gateway import settings_alone

ATTACKER, NEIGHBOUR, HONEST = "203.0.113.7", "203.0.113.9", "198.51.100.7"


class Time:
    """Time that passes where somebody waits."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds


async def somebody(scope: Any) -> str:
    """Whoever says so is known."""
    return str(scope.get("known", ""))


def shared(time: Time, **changes: Any) -> SharedWork:
    return SharedWork(settings_alone(**changes), somebody, time.pause, time)


def asked(address: str, path: str = "/zandrecht/melden", **more: Any) -> dict[str, Any]:
    return {"type": "http", "path": path, "client": (address, 0), **more}


async def used(work: SharedWork, time: Time, cost: float, path: str) -> float:
    """Seconds of the processor in a minute for one network that asks without end, in turn at two places."""
    total, until = 0.0, time.now + 60
    asking = itertools.cycle([(ATTACKER, "zandrecht"), (NEIGHBOUR, "duinrade")])
    while time.now < until:
        time.now += cost / 2
        address, place = next(asking)
        try:
            bill = await work.turn(asked(address, path), place)
        except TooMuch:
            continue
        bill.add(cost)
        total += cost
    return total


@pytest.mark.parametrize("cost", [0.0003, 0.005, 0.5])
@pytest.mark.parametrize("path", ["/zandrecht/melden", "/static/a/b", "/api/v1/challenges", "*"])
async def test_one_network_uses_about_a_fifth_whatever_it_asks(cost: float, path: str) -> None:
    time = Time()
    work = shared(time)
    assert await used(work, time, cost, path) <= 60 * 0.2 + 2 + 2 * cost
    before = time.now
    await work.turn(asked(HONEST), "zandrecht")
    assert time.now == before


async def test_a_municipality_uses_about_half_and_who_is_known_there_has_as_much_beside_it() -> None:
    time = Time()
    work = shared(time, rate_patience_seconds=0)
    total = 0.0
    for _ in range(60):
        time.now += 1
        for network in range(100):
            for _ in range(5):
                try:
                    bill = await work.turn(asked(f"10.0.{network}.1"), "zandrecht")
                except TooMuch:
                    break
                bill.add(0.01)
                total += 0.01
    assert 15 < total < 60 * 0.5 + 6 + 2
    await work.turn(asked("10.0.1.1", known="noor"), "zandrecht")
    await work.turn(asked(HONEST), "duinrade")


async def test_a_town_hall_of_two_hundred_gets_a_page_with_its_files() -> None:
    time = Time()
    work = shared(time)
    began = time.now
    for person in range(200):
        (await work.turn(asked(f"203.0.113.{person}"), "zandrecht")).add(0.0035)
        for _ in range(10):
            (await work.turn(asked(f"203.0.113.{person}", "/static/a/b"), "")).add(0.0004)
    assert time.now == began


async def test_refusals_of_a_network_wait_their_turn() -> None:
    time = Time()
    work = shared(time)
    (await work.turn(asked(ATTACKER), "zandrecht")).add(100)
    began = time.now
    for _ in range(1100):
        with pytest.raises(TooMuch):
            await work.turn(asked(ATTACKER), "zandrecht")
    assert time.now - began >= 9


async def test_a_body_waits_for_the_turns_of_its_network() -> None:
    time = Time()
    work = shared(time)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"a", "more_body": True}

    reading = work.in_turns(asked(ATTACKER), receive)
    bill = await work.turn(asked(ATTACKER), "zandrecht")
    await reading()
    began = time.now
    bill.add(10)
    await reading()
    assert time.now - began >= 8 / 0.2 - 2


async def test_each_step_is_measured_and_a_cancellation_arrives() -> None:
    heard: list[str] = []
    bill = Bill(lambda _ms: heard.append("charged"), paid_ms=0.0)
    ticks = iter(range(1000))

    async def work() -> None:
        await asyncio.sleep(0)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    async def run() -> None:
        await Metered(work(), bill.add, lambda: float(next(ticks)))

    task = asyncio.create_task(run())
    for _ in range(4):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (heard.count("charged"), "cancelled" in heard, bill.used_ms) == (3, True, 3000)
