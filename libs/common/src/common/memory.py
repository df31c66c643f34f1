"""Memory that is given back, and forgets: a process holds what it uses, not what it once used.

What was freed still says what it said until something else is written there: an address, a line of a report.
glibc is told to overwrite what it gets back; Python's own blocks, of 512 bytes and less, and the short texts
that pydantic keeps are overwritten now and then by `Forgetting`. So a text is found for less long, which does
not replace sealing; what is left stands in docs/threat-model.md.
"""

import asyncio
import bisect
import ctypes
import functools
import gc
import json
import os
import secrets
import sys
import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor  # noqa: TID251 -- made to forget below
from contextlib import suppress
from pathlib import Path

from pydantic_core import from_json

from common.pauses import pause

#: How much one read from a connection brings at most.
READ_BYTES = 64 * 1024

_M_TRIM_THRESHOLD, _M_PERTURB, _M_ARENA_MAX = -1, -6, -8  # mallopt(3)
_OVERWRITTEN_WITH = 0xA5
_TRIM_BYTES = 512 * 1024
_COLLECTED_AFTER = 10_000  # objects that are new; Python's own choice is 700
_ARENAS = 2  # of threads that allocate at the same time; glibc's own choice is eight for each core
_ALIGNMENT, _LARGEST_SMALL, _BYTES_HEAD = 16, 512, 33  # of CPython's own blocks, and of a bytes object
_FILLED_AT_ONCE = 2_000  # blocks, between which requests are answered
_MOST_FILLED = 300_000
#: Of each of these sizes glibc keeps seven blocks apart for each thread, and does not overwrite them.
_KEPT_APART_BYTES, _KEPT_APART = range(32, 1_041, 16), 8
_OVERHEAD = 8  # of glibc's blocks
_STRINGS_AT_ONCE, _STRING_ROUNDS = 2_000, 50
_STRINGS = json.dumps([f"@{number:x}" for number in range(_STRINGS_AT_ONCE)])
_THREADS = min(32, (os.cpu_count() or 1) + 4)  # of the executor that asyncio makes
_HELD_SECONDS = 0.001
#: They keep addresses that they took apart, to be quick with the next; only some can be told to forget.
_REMEMBERING = ("urllib.parse", "yarl._parse", "yarl._url")
_ZEROS = bytes(READ_BYTES)
#: One text for each block that may be kept apart, as long as its block with the zero at its end.
_TEXTS_KEPT_APART = [
    bytes([_OVERWRITTEN_WITH]) * (size - _OVERHEAD - 1)
    for size in _KEPT_APART_BYTES
    for _ in range(_KEPT_APART)
]


def bound_arenas() -> None:
    """Let freed memory go back soon and overwritten, whichever thread used it; before any thread starts.

    Does nothing where the C library is not glibc.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, _ARENAS)
        library.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
        library.mallopt(_M_PERTURB, _OVERWRITTEN_WITH)


def settle() -> None:
    """Give back what starting took, and look at what is left no more: it stays until the process ends.

    So a full garbage collection while requests wait looks only at what came after the start; and it comes
    less often, for what requests make is nearly all gone without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    _trim()


def wipe(buffer: memoryview) -> None:
    """Overwrite a piece of a buffer, of `READ_BYTES` at most."""
    buffer[:] = _ZEROS[: len(buffer)]


class Threads(ThreadPoolExecutor):
    """Threads for some work alone; `forget` overwrites what they left, as in those of asyncio."""

    def __init__(self, count: int, name: str) -> None:
        super().__init__(count, thread_name_prefix=name)
        self._count = count
        _pools.add(self)

    def overwrite(self) -> "list[Future[None]]":
        """Begin to; none where they have ended."""
        with suppress(RuntimeError):
            return [self.submit(_overwrite_in_thread) for _ in range(2 * self._count)]
        return []


_pools: "weakref.WeakSet[Threads]" = weakref.WeakSet()


