"""The whole flow under load: accepting, live end to end, a backlog that drains, latency at a steady pace."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aio_pika
import asyncpg
from common.contracts.casework import NoticeDue
from common.contracts.intake import MailboxOpened
from common.messaging.broker import EXCHANGE
from common.messaging.envelope import read_envelope, read_event
from common.receipt import mailbox_of
from local.system import System

from tests.bench import limits, load
from tests.bench.cost import cpu_seconds
from tests.bench.figures import Figure, percentile
from tests.support.polling import wait_until

SERVICES = ("gateway", "intake", "casework", "notifier", "reporting")
CONSUMERS = ("casework", "notifier", "reporting")
#: What one report causes: received, counted, mailbox-opened, routed, notice-due, work-arrived.
DELIVERIES_A_REPORT = 6
QUIET_SECONDS = 180.0


@dataclass(frozen=True)
class Town:
    """A system under test and the municipality that reports are sent to."""

    system: System
    municipality: str

    @property
    def gateway(self) -> str:
        """Where reports go."""
        return self.system.gateway_url

    def pids(self) -> list[int]:
        """Every process that takes part, but not this one."""
        services = [self.system.process(name).pid for name in SERVICES]
        return [*services, self.system.postgres.pid, self.system.rabbit.pid]

    async def done(self) -> tuple[int, int, int]:
        """How many reports casework holds, reporting knows as routed, and reporters were told of."""
        return (
            await self._count("casework", "SELECT count(*) FROM report"),
            await self._count(
                "reporting",
                "SELECT count(*) FROM report_row WHERE routed_version >= 0 AND received_on IS NOT NULL",
            ),
            await self._count("notifier", "SELECT count(*) FROM notice"),
        )

    async def _count(self, service: str, statement: str) -> int:
        connection = await asyncpg.connect(self.system.database_url(service, "admin"))
        try:
            return int(await connection.fetchval(statement))
        finally:
            await connection.close()

    async def until_done(self, wanted: tuple[int, ...]) -> None:
        """Wait until every consumer has caught up; raises TimeoutError with what is missing."""
        until = time.perf_counter() + QUIET_SECONDS
        while True:
            now = await self.done()
            if all(have >= want for have, want in zip(now, wanted, strict=True)):
                return
            if time.perf_counter() > until:
                raise TimeoutError(f"casework, reporting, notifier have {now}, wanted {wanted}")
            await asyncio.sleep(0.1)


async def accepting(town: Town, clients: int, seconds: float) -> list[Figure]:
    """Reports accepted through the gateway while every consumer does its work, and how long each waited."""
    raw = await limits.raw_commits(town.system.database_url("intake", "admin"), clients, 2.0)
    before, cpu = await town.done(), cpu_seconds(town.pids())
    outcome = await load.post_for(town.gateway, town.municipality, clients, seconds)
    await town.until_done(tuple(have + outcome.accepted for have in before))
    cpu = (cpu_seconds(town.pids()) - cpu) / max(outcome.accepted, 1) * 1e6
    at = f"{clients} clients"
    milliseconds = [latency * 1e3 for latency in outcome.latencies]
    return [
        Figure(
            f"accepted through the gateway, {at}",
            outcome.rate,
            "reports/s",
            raw,
            "accepted: durable single-row inserts a second at the same number of clients, raw PostgreSQL",
            300 if clients == 8 else None,
            cpu_micros=cpu,
        ),
        Figure(f"  p50, {at}", percentile(milliseconds, 0.5), "ms"),
        Figure(
            f"  p95, {at}",
            percentile(milliseconds, 0.95),
            "ms",
            aim=150 if clients == 8 else None,
            smaller_is_better=True,
        ),
        Figure(f"  p99, {at}", percentile(milliseconds, 0.99), "ms"),
        Figure(
            f"  failed, {at}",
            outcome.failed,
            "reports",
            aim=0 if clients == 64 else None,
            smaller_is_better=True,
        ),
    ]


async def live(town: Town, raw_broker: float, count: int) -> Figure:
    """From the first post until every consumer holds the last report."""
    before, cpu = await town.done(), cpu_seconds(town.pids())
    started = time.perf_counter()
    outcome = await load.post_many(town.gateway, town.municipality, 16, count)
    await town.until_done(tuple(have + outcome.accepted for have in before))
    elapsed = time.perf_counter() - started
    return Figure(
        "live end to end, all consumers",
        outcome.accepted / elapsed,
        "reports/s",
        raw_broker / DELIVERIES_A_REPORT,
        f"end to end: raw broker messages a second ÷ {DELIVERIES_A_REPORT} deliveries a report",
        250,
        cpu_micros=(cpu_seconds(town.pids()) - cpu) / max(outcome.accepted, 1) * 1e6,
    )


async def drain(town: Town, raw_broker: float, count: int) -> Figure:
    """Every consumer is away while reports come in; then all start on the backlog at once."""
    before = await town.done()
    for name in CONSUMERS:
        await asyncio.to_thread(town.system.process(name).stop)
    outcome = await load.post_many(town.gateway, town.municipality, 16, count)
    await _relayed(town)
    for name in CONSUMERS:
        await asyncio.to_thread(town.system.process(name).start)
    cpu, started = cpu_seconds(town.pids()), time.perf_counter()
    await town.until_done(tuple(have + outcome.accepted for have in before))
    elapsed = time.perf_counter() - started
    events = outcome.accepted * DELIVERIES_A_REPORT
    return Figure(
        "backlog drain",
        events / elapsed,
        "events/s",
        raw_broker,
        "drain: raw broker messages a second, confirmed and acknowledged",
        1200,
        cpu_micros=(cpu_seconds(town.pids()) - cpu) / events * 1e6,
    )


async def latency(town: Town, rate: float, seconds: float) -> list[Figure]:
    """From posting until the reporter's notice has come out of casework, at a steady pace.

    The chain is client, gateway, intake, relay, broker, casework, relay, broker: a listener on the exchange
    joins each notice to its report by the mailbox behind the receipt.
    """
    async with _listening(town) as heard:
        outcome = await load.post_at(town.gateway, town.municipality, rate, seconds)
        lookups = {mailbox_of(receipt).lookup_id: at for receipt, at in outcome.receipts.items()}

        async def all_told() -> bool:
            return len(heard.delays(lookups)) == len(lookups)

        await wait_until(all_told, seconds=QUIET_SECONDS, what="a notice for every report")
    delays = [delay * 1e3 for delay in heard.delays(lookups)]
    return [
        Figure(f"end to end p50 at {rate:.0f}/s", percentile(delays, 0.5), "ms"),
        Figure(
            f"end to end p99 at {rate:.0f}/s",
            percentile(delays, 0.99),
            "ms",
            aim=500,
            smaller_is_better=True,
        ),
    ]


class _Heard:
    """When each reporter's notice was spoken, and which mailbox belongs to whom."""

    def __init__(self) -> None:
        self._handle_of: dict[str, str] = {}
        self._told_at: dict[str, float] = {}

    def take(self, body: bytes) -> None:
        now, envelope = time.time(), read_envelope(body)
        if envelope.type == MailboxOpened.event_type():
            opened = read_event(envelope, MailboxOpened).event
            assert isinstance(opened, MailboxOpened)
            self._handle_of[opened.lookup_id] = str(opened.reporter_handle)
        elif envelope.type == NoticeDue.event_type():
            self._told_at.setdefault(envelope.subject, now)

    def delays(self, posted_at: dict[str, float]) -> list[float]:
        """Seconds from post to notice, for those that are known by now."""
        handles = ((at, self._handle_of.get(lookup)) for lookup, at in posted_at.items())
        return [self._told_at[handle] - at for at, handle in handles if handle in self._told_at]


@asynccontextmanager
async def _listening(town: Town) -> AsyncIterator[_Heard]:
    heard = _Heard()
    connection = await aio_pika.connect(town.system.rabbit.amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        for event in (MailboxOpened, NoticeDue):
            await queue.bind(EXCHANGE, routing_key=event.name)

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            heard.take(message.body)

        await queue.consume(take, no_ack=True)
        yield heard


async def _relayed(town: Town) -> None:
    connection = await asyncpg.connect(town.system.database_url("intake", "admin"))
    try:
        until = time.perf_counter() + QUIET_SECONDS
        while await connection.fetchval("SELECT count(*) FROM outbox WHERE sent_at IS NULL"):
            if time.perf_counter() > until:
                raise TimeoutError("intake's relay did not get its events out")
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
