"""The system under test as the bench sees it: its processes, and how far each consumer has come."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
from local.system import System

SERVICES = ("gateway", "intake", "casework", "notifier", "reporting")
CONSUMERS = ("casework", "notifier", "reporting")
QUIET_SECONDS = 180.0
_LOOK_SHARE = 9  # so many times as long as a look takes, nobody looks

_DONE = {
    "casework": "SELECT count(*) FROM report WHERE municipality = $1",
    "reporting": """SELECT count(*) FROM report_row
                    WHERE municipality = $1 AND routed_version >= 0 AND received_on IS NOT NULL""",
    "notifier": "SELECT count(*) FROM notice JOIN mailbox USING (municipality, reporter_handle) "
    "WHERE municipality = $1",
}


@dataclass(frozen=True)
class Town:
    """A system under test and the municipality that reports are sent to."""

    system: System
    municipality: str
    databases: dict[str, asyncpg.Pool]

    @property
    def gateway(self) -> str:
        """Where reports go."""
        return self.system.gateway_url

    def admin_url(self, service: str) -> str:
        """A service's database, for who fills it and looks into it."""
        return self.system.database_url(service, "admin")

    def pids(self) -> list[int]:
        """Every process that takes part, but not this one."""
        return list(self.pid_of().values())

    def pid_of(self) -> dict[str, int]:
        """Every process that takes part, but not this one, by name."""
        servers = {"PostgreSQL": self.system.postgres.pid, "RabbitMQ": self.system.rabbit.pid}
        running = {name: pid for name, pid in servers.items() if pid is not None}
        return {name: self.system.process(name).pid for name in SERVICES} | running

    async def done(self) -> dict[str, int]:
        """How many reports casework holds, reporting knows as routed, and the notifier told a reporter of."""
        return {
            service: await self.databases[service].fetchval(statement, self.municipality)
            for service, statement in _DONE.items()
        }

    async def handled(self) -> dict[str, int]:
        """How many events each consumer has handled, ever; its inbox has one row for each."""
        statement = "SELECT count(*) FROM inbox"
        return {service: await self.databases[service].fetchval(statement) for service in CONSUMERS}

    async def until_done(self, before: dict[str, int], reports: int) -> None:
        """Wait until every consumer has this many reports more; raises TimeoutError with what is missing."""
        until = time.perf_counter() + QUIET_SECONDS
        while True:
            looked_at = time.perf_counter()
            missing = {name: before[name] + reports - now for name, now in (await self.done()).items()}
            if max(missing.values()) <= 0:
                return
            if time.perf_counter() > until:
                raise TimeoutError(f"not handled within {QUIET_SECONDS:.0f} s: {missing} reports")
            # To count takes PostgreSQL time that the consumers need.
            await asyncio.sleep(max(0.05, _LOOK_SHARE * (time.perf_counter() - looked_at)))

    async def until_relayed(self) -> None:
        """Wait until intake's relay has sent everything; raises TimeoutError."""
        until = time.perf_counter() + QUIET_SECONDS
        while await self.databases["intake"].fetchval("SELECT count(*) FROM outbox WHERE sent_at IS NULL"):
            if time.perf_counter() > until:
                raise TimeoutError("intake's relay did not get its events out")
            await asyncio.sleep(0.05)


@asynccontextmanager
async def open_town(system: System, municipality: str) -> AsyncIterator[Town]:
    """The town with a connection to each database, kept open so that looking costs little."""
    async with AsyncExitStack() as stack:
        databases = {
            service: await stack.enter_async_context(
                asyncpg.create_pool(system.database_url(service, "admin"), min_size=1, max_size=2)
            )
            for service in ("intake", *CONSUMERS)
        }
        yield Town(system, municipality, databases)
