"""Offers on their way to a partner: through the services' virtual host, a shovel, and the partner's own."""

import asyncio
import json
import time
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from common.contracts.casework import ReportOffered
from common.contracts.codes import Urgency
from common.messaging.broker import broker_user
from common.messaging.envelope import encode
from common.messaging.publishing import Fate, Outgoing, publish_batch
from common.messaging.topology import EXCHANGE
from local.demo import PARTNER

from tests.bench.figures import Figure, percentile
from tests.bench.limits import raw_broker
from tests.bench.town import Town

_BATCH = 200  # as a relay sends
_ALONE = 50


class _Taker:
    """A partner who takes and acknowledges; knows when each offer came."""

    def __init__(self) -> None:
        self.came_at: dict[str, float] = {}
        self._news = asyncio.Event()

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Keep an offer's moment, then acknowledge it."""
        self.came_at[json.loads(message.body)["id"]] = time.perf_counter()
        await message.ack()
        self._news.set()

    async def has(self, ids: set[str]) -> None:
        """Return once all of these came; TimeoutError after a minute."""
        async with asyncio.timeout(60):
            while not ids <= self.came_at.keys():
                self._news.clear()
                await self._news.wait()


async def offers(town: Town, count: int) -> list[Figure]:
    """How many a second reach a partner who takes them, and how long one alone is on its way."""
    code, admin_url = town.system.demo.first.code, town.system.rabbit.amqp_url
    access = town.system.partners[code][PARTNER]
    limit = await raw_broker(admin_url)
    taker = _Taker()
    async with await aio_pika.connect(admin_url) as speaking, await aio_pika.connect(access.amqp_url) as own:
        channel, taking = await speaking.channel(on_return_raises=True), await own.channel()
        await taking.set_qos(prefetch_count=20)  # as docs/examples/partner.py
        await (await taking.get_queue(access.queue, ensure=False)).consume(taker.take)
        waits = []
        for _ in range(_ALONE):
            started = time.perf_counter()
            (alone,) = await _offer(channel, admin_url, code, 1)
            await taker.has({alone})
            waits.append((taker.came_at[alone] - started) * 1000)
        started = time.perf_counter()
        sent: set[str] = set()
        while len(sent) < count:
            sent |= await _offer(channel, admin_url, code, min(_BATCH, count - len(sent)))
        await taker.has(sent)
        rate = count / (max(taker.came_at[each] for each in sent) - started)
    told = "raw broker: 3 kB through one quorum queue"
    return [
        Figure(f"{count} offers reach a partner", rate, "a second", limit, told),
        Figure("one offer reaches a partner, median", percentile(waits, 0.5), "ms", smaller_is_better=True),
        Figure("one offer reaches a partner, p99", percentile(waits, 0.99), "ms", smaller_is_better=True),
    ]


async def _offer(channel: AbstractChannel, url: str, municipality: str, count: int) -> set[str]:
    """Speak so many offers at once, confirmed; the id of each."""
    made = [_made(municipality) for _ in range(count)]
    spoken = [encode(offer) for offer in made]
    batch = [Outgoing(str(each.event_id), made[0].routing_key, each.body) for each in spoken]
    assert await publish_batch(channel, EXCHANGE, batch, user=broker_user(url)) == [Fate.CONFIRMED] * count
    return {str(each.event_id) for each in spoken}


def _made(municipality: str) -> ReportOffered:
    return ReportOffered(
        municipality=municipality,
        offer_id=uuid4(),
        partner=PARTNER,
        signal_type="hennepteelt",
        urgency=Urgency.NORMAL,
        neighbourhood="Havenkwartier",
        due_at=datetime(2026, 12, 1, 9, 15, tzinfo=UTC),
        ground="Artikel 3 convenant samenwerking Waterdam (verzonnen)",
    )
