"""What each process costs to have: seconds from its start until it is ready, and memory."""

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.bench.cost import memory_mb, own_memory_mb
from tests.bench.figures import Figure
from tests.bench.town import SERVICES, Town

_LOOK_SECONDS = 0.01
_READY_SECONDS = 60.0
#: What every service stands on, loaded and nothing more.
_BARE = """
import aio_pika, asyncpg, cryptography.hazmat.primitives.hpke, fastapi, jwt, prometheus_client, pydantic
import pydantic_settings, sqlalchemy.ext.asyncio, structlog, uvicorn, uvloop
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS:")))
"""


@dataclass(frozen=True)
class _Bare:
    """A Python process that loads the libraries of a service and does nothing."""

    seconds: float
    resident_mb: float


async def processes(town: Town) -> list[Figure]:
    """Memory of each service as it is now, after whatever load there was, and then its start, one by one."""
    bare = await asyncio.to_thread(_bare)
    figures = [figure for name in SERVICES for figure in _memory(town, name, bare)]
    return figures + [await asyncio.to_thread(_start, town, name, bare) for name in SERVICES]


def _memory(town: Town, name: str, bare: _Bare) -> list[Figure]:
    pid = town.system.process(name).pid
    return [
        Figure(
            f"memory of {name}, resident",
            memory_mb(pid),
            "MB",
            bare.resident_mb,
            "memory: Python with the same libraries loaded and nothing else, resident",
            120,
            smaller_is_better=True,
        ),
        Figure("  of which shared with no other", own_memory_mb(pid), "MB", smaller_is_better=True),
    ]


def _start(town: Town, name: str, bare: _Bare) -> Figure:
    process = town.system.process(name)
    process.stop()
    started = time.perf_counter()
    process.launch()
    while not process.is_ready():
        if time.perf_counter() > started + _READY_SECONDS:
            raise TimeoutError(f"{name} was not ready within {_READY_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)
    return Figure(
        f"start of {name} until ready",
        time.perf_counter() - started,
        "s",
        bare.seconds,
        "start: Python that loads the same libraries and ends",
        3,
        smaller_is_better=True,
    )


def _bare() -> _Bare:
    """The better of two: the first may have to read the files."""
    taken, resident = [], 0.0
    for _ in range(2):
        started = time.perf_counter()
        said = subprocess.run([sys.executable, "-c", _BARE], check=True, capture_output=True, text=True)
        taken.append(time.perf_counter() - started)
        resident = int(said.stdout) * 1024 / 1e6
    return _Bare(min(taken), resident)
