"""Where an upload waits until it is whole: on disk, but sealed under a key that only this process knows."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from common.chunks import ChunkOpener, ChunkSealer, new_content_key
from common.sealing import Context

from intake.files.blobs import blur, write_blurred
from intake.files.kinds import HEAD_BYTES, TAIL_BYTES

_FLUSH_BYTES = 512 * 1024
_READ_BYTES = 256 * 1024
_DAY_SECONDS = 24 * 60 * 60


class Spool:
    """One upload. Memory is bounded, whatever its size; nothing of it is on disk in clear."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._key = new_content_key()
        self._context = Context("", "spool", name)
        self._sealer = ChunkSealer(self._key, self._context)
        self._waiting = bytearray()
        self.size_bytes = 0
        self.head = b""
        self.tail = b""

    async def write(self, piece: bytes) -> None:
        """Add a piece."""
        self.size_bytes += len(piece)
        if len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        self.tail = (self.tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
        self._waiting += self._sealer.feed(piece)
        if len(self._waiting) >= _FLUSH_BYTES:
            await self._flush()

    async def close(self) -> None:
        """The upload is whole."""
        self._waiting += self._sealer.finish()
        await self._flush()

    async def read(self) -> AsyncIterator[bytes]:
        """Everything that was written, from the beginning; call after `close`, as often as needed."""
        await asyncio.to_thread(self._file.seek, 0)
        opener = ChunkOpener(self._key, self._context)
        while sealed := await asyncio.to_thread(self._file.read, _READ_BYTES):
            if plain := opener.feed(sealed):
                yield plain
        yield opener.finish()

    async def _flush(self) -> None:
        piece = bytes(self._waiting)
        self._waiting.clear()
        await asyncio.to_thread(write_blurred, self._file, piece)


@asynccontextmanager
async def spooling(folder: Path) -> AsyncIterator[Spool]:
    """A spool that is gone at the end, however that comes. Raises OSError when the folder is away."""
    name = secrets.token_hex(16)
    path = folder / name
    file = await asyncio.to_thread(_open, path)
    try:
        yield Spool(file, name)
    finally:
        file.close()
        with suppress(FileNotFoundError):
            path.unlink()
            blur(folder)


def sweep_spools(folder: Path, older_than_seconds: float) -> int:
    """Remove what a process left behind that was killed; says how many. Unreadable in any case.

    A file tells only its day, and may have been begun at the end of it: one day more is waited.
    """
    until, count = time.time() - older_than_seconds - _DAY_SECONDS, 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < until:
                path.unlink()
                count += 1
    return count


def _open(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    for place in (descriptor, path.parent):
        blur(place)
    return os.fdopen(descriptor, "w+b", buffering=0)
