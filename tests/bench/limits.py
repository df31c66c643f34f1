"""What the machine itself can do in this run: raw PostgreSQL, raw broker, `psql \\copy`."""

import asyncio
import os
import subprocess
import time
from collections.abc import Sequence

import aio_pika
import asyncpg

from tests.bench.figures import percentile

BODY = os.urandom(3000)
#: The plan and the dates of an export, so that psql does the same work.
_AS_EXPORTED = (
    "SET enable_sort = off",
    "SET max_parallel_workers_per_gather = 0",
    "SET TimeZone = 'Europe/Amsterdam'",
    "SET DateStyle = 'ISO'",
)


async def raw_commits(url: str, clients: int, seconds: float = 3.0) -> float:
    """Durable single-row inserts of 3 kB a second, one commit each, over `clients` connections."""
    pool = await asyncpg.create_pool(url, min_size=clients, max_size=clients)
    try:
        await pool.execute("CREATE TABLE IF NOT EXISTS bench_raw (id bigserial PRIMARY KEY, body bytea)")
        done = 0

        async def insert(until: float) -> None:
            nonlocal done
            async with pool.acquire() as connection:
                statement = await connection.prepare("INSERT INTO bench_raw (body) VALUES ($1)")
                while time.perf_counter() < until:
                    await statement.fetch(BODY)
                    done += 1

        started = time.perf_counter()
        await asyncio.gather(*(insert(started + seconds) for _ in range(clients)))
        return done / (time.perf_counter() - started)
    finally:
        await pool.execute("DROP TABLE IF EXISTS bench_raw")
        await pool.close()


async def raw_broker(amqp_url: str, messages: int = 6000) -> float:
    """Persistent 3 kB messages a second through one quorum queue: confirmed in hundreds, taken, acked."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=200)
        queue = await channel.declare_queue("bench.raw", durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(BODY, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        all_taken, taken = asyncio.Event(), 0

        async def take(incoming: aio_pika.abc.AbstractIncomingMessage) -> None:
            nonlocal taken
            taken += 1
            if taken % 100 == 0:
                await incoming.channel.basic_ack(incoming.delivery_tag or 0, multiple=True)
            if taken >= messages:
                all_taken.set()

        started = time.perf_counter()
        tag = await queue.consume(take)
        for _ in range(messages // 100):
            publishing = [
                channel.default_exchange.publish(message, routing_key="bench.raw") for _ in range(100)
            ]
            await asyncio.gather(*publishing)
        await asyncio.wait_for(all_taken.wait(), 120)
        elapsed = time.perf_counter() - started
        await queue.cancel(tag)
        await queue.delete(if_unused=False, if_empty=False)
        return messages / elapsed


async def raw_page(url: str, statement: str, arguments: Sequence[object], times: int = 100) -> float:
    """The median seconds of a statement straight from PostgreSQL over one connection."""
    connection = await asyncpg.connect(url)
    try:
        prepared = await connection.prepare(statement)
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            await prepared.fetch(*arguments)
            taken.append(time.perf_counter() - started)
        return percentile(taken, 0.5)
    finally:
        await connection.close()


def psql_copy(psql: str, url: str, query: str) -> float:
    """Seconds that `psql \\copy (query) TO STDOUT WITH CSV` takes, thrown away as it comes."""
    started = time.perf_counter()
    subprocess.run(
        [
            *(psql, "--no-psqlrc", "--quiet", url),
            *(option for statement in _AS_EXPORTED for option in ("-c", statement)),
            *("-c", f"\\copy ({query}) TO STDOUT WITH (FORMAT csv, HEADER)"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started
