"""Starts a program apart, and says once which walls this machine has."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass

from common import metrics
from common.apart.inside import REFUSED, SHUT
from common.log import get_logger

log = get_logger()

_REASON_BYTES = 100
_LOOK_SECONDS = 30
_LOOKING = ("-m", "common.apart.looking")
_WALLS = ("system_calls", "names", "user")


class NoWalls(Exception):
    """This kernel keeps no program in, and the settings ask that it does; nothing was read."""


@dataclass(frozen=True)
class Bounds:
    """What one run may cost."""

    memory_mib: int
    cpu_seconds: int


@dataclass(frozen=True)
class Program:
    """What builds a `common.apart.inside.Cell` from its first arguments."""

    code: tuple[str, ...]  # for Python: -m and a module, or a file
    bounds: Bounds
    needs_walls: bool = True

    async def start(self, *arguments: str) -> Process:
        """A new process with three pipes and nothing else: no environment, descriptor or folder of ours.

        Raises OSError when no process can be started.
        """
        return await asyncio.create_subprocess_exec(
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


async def spoken(process: Process) -> tuple[int, str]:
    """How a program ended: its code, and the reason that it gave for refusing, or nothing.

    Raises `NoWalls`.
    """
    assert process.stderr is not None  # noqa: S101 -- made with pipes
    said = (await process.stderr.read(_REASON_BYTES)).decode("ascii", "replace")
    code = await process.wait()
    if code == SHUT:
        raise NoWalls
    return code, said if code == REFUSED else ""


async def ended(process: Process) -> None:
    """End it, where it has not ended itself."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()


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
        process = await program.start()
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                out, _ = await process.communicate()
        finally:
            await ended(process)
        standing = frozenset(out.decode("ascii").split(",")) & frozenset(_WALLS)
        for wall in _WALLS:
            metrics.APART_WALLS.labels(wall).set(1 if wall in standing else 0)
        missing = sorted({"system_calls", "names"} - standing)
        if missing:
            log.warning("apart.walls_missing", missing=missing, machine=os.uname().machine)
        if "system_calls" not in standing and self._needs_walls:
            self.trouble = "this kernel has no seccomp filter: files and mails are not read (see files.md)"
        return standing
