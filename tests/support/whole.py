"""The whole system for tests, and a look into every place where something could be left in clear."""

import asyncio
import os
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aio_pika
import asyncpg
from common.flow import SERVICES
from common.messaging.topology import EXCHANGE
from local.process import OPENER
from local.system import Options, System

from tests.support.backing import Backing, manage


@contextmanager
def running_whole() -> Iterator[System]:
    """Every process of the system on empty data, which are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="vermoeden-whole-") as folder:
        Path(folder).chmod(0o711)
        system = System(Options(Path(folder) / "system"))
        try:
            system.start()
            yield system
        finally:
            system.stop()
            for server in (system.postgres, system.rabbit):
                server.erase()


@asynccontextmanager
async def overhearing(system: System) -> AsyncIterator[list[bytes]]:
    """Everything that goes through the exchange meanwhile, as bytes."""
    overheard: list[bytes] = []
    async with await aio_pika.connect(system.rabbit.amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EXCHANGE, routing_key="#")

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            overheard.append(message.body)

        await queue.consume(take, no_ack=True)
        yield overheard


def impersonator(system: System) -> str:
    """The broker's address for a user who may publish under the names of others, as only tests may."""
    rabbit = system.rabbit
    body = {"password": rabbit.admin_password, "tags": "administrator,impersonator"}
    manage(backing_of(system), "PUT", f"/users/{rabbit.admin_user}", body)
    return rabbit.amqp_url


def backing_of(system: System) -> Backing:
    """Its servers, as tests know them."""
    return Backing(
        kind="native",
        admin_url=system.postgres.admin_url,
        amqp_url=system.rabbit.amqp_url,
        management_url=system.rabbit.management_url,
        rabbit_user=system.rabbit.admin_user,
        rabbit_password=system.rabbit.admin_password,
    )


async def tables(system: System) -> dict[str, str]:
    """Every row of every table of every service as text, by ``service.table``."""
    found = {}
    for service in SERVICES:
        connection = await asyncpg.connect(system.database_url(service))
        try:
            names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (name,) in names:
                rows = await connection.fetch(f'SELECT * FROM "{name}"')  # noqa: S608 -- from the catalogue
                found[f"{service}.{name}"] = "\n".join(_text(row) for row in rows)
        finally:
            await connection.close()
    return found


def _text(row: asyncpg.Record) -> str:
    values = (value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row.values())
    return "\t".join(values)


def metrics(system: System) -> dict[str, str]:
    """What each process tells its operators, by name."""
    found = {}
    for process in system.processes:
        request = urllib.request.Request(f"{process.operations_url}/metrics")  # noqa: S310 -- our own
        with OPENER.open(request, timeout=10) as answer:
            found[process.name] = answer.read().decode()
    return found


async def files_that_hold(
    folder: Path, canaries: Mapping[str, bytes], *, apart: Sequence[str]
) -> dict[str, str]:
    """Which canary lies in which file below `folder`; entries named in `apart` are not looked into."""
    return await asyncio.to_thread(_search, folder, canaries, frozenset(apart))


def _search(folder: Path, canaries: Mapping[str, bytes], apart: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, inner, names in os.walk(folder, followlinks=True):
        inner[:] = [name for name in inner if name not in apart]
        for path in (Path(place) / name for name in names if name not in apart):
            try:
                content = path.read_bytes()
            except OSError:  # a temporary file of a server, or a socket
                continue
            found |= {f"{path}: {name}": name for name, text in canaries.items() if text in content}
    return found
