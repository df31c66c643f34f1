"""What a browser leaves on the disk of its user: a profile that lasts, closed before it is searched."""

import base64
import secrets
import shutil
import string
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright, expect

_PATIENCE_MS = 30_000
#: What Playwright switches off and people have on, as far as it decides what is written.
_AS_PEOPLE_HAVE_IT = [
    "--disable-back-forward-cache",
    "--disable-popup-blocking",
    "--disable-field-trial-config",
    "--enable-automation",
]
#: So many letters of a canary are a find: a log, a table or a compressed block may hold it in pieces.
_PIECE = 8
_LETTERS = string.ascii_uppercase + string.digits
_GZIP = b"\x1f\x8b\x08"


def canary(length: int = 24) -> str:
    """A word that stands nowhere else: more than five bits a letter, and nothing that is escaped."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(frozen=True)
class Find:
    """A canary on the disk: which, in what file of the profile, and how it was written."""

    name: str
    file: str
    coding: str


@dataclass(frozen=True)
class Profile:
    """The folder of one browser."""

    folder: Path

    @asynccontextmanager
    async def opened(self, origin: str, **options: Any) -> AsyncIterator[Page]:
        """A page of this browser, as a person starts it; closed, and all of it written, at the end."""
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        assert path, "Chromium is not on this machine: run deploy/local/install.sh test"
        expect.set_options(timeout=_PATIENCE_MS)
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                self.folder,
                executable_path=path,
                args=["--no-sandbox"],
                ignore_default_args=_AS_PEOPLE_HAVE_IT,
                base_url=origin,
                locale="nl-NL",
                **options,
            )
            context.set_default_timeout(_PATIENCE_MS)
            try:
                yield context.pages[0] if context.pages else await context.new_page()
            finally:
                await context.close()

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file with its content."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(self.folder)), path.read_bytes()

    def finds(self, canaries: dict[str, str]) -> list[Find]:
        """Where these words stand, whole or in pieces, in any coding that a browser writes."""
        pieces = {name: _pieces(word) for name, word in canaries.items()}
        return [
            Find(name, file, coding)
            for file, content in self.files()
            for layer in (content, *_unzipped(content))
            for name, codings in pieces.items()
            for coding, written in codings.items()
            if any(piece in layer for piece in written)
        ]


def _pieces(word: str) -> dict[str, list[bytes]]:
    """By coding, pieces of a word of which each stretch of twice their length has one whole."""
    codings: dict[str, list[bytes]] = {
        "raw": _cut(word.encode(), _PIECE),
        "utf-16": _cut(word.encode("utf-16-le"), 2 * _PIECE),
        "hex": _cut(word.encode().hex().encode(), 2 * _PIECE),
    }
    for kind in ("utf-8", "utf-16-le"):
        # At each place in its group of three, without the letters that its neighbours share.
        for shift in range(3):
            line = base64.b64encode(b"\0" * shift + word.encode(kind))[4 if shift else 0 : -4]
            codings[f"base64 of {kind} at {shift}"] = _cut(line, 2 * _PIECE)
    return codings


def _cut(line: bytes, size: int) -> list[bytes]:
    return [line[at : at + size] for at in range(0, max(len(line) - size, 0) + 1, size)]


def _unzipped(content: bytes) -> Iterator[bytes]:
    """What is compressed in a file, as cached answers are."""
    at = content.find(_GZIP)
    while at >= 0:
        with suppress(zlib.error):
            yield zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content[at:])
        at = content.find(_GZIP, at + 1)
