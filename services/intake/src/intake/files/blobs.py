"""Sealed files by name: a small interface, and a folder behind it. Only ciphertext comes here."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from common.coarse import coarse_day

_READ_BYTES = 256 * 1024
_NAME = re.compile(r"[0-9a-f]{32}")


class BlobsAway(Exception):
    """The place where files are kept cannot be reached or is full."""


class NoSuchBlob(Exception):
    """There is nothing under this name."""


class Blobs(Protocol):
    """Keeps bytes under a name of 32 hexadecimal digits. Every method may raise `BlobsAway`."""

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> int:
        """Keep these bytes, durably once this returns, and all or nothing; says how many."""

    async def open(self, name: str) -> tuple[int, AsyncIterator[bytes]]:
        """The length and the bytes; raises `NoSuchBlob`. The iterator must be run to its end or closed."""

    async def delete(self, name: str) -> None:
        """Remove it, with whatever is left of an attempt to put it; nothing when it is gone already."""


class FolderBlobs:
    """Blobs as files, in subfolders by the first two digits. Replicas may share the folder.

    Files and subfolders tell the day on which they were written, no more, also while they are: a copy or a
    backup keeps that time, and so does what a killed process leaves.
    What the file system itself notes (ctime, birth) cannot be set.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> int:
        """As `Blobs.put`: written beside, flushed to disk, renamed, and the folder flushed too."""
        path = self._path(name)
        try:
            file = await asyncio.to_thread(_create, _beside(path))
            try:
                size = 0
                async for piece in pieces:
                    await asyncio.to_thread(write_blurred, file, piece)
                    size += len(piece)
                await asyncio.to_thread(_settle, file, path)
                return size
            finally:
                file.close()
        except OSError as error:
            raise BlobsAway(f"cannot write: {type(error).__name__}") from error

    async def open(self, name: str) -> tuple[int, AsyncIterator[bytes]]:
        """As `Blobs.open`."""
        try:
            file = await asyncio.to_thread(self._path(name).open, "rb", 0)
            return os.fstat(file.fileno()).st_size, _pieces(file)
        except FileNotFoundError as error:
            raise NoSuchBlob from error
        except OSError as error:
            raise BlobsAway(f"cannot read: {type(error).__name__}") from error

    async def delete(self, name: str) -> None:
        """As `Blobs.delete`."""
        path = self._path(name)
        try:
            await asyncio.to_thread(_remove, path)
        except OSError as error:
            raise BlobsAway(f"cannot delete: {type(error).__name__}") from error

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("a blob's name is 32 hexadecimal digits")
        return self._folder / name[:2] / name


def _beside(path: Path) -> Path:
    return path.with_suffix(".part")


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    for place in (descriptor, path.parent, path.parent.parent):
        blur(place)
    return os.fdopen(descriptor, "wb", buffering=_READ_BYTES)


def _settle(file: BinaryIO, path: Path) -> None:
    file.flush()
    blur(file.fileno())
    os.fsync(file.fileno())
    _beside(path).replace(path)
    for folder in (path.parent, path.parent.parent):
        _flush_folder(folder)


def _remove(path: Path) -> None:
    for each in (path, _beside(path)):
        with suppress(FileNotFoundError):
            each.unlink()
    if path.parent.is_dir():
        _flush_folder(path.parent)
    elif not path.parent.parent.is_dir():
        raise FileNotFoundError(path.parent.parent)  # the whole place is away: nothing was deleted


def blur(place: int | Path) -> None:
    """Let a file or folder tell the day on which it was written, and no more."""
    day = coarse_day(datetime.now(UTC)).timestamp()
    os.utime(place, (day, day))


def write_blurred(file: BinaryIO, piece: bytes) -> None:
    """Write, and let the file tell no more than the day, also where the process is killed after this."""
    file.write(piece)
    blur(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        blur(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(file.read, _READ_BYTES):
            yield piece
    finally:
        file.close()
