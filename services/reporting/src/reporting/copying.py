"""Rows from PostgreSQL to the wire: COPY into a bounded queue of large chunks."""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
from common.auth import Identity
from common.db import driver_address
from common.errors import Unavailable
from common.log import get_logger
from common.rates import SLOW_BYTES_PER_SECOND
from common.sharing import Path, Share
from common.tls import Tls

from reporting.columns import STATUS, header_line, projection, text_columns
from reporting.filters import ExportRequest

CHUNK_BYTES = 256 * 1024
_QUEUE_CHUNKS = 16
_PLACE_SECONDS, _LOOK_AGAIN_SECONDS = 2.0, 0.05
_CHUNK_TAKEN_SECONDS = CHUNK_BYTES / SLOW_BYTES_PER_SECOND  # whoever reads slower loses the place
_STATEMENT_SECONDS = 5.0
_BOM = b"\xef\xbb\xbf"

_Queue = asyncio.Queue[bytes | BaseException | None]  # ends with None, or with what went wrong

log = get_logger()

#: Only what the web role may see anyway, and said again: this municipality, counted, not restricted.
_QUERY = """
    SELECT {projection} FROM report_row AS r
    WHERE r.municipality = $1 AND r.received_on IS NOT NULL AND NOT r.is_restricted
      AND r.signal_type <> ALL (ARRAY(
          SELECT t.code FROM signal_type AS t WHERE t.municipality = $1 AND t.is_restricted))
      {filters}
    ORDER BY r.received_on, r.report_id
"""

# Without sorts the rows come in the order of ix_report_row_received: the first at once, none on disk.
_SETTINGS = """
    SELECT set_config('app.municipality', $1, true), set_config('statement_timeout', $2, true),
           set_config('TimeZone', 'Europe/Amsterdam', true), set_config('DateStyle', 'ISO', true),
           set_config('enable_sort', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)
"""


def export_query(municipality: str, request: ExportRequest) -> tuple[str, list[object]]:
    """The SELECT of an export with its arguments; every value from outside is an argument."""
    arguments: list[object] = [municipality]
    filters: list[str] = []
    for condition, value in (
        ("r.received_on >= ${}::date", request.received_from),
        ("r.received_on <= ${}::date", request.received_to),
        ("r.signal_type = ANY (${}::text[])", list(request.signal_types)),
        ("r.department = ANY (${}::text[])", list(request.departments)),
        (f"{STATUS} = ANY (${{}}::text[])", list(request.statuses)),
    ):
        if value:
            arguments.append(value)
            filters.append("AND " + condition.format(len(arguments)))
    query = _QUERY.format(projection=projection(request.columns), filters=" ".join(filters))
    return query, arguments


