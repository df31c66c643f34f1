"""An optional virus scanner: clamd, over TCP or a socket in the file system (command INSTREAM)."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

_REPLY_BYTES = 4096
_PIECE_BYTES = 128 * 1024


class ScannerAway(Exception):
    """The scanner did not answer, or not as a scanner does; nothing is taken unscanned."""


class Clamd:
    """Asks a clamd at ``host:port``, ``tls:host:port`` or ``unix:/path``; every step has a time limit.

    clamd itself speaks no TLS: behind ``tls:`` stands a proxy, which must prove its name to `context`.
    """

    def __init__(self, address: str, *, seconds: float, context: ssl.SSLContext | None = None) -> None:
        self._address = address
        self._seconds = seconds
        self._context = context

    async def is_clean(self, pieces: AsyncIterator[bytes]) -> bool:
        """Whether the scanner finds nothing in this file; raises `ScannerAway`."""
        try:
            async with asyncio.timeout(self._seconds):
                reply = await self._ask(pieces)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            raise ScannerAway(type(error).__name__) from error
        if reply == b"stream: OK":
            return True
        if reply.startswith(b"stream: ") and reply.endswith(b" FOUND"):
            return False
        raise ScannerAway("unexpected reply")

    async def _ask(self, pieces: AsyncIterator[bytes]) -> bytes:
        reader, writer = await self._connect()
        try:
            writer.write(b"zINSTREAM\0")
            async for piece in pieces:
                for at in range(0, len(piece), _PIECE_BYTES):
                    part = piece[at : at + _PIECE_BYTES]
                    writer.write(struct.pack(">I", len(part)) + part)
                    await writer.drain()
            writer.write(struct.pack(">I", 0))
            await writer.drain()
            return (await reader.read(_REPLY_BYTES)).rstrip(b"\0\n")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("unix:"):
            return await asyncio.open_unix_connection(self._address.removeprefix("unix:"))
        host, _, port = self._address.removeprefix("tls:").rpartition(":")
        context = self._context if self._address.startswith("tls:") else None
        return await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
