"""Sealing a file in chunks of 64 KiB, so that nobody ever holds it whole; format in docs/sealing.md.

STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, 2015) with AES-256-GCM: the nonce of a chunk is a random
prefix, its number, and a byte that says whether it is the last. So nothing can be cut off, left out, swapped
or added.
"""

import os
import struct
from collections.abc import AsyncIterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.sealing import CannotOpen, Context

CHUNK_BYTES = 64 * 1024
TAG_BYTES = 16
_VERSION = b"\x01"
_PREFIX_BYTES = 7
_HEADER_BYTES = len(_VERSION) + _PREFIX_BYTES


def new_content_key() -> bytes:
    """A random key for one file, and for no other."""
    return AESGCM.generate_key(256)


def sealed_bytes(size_bytes: int) -> int:
    """How long a file of this size is when it is sealed."""
    chunks = max(1, -(-size_bytes // CHUNK_BYTES))
    return _HEADER_BYTES + size_bytes + chunks * TAG_BYTES


class ChunkSealer:
    """Seals what is fed to it; a key seals one file. Call `finish` once, at the end."""

    def __init__(self, key: bytes, context: Context) -> None:
        self._seal = AESGCM(key)
        self._bound_to = context.info()
        self._prefix = os.urandom(_PREFIX_BYTES)
        self._held = bytearray()
        self._count = 0
        self._out = bytearray(_VERSION + self._prefix)

    def feed(self, piece: bytes) -> bytes:
        """The ciphertext that became known; a chunk is held back until it is sure not to be the last."""
        self._held += piece
        while len(self._held) > CHUNK_BYTES:
            self._emit(CHUNK_BYTES, is_last=False)
        return self._taken()

    def finish(self) -> bytes:
        """The last chunk, which may be empty only for an empty file."""
        self._emit(len(self._held), is_last=True)
        return self._taken()

    def _emit(self, size: int, *, is_last: bool) -> None:
        nonce = _nonce(self._prefix, self._count, is_last=is_last)
        self._out += self._seal.encrypt(nonce, bytes(self._held[:size]), self._bound_to)
        del self._held[:size]
        self._count += 1

    def _taken(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out


class ChunkOpener:
    """Opens what is fed to it. What it gives out is true so far, and whole only after `finish`."""

    def __init__(self, key: bytes, context: Context) -> None:
        self._seal = AESGCM(key)
        self._bound_to = context.info()
        self._prefix: bytes | None = None
        self._held = bytearray()
        self._count = 0

    def feed(self, piece: bytes) -> bytes:
        """The plaintext that became known; `CannotOpen` when a chunk was changed or moved."""
        self._held += piece
        if self._prefix is None:
            if len(self._held) < _HEADER_BYTES:
                return b""
            self._take_header()
        out = bytearray()
        while len(self._held) > CHUNK_BYTES + TAG_BYTES:
            out += self._open(CHUNK_BYTES + TAG_BYTES, is_last=False)
        return bytes(out)

    def finish(self) -> bytes:
        """The last of the plaintext; `CannotOpen` when the end is missing."""
        if self._prefix is None:
            raise CannotOpen
        return self._open(len(self._held), is_last=True)

    def _take_header(self) -> None:
        if self._held[:1] != _VERSION:
            raise CannotOpen
        self._prefix = bytes(self._held[1:_HEADER_BYTES])
        del self._held[:_HEADER_BYTES]

    def _open(self, size: int, *, is_last: bool) -> bytes:
        nonce = _nonce(self._prefix or b"", self._count, is_last=is_last)
        try:
            plain = self._seal.decrypt(nonce, bytes(self._held[:size]), self._bound_to)
        except (InvalidTag, ValueError) as error:
            raise CannotOpen from error
        del self._held[:size]
        self._count += 1
        return plain


async def sealing(pieces: AsyncIterator[bytes], key: bytes, context: Context) -> AsyncIterator[bytes]:
    """The sealed form of a stream, piece by piece."""
    sealer = ChunkSealer(key, context)
    async for piece in pieces:
        if sealed := sealer.feed(piece):
            yield sealed
    yield sealer.finish()


async def opening(pieces: AsyncIterator[bytes], key: bytes, context: Context) -> AsyncIterator[bytes]:
    """The plaintext of a sealed stream, piece by piece; raises `CannotOpen` at the first that is not true."""
    opener = ChunkOpener(key, context)
    async for piece in pieces:
        if plain := opener.feed(piece):
            yield plain
    yield opener.finish()


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, is_last)
