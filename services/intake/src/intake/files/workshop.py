"""Starts the cleaning process for each file, a few at a time, and ends it when it takes too long."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common.log import get_logger

from intake.files.cleaning import REFUSED
from intake.files.kinds import FileKind
from intake.files.refusals import CODES, FileRefused

log = get_logger()

_REASON_BYTES = 100
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

    def __init__(self, places: int, bounds: Bounds) -> None:
        self._places = asyncio.Semaphore(places)
        self._bounds = bounds

    @asynccontextmanager
    async def cleaned(
        self, kind: FileKind, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The clean file, piece by piece; its first piece comes only when the whole is clean.

        Raises `FileRefused`, `WorkshopBusy`, or OSError when no process can be started.
        """
        try:
            await asyncio.wait_for(self._places.acquire(), self._bounds.wait_seconds)
        except TimeoutError as error:
            raise WorkshopBusy from error
        try:
            process = await self._start(kind)
            try:
                async with asyncio.timeout(self._bounds.seconds):
                    first = await _hand_over(process, pieces)
                    yield _rest(process, first)
                    await _require_success(process)
            except TimeoutError as error:
                log.warning("file.too_slow", kind=kind.name)
                raise FileRefused("too-heavy") from error
            finally:
                await _end(process)
        finally:
            self._places.release()

    async def _start(self, kind: FileKind) -> Process:
        bounds = self._bounds
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-m", "intake.files.cleaning"),
            *(kind.value, str(bounds.memory_mib), str(int(bounds.seconds) + 1)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={"LANG": "C.UTF-8", "PATH": os.defpath, "MALLOC_ARENA_MAX": "1"},  # no secret of ours
            start_new_session=True,
        )


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
    assert process.stderr is not None  # noqa: S101 -- made with pipes
    said = (await process.stderr.read(_REASON_BYTES)).decode("ascii", "replace")
    code = await process.wait()
    if code == 0:
        return
    if code == REFUSED and said in CODES:
        raise FileRefused(said)
    log.warning("file.cleaning_died", code=code)
    raise FileRefused("too-heavy")


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()