class Forgetting:
    """Overwrites, every few seconds, what was freed and could still be read in this process."""

    name = "forgetting"
    trouble = None
    is_background = True

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def run(self, stopping: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stopping.is_set():
            await pause(stopping, self._seconds)
            if not stopping.is_set():
                await forget()


async def forget() -> None:
    """Let go of what only cycles and libraries hold, and overwrite every free block; others run in between.

    Free are the blocks that Python hands out before it asks for new memory: so blocks of each size are taken,
    full of zeros, until one comes from memory that was not there before.
    """
    _forget_addresses()
    gc.collect()
    await _push_out_strings()
    known = _Mapped.now()
    taken: list[bytes] = []
    for block in range(_LARGEST_SMALL, 3 * _ALIGNMENT - 1, -_ALIGNMENT):
        is_old = True
        while is_old and len(taken) < _MOST_FILLED:
            more = [
                bytes(block - _BYTES_HEAD) for _ in range(_FILLED_AT_ONCE if block == _LARGEST_SMALL else 200)
            ]
            is_old = id(more[-1]) in known
            taken += more
            if len(taken) % _FILLED_AT_ONCE == 0:
                await asyncio.sleep(0)
    taken.clear()
    _overwrite_kept_apart()
    await asyncio.gather(*(asyncio.to_thread(_overwrite_in_thread) for _ in range(_THREADS)))
    overwritten = [asyncio.wrap_future(each) for pool in list(_pools) for each in pool.overwrite()]
    await asyncio.gather(*overwritten, return_exceptions=True)  # a pool that ends meanwhile cancels its own
    _trim()


def _forget_addresses() -> None:
    """Empty the caches (`lru_cache`) of these modules, each of which keeps the last 128 addresses or more."""
    for name in _REMEMBERING:
        for each in vars(sys.modules[name]).values() if name in sys.modules else ():
            if isinstance(each, functools._lru_cache_wrapper):
                each.cache_clear()


async def _push_out_strings() -> None:
    """Put others in the place of the short strings that pydantic keeps for the whole process.

    Of each text below 64 characters that it made it keeps one, in 16,384 places by their hash: a mail
    address, a word to be hidden, an id. So many others come that each place is missed once in 400 times, and
    in 200,000 by two rounds. No setting of a model (`cache_strings`) does that: it does not hold where
    FastAPI or another reads it.
    """
    for _ in range(_STRING_ROUNDS):
        from_json(_STRINGS.replace("@", secrets.token_hex(4)))
        await asyncio.sleep(0)


def _overwrite_kept_apart() -> None:
    """Take what glibc keeps apart for this thread, written full.

    Not only Python's larger blocks are there: libraries in C, as that of passwords, have small ones too.
    strdup(3) takes from there and writes in one call; calloc(3), as in `bytes(n)`, takes from elsewhere.
    """
    library = _with_texts()
    taken = [library.strdup(each) for each in _TEXTS_KEPT_APART]
    for each in taken:
        library.free(each)


@functools.cache
def _with_texts() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.strdup.argtypes, library.strdup.restype = [ctypes.c_char_p], ctypes.c_void_p
    library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
    return library


def _overwrite_in_thread() -> None:
    _overwrite_kept_apart()
    time.sleep(_HELD_SECONDS)  # so that the next one finds another thread


class _Mapped:
    """Which addresses this process has memory at, at one moment."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]

    @classmethod
    def now(cls) -> "_Mapped":
        """As the kernel tells it; nothing where it does not, and then one block of each size is filled."""
        try:
            lines = Path("/proc/self/maps").read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            return cls([])
        spans = (line.partition(" ")[0].partition("-") for line in lines)
        return cls([(int(start, 16), int(end, 16)) for start, _, end in spans])

    def __contains__(self, address: int) -> bool:
        at = bisect.bisect_right(self._starts, address) - 1
        return at >= 0 and address < self._ends[at]


def _trim() -> None:
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
