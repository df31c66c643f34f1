"""A service that was broken into sends what no hearer can take: to stop one, or to have reports thrown away.

The key `CC` carries a message to every queue, with no right to it. What it must not reach: that a hearer
stops, breaks off, or gives up anything that others sent.
"""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import pytest
from aio_pika.abc import FieldValue
from aio_pika.exceptions import ChannelPreconditionFailed
from common import metrics
from common.contracts.casework import ReportTaken
from common.contracts.intake import ReportCounted
from common.messaging.envelope import MAX_BYTES, Unreadable, encode, is_vouched_for, read_envelope
from common.messaging.topology import DEAD_QUEUE, EXCHANGE
from common.messaging.waiting_list import WaitingList
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import ledger
from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.broker import as_relayed
from tests.support.hostile import send_under_unreadable_key, send_unreadable
from tests.support.pair import Pair, pair_on, running
from tests.support.polling import wait_until

_CARBON_COPY: dict[str, FieldValue] = {"CC": [ReportCounted.name]}
_OUTSIDE = ("specversion", "id", "type", "municipality", "subject", "time", "data")
_TEXTS = (
    "",
    "a\0b",
    "\ud800",
    "a\nb",
    "\x1b[2J",
    "\u202egnp.exe",
    "".join(str(uuid4()) for _ in range(1500)),
    "x" * 256,
    ReportCounted.event_type(),
    "nl.vermoeden..x",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-01-01T00:00:00",
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(_TEXTS) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _document(**changes: Any) -> dict[str, Any]:
    """An event that can be read, but for these changes."""
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "type": ReportTaken.event_type(),
        "municipality": "zandrecht",
        "subject": "s",
        "time": "2026-01-01T00:00:00+00:00",
        "data": {},
        **changes,
    }


_hostile = (
    st.binary(max_size=40)
    | _json.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(_OUTSIDE), st.sampled_from(_TEXTS) | _json, min_size=1, max_size=2).map(
        lambda changes: json.dumps(_document(**changes)).encode()
    )
)


@pytest.fixture
async def pair(backing: Backing) -> AsyncIterator[Pair]:
    async with pair_on(backing) as made:
        yield made


@given(_hostile, st.sampled_from(("", "intake", "casework")))
@settings(max_examples=5000 if IS_LONG else 500)
def test_whatever_can_be_read_can_be_kept_and_shown(body: bytes, sender: str) -> None:
    try:
        envelope = read_envelope(body, spoken_by=sender)
    except Unreadable:
        return
    for text in (envelope.type, envelope.municipality, envelope.subject):
        assert text.isprintable()
        assert len(text.encode()) < 2600  # an entry of PostgreSQL's index
    assert envelope.spoken_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("depth", [1000, 30_000])
def test_deep_nesting_is_read_or_refused(depth: int) -> None:
    body = json.dumps(_document()).replace("{}", "[" * depth + "]" * depth).encode()
    with pytest.raises(Unreadable):
        read_envelope(body, spoken_by="casework")


def test_nobody_is_the_speaker_of_nothing() -> None:
    for kind in ("nl.vermoeden..x", "nl.vermoeden.", "", "nobody"):
        assert not is_vouched_for(kind, "")


def _drawn() -> list[bytes]:
    """Some of what the property above is held to, where the broker takes it."""
    bodies: list[bytes] = []

    @given(_hostile)
    @settings(max_examples=1000 if IS_LONG else 50, database=None)
    def draw(body: bytes) -> None:
        if len(body) <= MAX_BYTES:
            bodies.append(body)

    draw()
    return bodies


def _poison() -> list[bytes]:
    hidden = [json.dumps(_document(**{field: text})) for field in _OUTSIDE for text in _TEXTS]
    return [*(each.encode() for each in hidden), *_drawn()]


async def _send_poison(pair: Pair) -> int:
    """As casework, to the hearer of what intake counts; returns how many events it was."""
    async with await aio_pika.connect(pair.vhost.url("casework")) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        bodies = _poison()
        for body in bodies:
            message = as_relayed(body, "casework", _CARBON_COPY)
            await exchange.publish(message, ReportTaken.name)
        body = json.dumps(_document()).encode()
        await send_unreadable(channel, "casework", ReportTaken.name, ReportCounted.name, body)
        await send_under_unreadable_key(channel, "casework", ReportCounted.name, body)
    return len(bodies) + 1  # the last ones are one event, which nobody vouches for


async def test_the_broker_takes_nothing_larger_than_an_event(pair: Pair) -> None:
    large = json.dumps(_document(data={"x": "x" * MAX_BYTES})).encode()
    async with await aio_pika.connect(pair.vhost.url("casework")) as connection:
        exchange = await (await connection.channel()).get_exchange(EXCHANGE, ensure=False)
        with pytest.raises(ChannelPreconditionFailed, match="larger than configured max size"):
            await exchange.publish(as_relayed(large, "casework", _CARBON_COPY), ReportTaken.name)


async def _dead(pair: Pair) -> int:
    async with await aio_pika.connect(pair.vhost.admin_url) as connection:
        found = await (await connection.channel()).declare_queue(DEAD_QUEUE, passive=True)
        return int(found.declaration_result.message_count or 0)


async def test_poison_ends_no_hearer_and_harms_no_innocent(pair: Pair, attempts: Attempts) -> None:
    restarts, before = metrics.EVENTS_DEFERRED.labels("suspect"), metrics.EVENTS_REJECTED._value.get()
    suspects = restarts._value.get()
    innocent = [ledger.fact() for _ in range(20)]
    for fact in innocent[:10]:
        await pair.send(encode(fact).body)
    count = await _send_poison(pair)
    for fact in innocent[10:]:
        await pair.send(encode(fact).body)
    async with running(pair.hearing()) as house:

        async def all_heard() -> bool:
            return set(await pair.heard()) == {fact.report_id for fact in innocent}

        await wait_until(all_heard, seconds=60, what="the innocent")
        attempts.record("a hearer stopped", succeeded=house.consumer is None or bool(house.consumer.trouble))
        attempts.record("a hearer's connection broken", succeeded=restarts._value.get() != suspects)

        async def nothing_vanished() -> bool:
            rejected = int(metrics.EVENTS_REJECTED._value.get() - before)
            return await _dead(pair) == rejected > 50 and rejected + await pair.count("true") == count

        await wait_until(nothing_vanished, seconds=60, what="each is kept, or a dead letter")


async def test_broken_events_in_ones_own_name_stop_no_hearer(pair: Pair, attempts: Attempts) -> None:
    """Nor does an operator who gives all of them their tries again."""
    broken = [_document(type=ReportCounted.event_type(), subject=str(uuid4())) for _ in range(60)]
    for each in broken:
        await pair.send(json.dumps(each).encode())
    innocent = ledger.fact()
    async with running(pair.hearing()) as house:
        await wait_until(lambda: _is_kept(pair, 60), seconds=60, what="the broken ones parked")
        assert await WaitingList(house.database).replay() == 60
        await wait_until(lambda: _is_kept(pair, 60), seconds=60, what="parked again")
        attempts.record("a hearer halted", succeeded=house.waiting.is_halted)
        await pair.send(encode(innocent).body)
        await wait_until(lambda: _is_heard(pair, innocent.report_id), what="the innocent")


async def _is_kept(pair: Pair, count: int) -> bool:
    return await pair.count("parked_at IS NOT NULL") == count


async def _is_heard(pair: Pair, report_id: UUID) -> bool:
    return report_id in await pair.heard()
