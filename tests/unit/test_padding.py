"""Padding comes about once a day, and again soon after it failed; nothing else is held up by it."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from common import metrics
from common.broker_log import COMMANDS, LOG_BYTES
from common.contracts.gateway import Padding
from common.flow import HEARD_BY
from common.messaging import padding
from common.messaging.broker import Broker
from common.messaging.envelope import MAX_BYTES, read_envelope
from common.messaging.handling import Dispatcher
from common.messaging.padding import COUNT, Padder, let_pass
from sqlalchemy.ext.asyncio import AsyncConnection


class Rounds:
    """Stands for time and the broker: which pauses were made, and what became of each round."""

    def __init__(self, fails: Callable[[int], bool]) -> None:
        self.pauses: list[float] = []
        self.padded = 0
        self._fails = fails

    async def pause(self, stopping: asyncio.Event, seconds: float) -> None:
        """Note it, and stop after the fifth."""
        self.pauses.append(seconds)
        if len(self.pauses) == 5:
            stopping.set()

    async def pad(self, _: Broker) -> None:
        """Fail when told to."""
        self.padded += 1
        if self._fails(self.padded):
            raise ConnectionError("the broker is away")


async def _rounds(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]) -> Rounds:
    rounds = Rounds(fails)
    monkeypatch.setattr(padding, "pause", rounds.pause)
    monkeypatch.setattr(padding, "pad", rounds.pad)
    padder = Padder(Broker("amqp://127.0.0.1/", name="gateway"), seconds=86_400)
    await padder.run(asyncio.Event())
    return rounds


async def test_it_comes_between_half_a_day_and_a_day_and_a_half_after_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = await _rounds(monkeypatch, lambda _: False)
    assert rounds.padded == 4
    assert all(43_200 <= each <= 129_600 for each in rounds.pauses)
    assert len(set(rounds.pauses)) == 5


async def test_what_failed_is_tried_again_within_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = await _rounds(monkeypatch, lambda number: number < 3)
    assert rounds.padded == 4
    assert rounds.pauses[1:3] == [600, 600]
    assert rounds.pauses[3] >= 43_200


def test_it_is_as_much_as_the_log_and_the_queues_hold() -> None:
    message = padding._message()
    assert len(message.body) <= MAX_BYTES
    assert COUNT * len(message.body) * len(HEARD_BY[Padding]) > LOG_BYTES
    assert COUNT > COMMANDS


async def test_it_leaves_no_row_and_is_counted() -> None:
    heard = metrics.EVENTS_HANDLED.labels(Padding.name)
    before = heard._value.get()
    envelope = read_envelope(padding._message().body, spoken_by="gateway")
    connection = cast("AsyncConnection", object())  # whatever is asked of it fails
    await Dispatcher({Padding: let_pass}).apply(connection, [envelope])
    assert heard._value.get() == before + 1
