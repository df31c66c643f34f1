"""Clients that post reports through the front door and note when each was answered."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle

from gateway.domain.proof import solve

from tests.bench.wire import Wire

PROSE = (
    "In de loods achter het spoor brandt elke nacht licht en het ruikt er naar aceton. Er komen busjes met "
    "buitenlandse kentekens en er worden blauwe vaten uitgeladen. De ramen zijn afgeplakt met folie. "
    "Volgens meneer Pietersen van de overkant gaat het al weken zo; hij is te bereiken op 06-12345678. "
)


_FETCHERS = 8
#: More than a machine of this kind takes in.
REPORTS_A_SECOND = 500

TYPES = ("hennepteelt", "drugslab", "drugshandel", "witwassen")


@dataclass
class Outcome:
    """What the clients saw."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    receipts: dict[str, float] = field(default_factory=dict)  # receipt → moment of posting
    challenges: list[dict[str, object]] = field(default_factory=list)  # each serves one report

    @property
    def accepted(self) -> int:
        """How many reports got their 201."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Reports accepted a second."""
        return self.accepted / self.seconds


def bodies() -> Iterator[bytes]:
    """Valid reports of three lengths and several signal types, as JSON."""
    made = [
        {
            "signalType": kind,
            "description": PROSE * length,
            "reporterKind": "inwoner",
            "answers": {"waargenomen": "zelf-waargenomen"},
        }
        for length, kind in zip((1, 2, 5) * len(TYPES), TYPES * 3, strict=True)
    ]
    return cycle([json.dumps(each).encode() for each in made])


class Clients:
    """Clients that have their challenges in hand; from `ready`."""

    def __init__(self, wire: Wire, outcome: Outcome) -> None:
        self._wire, self._outcome, self._bodies = wire, outcome, bodies()

    async def post_for(self, clients: int, seconds: float) -> Outcome:
        """As many reports as `clients` can post one after another in this time."""
        started = time.perf_counter()

        async def client() -> None:
            while time.perf_counter() < started + seconds:
                await self._post()

        await asyncio.gather(*(client() for _ in range(clients)))
        return self._ended(started)

    async def post_many(self, clients: int, count: int) -> Outcome:
        """This many reports, as fast as `clients` can."""
        left, started = iter(range(count)), time.perf_counter()

        async def client() -> None:
            for _ in left:
                await self._post()

        await asyncio.gather(*(client() for _ in range(clients)))
        return self._ended(started)

    async def post_at(self, rate: float, seconds: float) -> Outcome:
        """Reports at a steady pace, each started on its own beat whether or not the last was answered."""
        started, tasks = time.perf_counter(), []
        for beat in range(int(rate * seconds)):
            wait = started + beat / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(self._post()))
        await asyncio.gather(*tasks)
        return self._ended(started)

    async def _post(self) -> None:
        await _post(self._wire, next(self._bodies), self._outcome)

    def _ended(self, started: float) -> Outcome:
        self._outcome.seconds = time.perf_counter() - started
        return self._outcome


@asynccontextmanager
async def ready(url: str, municipality: str, reports: int) -> AsyncIterator[Clients]:
    """Clients that fetched a challenge for each of so many reports.

    What is measured is taking reports in: begin to measure inside, or the fetching counts too.
    """
    outcome = Outcome()
    async with Wire(url, {"Municipality": municipality}) as wire:
        await _stock_up(wire, reports, outcome)
        yield Clients(wire, outcome)


async def _post(wire: Wire, body: bytes, outcome: Outcome) -> None:
    key = secrets.token_urlsafe(24)
    began = time.time()
    started = time.perf_counter()
    try:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "Proof-Of-Work": await _proof(wire, key, outcome),
        }
        status, answer = await wire.ask("POST", "/api/v1/reports", headers, body)
    except (OSError, EOFError, TimeoutError):
        outcome.failed += 1
        return
    if status != 201:
        outcome.failed += 1
        return
    outcome.latencies.append(time.perf_counter() - started)
    outcome.receipts[json.loads(answer)["receipt"]] = began


async def _stock_up(wire: Wire, count: int, outcome: Outcome) -> None:
    left = iter(range(count))

    async def fetch() -> None:
        for _ in left:
            outcome.challenges.append(await _challenge(wire))

    await asyncio.gather(*(fetch() for _ in range(_FETCHERS)))


async def _challenge(wire: Wire) -> dict[str, object]:
    _, answer = await wire.ask("GET", "/api/v1/challenges")
    found: dict[str, object] = json.loads(answer)
    return found


async def _proof(wire: Wire, key: str, outcome: Outcome) -> str:
    """The work that comes with a report."""
    challenge = outcome.challenges.pop() if outcome.challenges else await _challenge(wire)
    token, bits = str(challenge["token"]), int(str(challenge["bits"]))
    return f"{token}~{solve(token, key, bits)}"
