"""Addresses that outlive a kill: the databases behind the oracle, and which process holds a connection."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg
from local.system import System

_AWAY_SECONDS = 60.0
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,
)


class Databases:
    """Reads and changes every database as the server's administrator; waits out a server that is away."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._connections: dict[str, asyncpg.Connection] = {}
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def close(self) -> None:
        """Drop every connection."""
        for connection in self._connections.values():
            connection.terminate()
        self._connections.clear()

    async def rows(self, service: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """The rows of one statement, tried again while the server is away; bounded in time."""
        until = asyncio.get_running_loop().time() + _AWAY_SECONDS
        while True:
            try:
                return await self._once(service, statement, arguments)
            except (*_AWAY, asyncpg.InterfaceError):
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(0.3)

    async def value(self, service: str, statement: str, *arguments: object) -> Any:
        """The first value of the first row."""
        rows = await self.rows(service, statement, *arguments)
        return rows[0][0] if rows else None

    async def script(self, service: str, statements: str) -> None:
        """Several statements, once; for what is set up before anything is killed."""
        connection = await asyncpg.connect(self._system.database_url(service, "admin"), timeout=5)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    async def _once(
        self, service: str, statement: str, arguments: tuple[object, ...]
    ) -> list[asyncpg.Record]:
        async with self._turns[service]:
            connection = self._connections.get(service)
            if connection is None or connection.is_closed():
                url = self._system.database_url(service, "admin")
                connection = await asyncpg.connect(url, timeout=5, command_timeout=30)
                self._connections[service] = connection
            try:
                rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            except BaseException:
                connection.terminate()
                self._connections.pop(service, None)
                raise
            return rows


def process_on(client_port: int, server_port: int, pids: Iterable[int]) -> int | None:
    """Which of these processes holds the loopback connection from this port to that server; Linux only."""
    inode = _inode(client_port, server_port)
    if inode is None:
        return None
    return next((pid for pid in pids if _holds(pid, f"socket:[{inode}]")), None)


def _inode(client_port: int, server_port: int) -> str | None:
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        local, remote = (int(fields[index].rpartition(":")[2], 16) for index in (1, 2))
        if (local, remote) == (client_port, server_port):
            return fields[9]
    return None


def _holds(pid: int, socket: str) -> bool:
    try:
        return any(_target(entry) == socket for entry in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _target(entry: Path) -> str:
    try:
        return os.readlink(entry)  # noqa: PTH115 -- what a socket points at is no path
    except OSError:
        return ""
