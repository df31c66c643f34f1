"""A server that says it is another: what it is told before the caller finds out."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[["Impostor", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_SECONDS = 5.0


@dataclass
class Impostor:
    """What it shows (None: it speaks no TLS), how it begins, and what it was told in clear or decrypted."""

    context: ssl.SSLContext | None
    talk: Talk
    port: int = 0
    calls: int = 0
    told: bytearray = field(default_factory=bytearray)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One caller."""
        self.calls += 1
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_SECONDS):
                await self.talk(self, reader, writer)
        writer.close()

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Keep what comes first; a TLS handshake is nothing told."""
        piece = await reader.read(4096)
        if not piece.startswith(b"\x16\x03"):
            self.told += piece


async def at_once(impostor: Impostor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As https, amqps and a proxy before clamd: TLS from the first byte."""
    if impostor.context is not None:
        await writer.start_tls(impostor.context)
    await impostor.listen(reader)


async def postgres(impostor: Impostor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As PostgreSQL: an SSLRequest first (protocol 3.0, § 55.2.10), answered with S or N."""
    request = await reader.readexactly(8)
    if request != bytes.fromhex("0000000804d2162f"):
        impostor.told += request
        return
    writer.write(b"S" if impostor.context else b"N")
    await writer.drain()
    if impostor.context is not None:
        await writer.start_tls(impostor.context)
    await impostor.listen(reader)


async def smtp(impostor: Impostor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As a mail server that offers STARTTLS when it has a context (RFC 3207); a greeting is nothing told."""
    writer.write(b"220 mail.example ESMTP\r\n")
    while line := await reader.readline():
        word = line[:8].upper()
        if word.startswith((b"EHLO", b"HELO")):
            more = b"STARTTLS" if impostor.context else b"AUTH PLAIN LOGIN"  # it would like a password
            writer.write(b"250-mail.example\r\n250 " + more + b"\r\n")
        elif word == b"STARTTLS" and impostor.context:
            writer.write(b"220 go on\r\n")
            await writer.drain()
            await writer.start_tls(impostor.context)
            await impostor.listen(reader)
            return
        elif word.startswith(b"QUIT"):
            return
        else:
            impostor.told += line
            return


@asynccontextmanager
async def posing(context: ssl.SSLContext | None, talk: Talk) -> AsyncIterator[Impostor]:
    """An impostor on a free port of loopback."""
    impostor = Impostor(context, talk)
    server = await asyncio.start_server(impostor.answer, "127.0.0.1", 0)
    impostor.port = int(server.sockets[0].getsockname()[1])
    try:
        yield impostor
    finally:
        server.close()
        await server.wait_closed()