class Exports:
    """A small pool of its own for downloads, so that they never keep the API waiting.

    A municipality, and there a person or key, holds as many places as it leaves free for others (`Share`).
    Each download runs in one transaction of the web role under row-level security.
    """

    def __init__(
        self,
        web_url: str,
        *,
        connections: int,
        seconds: float,
        chunk_seconds: float = _CHUNK_TAKEN_SECONDS,
        tls: Tls | None = None,
    ) -> None:
        """`seconds`: for a whole download; `chunk_seconds`: until its reader took 256 KiB more."""
        self._url, self._ssl = driver_address(web_url, tls or Tls())
        self._connections = connections
        self._places = Share(connections)
        self._seconds, self._chunk_seconds = seconds, chunk_seconds
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Break off what runs and return every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._pool is not None:
            await self._pool.close()

    async def start(self, caller: Identity, request: ExportRequest) -> AsyncIterator[bytes]:
        """Begin an export of the caller's municipality and return its chunks once the first is there.

        What goes wrong before the first chunk is raised here; later it is raised by the iterator, so that
        the connection breaks instead of ending as if all were said; so does it for who reads slower than
        16 KiB/s. Closing the iterator ends the COPY. Raises `Unavailable` when no place is left for the
        caller.
        """
        pool = await self._opened()
        queue: _Queue = asyncio.Queue(_QUEUE_CHUNKS)
        task = asyncio.create_task(self._run(pool, caller, request, queue))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            first = await queue.get()
        except asyncio.CancelledError:
            task.cancel()
            raise
        if isinstance(first, BaseException):
            raise first
        chunks = _chunks(first, queue, task)
        # A generator that is dropped before its first step never reaches its own `finally`.
        weakref.finalize(chunks, _cancel, asyncio.get_running_loop(), task).atexit = False
        return chunks

    async def _opened(self) -> "asyncpg.Pool[asyncpg.Record]":
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._url,
                ssl=self._ssl,
                min_size=0,
                max_size=self._connections,
                timeout=5,
                server_settings={"application_name": "export"},
            )
        return self._pool

    async def _run(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        caller: Identity,
        request: ExportRequest,
        queue: _Queue,
    ) -> None:
        """Copy, give the place free, and only then say how it ended: a reader that stalls holds no place."""
        try:
            rest = await self._copied(pool, caller, request, queue)
        except Exception as error:  # noqa: BLE001 -- handed to the reader, who raises it
            _hand_over(queue, error)
        else:
            await queue.put(rest)
            await queue.put(None)

    async def _copied(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        caller: Identity,
        request: ExportRequest,
        queue: _Queue,
    ) -> bytes:
        """Copy in a place of its own; returns what is left to hand over."""
        path: Path = (caller.municipality, caller.mark)
        await self._take_place(path)
        try:
            return await self._copied_in_place(pool, caller.municipality, request, queue)
        finally:
            self._places.give_back(path)

    async def _take_place(self, path: Path) -> None:
        """One may be given back in a moment, by who left."""
        until = time.monotonic() + _PLACE_SECONDS
        while not self._places.has_room(path):
            if time.monotonic() > until:
                raise _no_place()
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        self._places.take(path)

    async def _copied_in_place(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        municipality: str,
        request: ExportRequest,
        queue: _Queue,
    ) -> bytes:
        try:
            connection = await pool.acquire(timeout=_PLACE_SECONDS)
        except TimeoutError as error:
            raise _no_place() from error
        try:
            return await self._copy(connection, municipality, request, queue)
        finally:
            await pool.release(connection, timeout=5)

    async def _copy(
        self,
        connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
        municipality: str,
        request: ExportRequest,
        queue: _Queue,
    ) -> bytes:
        gathered = bytearray(_BOM if request.bom else b"")
        gathered += header_line(request.columns, request.headers, request.separator).encode()

        async def gather(data: bytes) -> None:
            # RFC 4180 ends lines with CRLF, COPY with LF; no cell holds a line break (`common.cells`).
            gathered.extend(data.replace(b"\n", b"\r\n"))
            if len(gathered) >= CHUNK_BYTES:
                async with asyncio.timeout(self._chunk_seconds):
                    await queue.put(bytes(gathered))
                gathered.clear()

        query, arguments = export_query(municipality, request)
        async with connection.transaction(readonly=True):
            await connection.execute(
                _SETTINGS, municipality, str(int(self._seconds * 1000)), timeout=_STATEMENT_SECONDS
            )
            await connection.copy_from_query(
                query,
                *arguments,
                output=gather,
                format="csv",
                delimiter=request.separator,
                force_quote=text_columns(request.columns) or None,
                timeout=self._seconds,
            )
        return bytes(gathered)


def _no_place() -> Unavailable:
    return Unavailable("Every export place is taken.", retry_after_seconds=30)


def _hand_over(queue: _Queue, error: Exception) -> None:
    """Put the error at once; what the reader did not take yet makes room, the download is broken anyway."""
    while queue.full():
        queue.get_nowait()
    queue.put_nowait(error)


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    with suppress(RuntimeError):  # the loop may be gone already
        loop.call_soon_threadsafe(task.cancel)


async def _chunks(first: bytes | None, queue: _Queue, task: asyncio.Task[None]) -> AsyncIterator[bytes]:
    chunk: bytes | BaseException | None = first
    try:
        while chunk is not None:
            if isinstance(chunk, BaseException):
                log.warning("export.broken", error=type(chunk).__name__)
                raise chunk
            yield chunk
            chunk = await queue.get()
    finally:
        with suppress(RuntimeError):  # the loop may be gone already
            task.cancel()
