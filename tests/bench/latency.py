"""How long a report takes from the post until everyone concerned holds it, at a steady pace."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import aio_pika
from common.contracts.intake import ReportReceived
from common.messaging.envelope import read_envelope, read_event
from common.messaging.topology import EXCHANGE
from common.receipt import mailbox_of
from common.sealing import encode

from tests.bench import load
from tests.bench.figures import Figure, percentile
from tests.bench.town import QUIET_SECONDS, Town
from tests.support.polling import wait_until

_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class _Known:
    """One report under the names that the services have for it."""

    report_id: UUID
    handle: UUID
    public_key: str


async def latency(town: Town, rate: float, seconds: float) -> list[Figure]:
    """From posting until the notice stands in the reporter's mailbox and the routed report in the counts.

    The chain is client, gateway, intake, relay, broker, casework, relay, broker, and then both notifier and
    reporting, each with its commit. Looked at every 10 ms, so that a figure is at most that much too high.
    A machine that is too busy for this pace refuses some, which is a figure too: the others then tell little.
    """
    stock = int(rate * seconds)
    async with (
        load.ready(town.gateway, town.municipality, stock) as posting,
        _watching(town) as watched,
    ):
        outcome = await posting.post_at(rate, seconds)
        if not outcome.receipts:
            raise RuntimeError(f"no report was accepted at {rate:.0f}/s")
        posted_at = {encode(mailbox_of(receipt).public_key): at for receipt, at in outcome.receipts.items()}

        async def all_done() -> bool:
            return posted_at.keys() <= watched.done_at.keys()

        await wait_until(all_done, seconds=QUIET_SECONDS, what="every report with everyone concerned")
    delays = [(watched.done_at[key] - at) * 1e3 for key, at in posted_at.items()]
    at = f"{rate:.0f}/s"
    accepted = [each * 1e3 for each in outcome.latencies]
    return [
        Figure(f"accepted p99 at {at}", percentile(accepted, 0.99), "ms", smaller_is_better=True),
        Figure(f"end to end p50 at {at}", percentile(delays, 0.5), "ms", smaller_is_better=True),
        Figure(f"end to end p99 at {at}", percentile(delays, 0.99), "ms", aim=500, smaller_is_better=True),
        Figure(f"refused at {at}", outcome.failed, "reports", aim=0, smaller_is_better=True),
    ]


class _Watched:
    """Which reports are on their way, and when each was done."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._pending: dict[UUID, _Known] = {}  # by report id
        self.done_at: dict[str, float] = {}  # by the reporter's public key

    def take(self, body: bytes) -> None:
        """Note a report that intake speaks of."""
        envelope = read_envelope(body)
        event = read_event(envelope, ReportReceived).event
        assert isinstance(event, ReportReceived)
        known = _Known(event.report_id, event.reporter_handle, event.reporter_public_key)
        self._pending[event.report_id] = known

    async def look(self) -> None:
        """Note which of the pending ones are done by now."""
        pending = list(self._pending.values())
        if not pending:
            return
        told = await self._town.databases["notifier"].fetch(
            """SELECT reporter_handle FROM notice JOIN mailbox USING (municipality, reporter_handle)
               WHERE municipality = $1 AND reporter_handle = ANY($2)""",
            self._town.municipality,
            [each.handle for each in pending],
        )
        counted = await self._town.databases["reporting"].fetch(
            """SELECT report_id FROM report_row WHERE municipality = $1 AND report_id = ANY($2)
               AND routed_version >= 0 AND received_on IS NOT NULL""",
            self._town.municipality,
            [each.report_id for each in pending],
        )
        now, handles, ids = time.time(), {row[0] for row in told}, {row[0] for row in counted}
        for each in pending:
            if each.handle in handles and each.report_id in ids:
                self.done_at[each.public_key] = now
                del self._pending[each.report_id]


@asynccontextmanager
async def _watching(town: Town) -> AsyncIterator[_Watched]:
    watched = _Watched(town)
    connection = await aio_pika.connect(town.system.rabbit.amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EXCHANGE, routing_key=ReportReceived.name)

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            watched.take(message.body)

        async def keep_looking() -> None:
            while True:
                await watched.look()
                await asyncio.sleep(_LOOK_SECONDS)

        await queue.consume(take, no_ack=True)
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(keep_looking())
            yield watched
            looking.cancel()
