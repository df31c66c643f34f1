"""The whole flow under load: accepting, live end to end, and a backlog that drains."""

import asyncio
import time

from tests.bench import limits, load
from tests.bench.cost import cpu_seconds
from tests.bench.figures import Figure, percentile
from tests.bench.town import CONSUMERS, QUIET_SECONDS, Town

_CLIENTS = 16
_TOLD_APART = 8  # clients at which each process's part is told
_ACCEPTED_AIM = {8: 300.0}
_P95_AIM = {8: 150.0}
_FAILED_AIM = {64: 0.0}


async def accepting(town: Town, clients: int, seconds: float) -> list[Figure]:
    """Reports accepted through the gateway while every consumer does its work, and how long each waited.

    The consumers step back while the processor is short, so it is also told how long after the last report
    they were done with all.
    """
    raw = await limits.raw_commits(town.admin_url("intake"), clients, min(seconds, 2.0))
    stock = int(seconds * load.REPORTS_A_SECOND)
    async with load.ready(town.gateway, town.municipality, stock) as posting:
        before, cpu_before = await town.done(), _cpu(town)
        outcome = await posting.post_for(clients, seconds)
        ended = time.perf_counter()
    await town.until_done(before, outcome.accepted)
    behind = time.perf_counter() - ended
    cpu = {name: after - cpu_before[name] for name, after in _cpu(town).items()}
    at = f"{clients} client{'s' if clients > 1 else ''}"
    return [
        Figure(
            f"accepted through the gateway, {at}",
            outcome.rate,
            "reports/s",
            raw,
            "accepted: durable single-row inserts of 3 kB a second from as many clients, PostgreSQL alone",
            _ACCEPTED_AIM.get(clients),
            cpu_micros=sum(cpu[name] for name in town.pid_of()) / max(outcome.accepted, 1) * 1e6,
        ),
        *_waits(outcome.latencies, at, _P95_AIM.get(clients)),
        Figure(
            f"  failed, {at}",
            outcome.failed,
            "reports",
            aim=_FAILED_AIM.get(clients),
            smaller_is_better=True,
        ),
        Figure(f"  all handled after the last, {at}", behind, "s", smaller_is_better=True),
        *(_apart(cpu, outcome.accepted, at) if clients == _TOLD_APART else ()),
    ]


def _waits(latencies: list[float], at: str, p95_aim: float | None) -> list[Figure]:
    milliseconds = [latency * 1e3 for latency in latencies]
    return [
        Figure(
            f"  p{share:.0f}, {at}",
            percentile(milliseconds, share / 100),
            "ms",
            aim=p95_aim if share == 95 else None,
            smaller_is_better=True,
        )
        for share in (50, 95, 99)
    ]


def _apart(cpu: dict[str, float], reports: int, at: str) -> list[Figure]:
    return [
        Figure(f"  CPU of {name}, {at}", seconds / reports * 1e6, "µs/report", smaller_is_better=True)
        for name, seconds in cpu.items()
    ]


def _cpu(town: Town) -> dict[str, float]:
    """CPU seconds so far of each process that takes part, and of this one, which is the clients."""
    return {
        **{name: cpu_seconds([pid]) for name, pid in town.pid_of().items()},
        "the clients": time.process_time(),
    }


async def live(town: Town, count: int) -> Figure:
    """From the first post until every consumer holds the last report."""
    raw = await limits.raw_broker(town.system.rabbit.amqp_url)
    async with load.ready(town.gateway, town.municipality, count) as posting:
        before, handled, cpu = await town.done(), await town.handled(), cpu_seconds(town.pids())
        started = time.perf_counter()
        outcome = await posting.post_many(_CLIENTS, count)
    await town.until_done(before, outcome.accepted)
    elapsed = time.perf_counter() - started
    cpu = cpu_seconds(town.pids()) - cpu
    events = sum((await town.handled()).values()) - sum(handled.values())
    return Figure(
        "live end to end, all consumers",
        outcome.accepted / elapsed,
        "reports/s",
        raw / (events / outcome.accepted),
        "live: 3 kB messages a second through one quorum queue, broker alone, ÷ events a report",
        250,
        cpu_micros=cpu / outcome.accepted * 1e6,
    )


async def drain(town: Town, count: int) -> Figure:
    """Every consumer is away while reports come in; then all start on the backlog at once.

    The clock runs from the moment at which each of them has begun: how long a start takes is a figure of its
    own, and what one handled while another still started counts for nobody.
    """
    raw = await limits.raw_broker(town.system.rabbit.amqp_url)
    before = await town.done()
    for name in CONSUMERS:
        await asyncio.to_thread(town.system.process(name).stop)
    async with load.ready(town.gateway, town.municipality, count) as posting:
        outcome = await posting.post_many(_CLIENTS, count)
    await town.until_relayed()
    behind = await town.handled()
    for name in CONSUMERS:
        town.system.process(name).launch()
    begun = await _all_begun(town, behind)
    cpu, started = cpu_seconds(town.pids()), time.perf_counter()
    await town.until_done(before, outcome.accepted)
    elapsed = time.perf_counter() - started
    cpu = cpu_seconds(town.pids()) - cpu
    events = sum((await town.handled()).values()) - begun
    for name in CONSUMERS:
        await asyncio.to_thread(town.system.process(name).wait_ready)
    return Figure(
        "backlog drain",
        events / elapsed,
        "events/s",
        raw,
        "drain: 3 kB messages a second through one quorum queue, broker alone",
        1200,
        cpu_micros=cpu / events * 1e6,
    )


async def _all_begun(town: Town, behind: dict[str, int]) -> int:
    """How many events were handled at the moment at which every consumer had handled some."""
    until = time.perf_counter() + QUIET_SECONDS
    while True:
        now = await town.handled()
        if all(now[name] > behind[name] for name in CONSUMERS):
            return sum(now.values())
        if time.perf_counter() > until:
            raise TimeoutError("a consumer did not begin on its backlog")
        await asyncio.sleep(0.02)
