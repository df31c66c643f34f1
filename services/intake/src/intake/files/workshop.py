"""Starts the cleaning process for each file, a few at a time, and ends it when it takes too long."""

import asyncio
import contextlib
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common.apart.starting import Bounds as ProgramBounds
from common.apart.starting import Program, ended, spoken
from common.log import get_logger

from intake.files.kinds import FileKind
from intake.files.refusals import CODES, FileRefused

log = get_logger()

_CODE = ("-m", "intake.files.cleaning")
_READ_BYTES = 256 * 1024


class WorkshopBusy(Exception):
    """Every place is taken for longer than anyone should wait."""


@dataclass(frozen=True)
class Bounds:
    """What one file may cost."""

    memory_mib: int = 768
    seconds: float = 20
    wait_seconds: float = 8  # for a free place


class Workshop:
    """Cleans files; no hostile content is ever parsed in the process that serves requests."""

    def __init__(
        self, places: int, bounds: Bounds, *, needs_walls: bool = True, code: tuple[str, ...] = _CODE
    ) -> None:
        self._places = asyncio.Semaphore(places)
        self._bounds = bounds
        cost = ProgramBounds(bounds.memory_mib, int(bounds.seconds) + 1)
        self._program = Program(code, cost, needs_walls=needs_walls)

    @asynccontextmanager
    async def cleaned(
        self, kind: FileKind, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The clean file, piece by piece; its first piece comes only when the whole is clean.

        Raises `FileRefused`, `WorkshopBusy`, `NoWalls`, or OSError when no process can be started.
        """
        try:
            await asyncio.wait_for(self._places.acquire(), self._bounds.wait_seconds)
        except TimeoutError as error:
            raise WorkshopBusy from error
        try:
            process = await self._program.start(kind.value)
            try:
                async with asyncio.timeout(self._bounds.seconds):
                    first = await _hand_over(process, pieces)
                    yield _rest(process, first)
                    await _require_success(process)
            except TimeoutError as error:
                log.warning("file.too_slow", kind=kind.name)
                raise FileRefused("too-heavy") from error
            finally:
                await ended(process)
        finally:
            self._places.release()


async def _hand_over(process: Process, pieces: AsyncIterator[bytes]) -> bytes:
    """Give the file to the process; its first bytes back. Raises `FileRefused` when there are none."""
    assert process.stdin is not None  # noqa: S101 -- made with pipes
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended early: its exit code says why
        async for piece in pieces:
            process.stdin.write(piece)
            await process.stdin.drain()
        process.stdin.close()
    first = await process.stdout.read(_READ_BYTES)
    if not first:
        await _require_success(process)
        raise FileRefused("damaged")
    return first


async def _rest(process: Process, first: bytes) -> AsyncIterator[bytes]:
    assert process.stdout is not None  # noqa: S101 -- made with pipes
    yield first
    while piece := await process.stdout.read(_READ_BYTES):
        yield piece


async def _require_success(process: Process) -> None:
    code, reason = await spoken(process)
    if code == 0:
        return
    if reason in CODES:
        raise FileRefused(reason)
    log.warning("file.cleaning_died", code=code)
    raise FileRefused("too-heavy")
