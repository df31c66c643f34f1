"""Plain HTTP/1.1 over connections that stay open: the load must not cost more than what is measured."""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_ANSWER_SECONDS = 60.0


class Wire:
    """As many connections as are needed at once; each is used again and again."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._always = _lines({"Host": parts.netloc, **headers})
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, writer in self._idle:
            writer.close()

    async def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        """Status and body of the answer; raises OSError, EOFError or TimeoutError."""
        head = f"{method} {path} HTTP/1.1\r\n{self._always}{_lines(headers or {})}"
        sent = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        async with asyncio.timeout(_ANSWER_SECONDS):
            line = self._living() or await asyncio.open_connection(self._host, self._port)
            try:
                line[1].write(sent)
                answer = await _answer(line[0])
            except BaseException:
                line[1].close()
                raise
        self._idle.append(line)
        return answer

    def _living(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection that the other side did not close, as it does after half a minute of silence."""
        while self._idle:
            line = self._idle.pop()
            if not (line[0].at_eof() or line[1].is_closing()):
                return line
            line[1].close()
        return None


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    length = next((line for line in lines if line.startswith(b"content-length:")), None)
    if length is None:
        raise RuntimeError("an answer without Content-Length is not expected here")
    return int(first.split()[1]), await reader.readexactly(int(length[15:]))


def _lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
