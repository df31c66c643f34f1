"""Starts a program apart, hears no more of it than it may say, and says once which walls this machine has."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common import metrics
from common.apart.inside import REFUSED, SHUT
from common.log import get_logger

log = get_logger()

_REASON_BYTES = 100
_READ_BYTES = 256 * 1024
_LOOK_SECONDS = 30
_LOOKING = ("-m", "common.apart.looking")
_WALLS = ("system_calls", "names", "user")


class NoWalls(Exception):
    """This kernel keeps no program in, and the settings ask that it does; nothing was read."""


class SaidTooMuch(Exception):
    """A program apart gave more than it may: who gives that much was taken over, or read a bomb."""


@dataclass(frozen=True)
class Bounds:
    """What one run may cost."""

    memory_mib: int
    cpu_seconds: int


class Running:
    """A program apart at work. What it says is not to be believed before `ending` tells of success."""

    def __init__(self, process: Process, most_bytes: int) -> None:
        self._process, self._most_bytes = process, most_bytes

    async def feed(self, pieces: AsyncIterator[bytes]) -> None:
        """Give it all of this; where it ended early, `ending` says why."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 -- made with pipes
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            async for piece in pieces:
                stdin.write(piece)
                await stdin.drain()
            stdin.close()

    async def said(self) -> AsyncIterator[bytes]:
        """What it says, piece by piece; raises `SaidTooMuch` before it gives a byte more than may be said."""
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 -- made with pipes
        left = self._most_bytes
        while piece := await stdout.read(_READ_BYTES):
            left -= len(piece)
            if left < 0:
                raise SaidTooMuch
            yield piece

    async def ending(self) -> tuple[int, str]:
        """How it ended: its code, and the reason that it gave for refusing, or nothing.

        Ask when everything was read that it said. Raises `NoWalls`.
        """
        assert self._process.stderr is not None  # noqa: S101 -- made with pipes
        said = (await self._process.stderr.read(_REASON_BYTES)).decode("ascii", "replace")
        code = await self._process.wait()
        if code == SHUT:
            raise NoWalls
        return code, said if code == REFUSED else ""

    async def end(self) -> None:
        """End it, where it has not ended itself; nothing that it still says is read."""
        # Kills it, and closes our ends: `wait` alone waits for ever beside a pipe that nobody empties.
        self._process._transport.close()  # type: ignore[attr-defined]  # no other way
        await self._process.wait()


@dataclass(frozen=True)
class Program:
    """What builds a `common.apart.inside.Cell` from its first arguments."""

    code: tuple[str, ...]  # for Python: -m and a module, or a file
    bounds: Bounds
    needs_walls: bool = True

    @asynccontextmanager
    async def running(self, *arguments: str, most_bytes: int) -> AsyncIterator[Running]:
        """A new process with three pipes and nothing else: no environment, descriptor or folder of ours.

        It may say `most_bytes`, and is ended with the block. Raises OSError when no process can be started.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", *self.code),
            *(str(self.bounds.memory_mib), str(self.bounds.cpu_seconds)),
            *("walls" if self.needs_walls else "open", *arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={"LANG": "C.UTF-8", "PATH": os.defpath, "MALLOC_ARENA_MAX": "1"},
            cwd="/",
            start_new_session=True,
        )
        run = Running(process, most_bytes)
        try:
            yield run
        finally:
            await run.end()


class Watch:
    """Looks once, when a process starts that reads hostile things, which walls there are; told in metrics."""

    name = "apart"
    is_background = True  # reports are taken in without files

    def __init__(self, *, needs_walls: bool, code: tuple[str, ...] = _LOOKING) -> None:
        self._needs_walls = needs_walls
        self._code = code
        self.trouble: str | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Look, tell, and wait for the end."""
        await self.look()
        await stopping.wait()

    async def look(self) -> frozenset[str]:
        """The walls that stand around a program apart on this machine; a missing one is in the log once."""
        program = Program(self._code, Bounds(512, 10), needs_walls=False)
        async with program.running(most_bytes=_REASON_BYTES) as process, asyncio.timeout(_LOOK_SECONDS):
            out = b"".join([piece async for piece in process.said()])
        standing = frozenset(out.decode("ascii").split(",")) & frozenset(_WALLS)
        for wall in _WALLS:
            metrics.APART_WALLS.labels(wall).set(1 if wall in standing else 0)
        missing = sorted({"system_calls", "names"} - standing)
        if missing:
            log.warning("apart.walls_missing", missing=missing, machine=os.uname().machine)
        if "system_calls" not in standing and self._needs_walls:
            self.trouble = "this kernel has no seccomp filter: files and mails are not read (see files.md)"
        return standing
