"""Starts the cleaning process for each file, a few at a time, and ends it when it takes too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common.apart.starting import Bounds as ProgramBounds
from common.apart.starting import Program, Running, SaidTooMuch
from common.log import get_logger
from common.rooms import Account
from common.sharing import NothingLeft
from common.turns import Turns

from intake.files.kinds import FileKind
from intake.files.refusals import CODES, FileRefused, FileTooLarge

log = get_logger()

_CODE = ("-m", "intake.files.cleaning")
_PATIENCE_BEYOND_SECONDS = 5  # whose turn is next waits for the longest cleaning, and no longer


class WorkshopBusy(Exception):
    """Every place is taken for longer than anyone should wait."""


@dataclass(frozen=True)
class Bounds:
    """What one file may cost."""

    memory_mib: int = 768
    seconds: float = 20


class Workshop:
    """Cleans files; no hostile content is ever parsed in the process that serves requests."""

    def __init__(
        self, places: int, bounds: Bounds, *, needs_walls: bool = True, code: tuple[str, ...] = _CODE
    ) -> None:
        self._turns = Turns(places, patience_seconds=bounds.seconds + _PATIENCE_BEYOND_SECONDS)
        self._bounds = bounds
        cost = ProgramBounds(bounds.memory_mib, int(bounds.seconds) + 1)
        self._program = Program(code, cost, needs_walls=needs_walls)

    @asynccontextmanager
    async def cleaned(
        self, kind: FileKind, pieces: AsyncIterator[bytes], *, most_bytes: int, account: Account
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The clean file, piece by piece, `most_bytes` of it at most.

        It may be refused to its last piece: keep nothing of it before the block has ended. Raises
        `FileRefused`, `FileTooLarge`, `WorkshopBusy`, `NoWalls`, or OSError when no process can be started.
        """
        try:
            async with self._turns.place(account), self._cleaned(kind, pieces, most_bytes) as clean:
                yield clean
        except NothingLeft as error:
            raise WorkshopBusy from error

    @asynccontextmanager
    async def _cleaned(
        self, kind: FileKind, pieces: AsyncIterator[bytes], most_bytes: int
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        try:
            async with (
                self._program.running(kind.value, most_bytes=most_bytes) as process,
                asyncio.timeout(self._bounds.seconds),
            ):
                await process.feed(pieces)
                said = process.said()
                first = await anext(said, b"")
                if not first:
                    await _require_success(process)
                    raise FileRefused("damaged")
                yield _rest(first, said)
                await _require_success(process)
        except TimeoutError as error:
            log.warning("file.too_slow", kind=kind.name)
            raise FileRefused("too-heavy") from error
        except SaidTooMuch as error:
            raise FileTooLarge(most_bytes) from error


async def _rest(first: bytes, said: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in said:
        yield piece


async def _require_success(process: Running) -> None:
    code, reason = await process.ending()
    if code == 0:
        return
    if reason in CODES:
        raise FileRefused(reason)
    log.warning("file.cleaning_died", code=code)
    raise FileRefused("too-heavy")
