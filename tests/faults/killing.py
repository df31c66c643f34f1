"""Kills processes, relays, broker and database, each in the middle of its work, and brings them back."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local.process import Process
from local.servers import StartFailed
from local.servers.server import PrivateServer
from local.system import System

from tests.faults.places import Databases, process_on
from tests.faults.plan import KINDS, SERVICES, Plan

_PASSING_SECONDS, _HELD_UP_SECONDS = 10.0, 5.0  # to see a relay publish; far below a heartbeat
_RELAY_ROUNDS = 4
_READY_SECONDS = 60.0
_PUBLISHING = """
    SELECT client_port, datname, backend_xid::text AS xid FROM pg_stat_activity
    WHERE state = 'idle in transaction' AND backend_xid IS NOT NULL AND query LIKE '%FROM outbox%SKIP LOCKED%'
"""


class Killer:
    """Ends what runs with SIGKILL and counts it; a supervisor starts again whatever ended."""

    def __init__(
        self,
        system: System,
        databases: Databases,
        plan: Plan,
        dice: random.Random,
        say: Callable[[str], None],
    ) -> None:
        self.kills: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self.deaths: Counter[str] = Counter()  # of which service, for whatever reason it was killed
        self._system = system
        self._databases = databases
        self._plan = plan
        self._dice = dice
        self._say = say
        self._held: set[str] = set()
        self._dead_since: dict[str, float] = {}

    async def rounds(self) -> None:
        """Kill every kind as often as is planned, in random order, while others may still be starting."""
        for number in range(1, self._plan.kills + 1):
            for kind in self._dice.sample(KINDS, len(KINDS)):
                await asyncio.sleep(self._dice.uniform(0.3, 1.5))
                await self._kill_kind(kind)
            self._say(f"round {number} of {self._plan.kills}: killed {self._told()} …")

    async def _kill_kind(self, kind: str) -> None:
        if kind == "relay":
            await self._kill_relay()
        elif kind in ("broker", "postgres"):
            await self.restart_server(kind)
        else:
            await self.kill_one(kind)

    async def kill_one(self, service: str) -> None:
        """Kill a replica that is at work, as soon as there is one."""
        until = asyncio.get_running_loop().time() + _READY_SECONDS
        while asyncio.get_running_loop().time() < until:
            for process in self._dice.sample(self._replicas(service), self._plan_replicas):
                if process.is_running and await asyncio.to_thread(process.is_ready):
                    self.kill(process, service)
                    return
            await asyncio.sleep(0.2)
        raise RuntimeError(f"no replica of {service} became ready within {_READY_SECONDS:.0f} s to be killed")

    def kill(self, process: Process, kind: str) -> None:
        """SIGKILL, counted under this kind."""
        process.kill()
        self.kills[kind] += 1
        self.deaths[process.service] += 1

    async def hold(self, service: str) -> None:
        """Kill every replica of a service and keep it down until `release`."""
        self._held.add(service)
        for process in self._replicas(service):
            if process.is_running:
                self.kill(process, service)

    def release(self, service: str) -> None:
        """Let the supervisor start it again."""
        self._held.discard(service)

    async def restart_server(self, kind: str) -> None:
        """Kill broker or database and start it on the same data."""
        server: PrivateServer = self._system.rabbit if kind == "broker" else self._system.postgres
        server.kill()
        self.kills[kind] += 1
        await asyncio.sleep(self._dice.uniform(0, 1))
        await asyncio.to_thread(server.start)

    async def _kill_relay(self) -> None:
        """Kill a process whose relay has taken rows and published some, and has not marked them yet.

        Where none was seen in passing, the broker is held up: who waits for it keeps what it took.
        """
        for _ in range(_RELAY_ROUNDS):
            if await self._kill_publishing(_PASSING_SECONDS):
                return
            with _held_up(self._system.rabbit):
                if await self._kill_publishing(_HELD_UP_SECONDS):
                    return
        raise RuntimeError("no relay was seen publishing, nor waiting for a broker that was held up")

    async def _kill_publishing(self, seconds: float) -> bool:
        """Kill a relay that is publishing, if one is seen within this time."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            for row in await self._databases.rows("postgres", _PUBLISHING):
                process = self.process_on(row["client_port"])
                if process and await self._kill_if_still(process, row["client_port"], row["xid"]):
                    return True
            await asyncio.sleep(0.005)
        return False

    async def _kill_if_still(self, process: Process, port: int, xid: str) -> bool:
        """Freeze it first: then what is seen of its transaction stays so until it is killed."""
        if not _signal(process, signal.SIGSTOP):
            return False
        rows = await self._databases.rows("postgres", _PUBLISHING)
        if process.is_running and any((row["client_port"], row["xid"]) == (port, xid) for row in rows):
            self.kill(process, "relay")
            return True
        _signal(process, signal.SIGCONT)
        return False

    def process_on(self, client_port: int) -> Process | None:
        """The service process that holds this connection to the database."""
        running = {each.pid: each for each in self._system.processes if each.is_running}
        pid = process_on(client_port, self._system.postgres.port, running)
        return running.get(pid) if pid else None

    async def supervise(self) -> None:
        """Start again whatever has ended and is not held, after a moment; never returns."""
        loop = asyncio.get_running_loop()
        while True:
            for process in self._system.processes:
                if process.is_running or process.service in self._held:
                    self._dead_since.pop(process.name, None)
                elif loop.time() > self._dead_since.setdefault(process.name, loop.time()) + 0.5:
                    process.launch()
            await asyncio.sleep(0.1)

    async def all_ready(self, seconds: float = 90.0) -> None:
        """Wait until every process says that it is ready; raises RuntimeError naming those that are not."""
        until = asyncio.get_running_loop().time() + seconds
        while True:
            ready = await asyncio.gather(
                *(asyncio.to_thread(process.is_ready) for process in self._system.processes)
            )
            if all(ready):
                return
            if asyncio.get_running_loop().time() > until:
                away = [
                    each.name for each, is_up in zip(self._system.processes, ready, strict=True) if not is_up
                ]
                raise RuntimeError(f"not ready within {seconds:.0f} s: {', '.join(away)}")
            await asyncio.sleep(0.3)

    @property
    def _plan_replicas(self) -> int:
        return self._system.options.replicas

    def _replicas(self, service: str) -> list[Process]:
        assert service in SERVICES
        return [each for each in self._system.processes if each.service == service]

    def _told(self) -> str:
        return ", ".join(f"{kind} {self.kills[kind]}×" for kind in KINDS)


@contextmanager
def _held_up(server: PrivateServer) -> Iterator[None]:
    """The server does nothing meanwhile, and knows of nothing."""
    pid = server.pid
    if pid is None:
        raise RuntimeError("the broker does not run, so it cannot be held up")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _signal(process: Process, number: signal.Signals) -> bool:
    """False when the process has just ended, by another's hand."""
    try:
        os.kill(process.pid, number)
    except (ProcessLookupError, StartFailed):
        return False
    return True
