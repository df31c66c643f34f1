"""The static files, read once and served under a digest of them all, so that they can be kept for ever."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

STATIC_PATH = "/static"
_TYPES = {
    ".woff2": "font/woff2",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
}
_TEXTUAL = ("text/", "application/json", "application/manifest+json", "image/svg+xml")
_WORTH_COMPRESSING = 1024
_KEPT = "public, max-age=31536000, immutable"
_ASKED_AGAIN = "no-cache"


@dataclass(frozen=True)
class StaticFile:
    """One file as it leaves: bytes (also compressed, when that helps), media type, entity tag (quoted)."""

    content: bytes
    media_type: str
    etag: str
    gzipped: bytes | None = None


class StaticFiles:
    """The files below `static/`, by path.

    The digest stands before the path and covers every file: relative addresses in style sheets and
    modules keep working, and a change in one file is a new address for all.
    """

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._files = {path: _file(path, content) for path, content in contents.items()}
        whole = hashlib.sha256()
        for path in sorted(self._files):
            whole.update(path.encode() + b"\0" + self._files[path].etag.encode() + b"\0")
        self.digest = whole.hexdigest()[:16]

    @classmethod
    def packaged(cls) -> "StaticFiles":
        """The files that came with the gateway's package."""
        return cls(dict(_contents(files("gateway") / "static", "")))

    @property
    def paths(self) -> frozenset[str]:
        """Every path that can be asked for."""
        return frozenset(self._files)

    def url(self, path: str) -> str:
        """The address of a file; raises `KeyError` when there is no such file, so a typo is found at once."""
        self._files[path]
        return f"{STATIC_PATH}/{self.digest}/{path}"

    def find(self, digest: str, path: str) -> tuple[StaticFile, dict[str, str]] | None:
        """The file at an address and its headers, or None.

        An address with another digest (a page of the version before) gets the present file, but may
        not be kept.
        """
        file = self._files.get(path)
        if file is None:
            return None
        kept = _KEPT if digest == self.digest else _ASKED_AGAIN
        headers = {"cache-control": kept, "etag": file.etag, "x-content-type-options": "nosniff"}
        return file, headers | ({"vary": "accept-encoding"} if file.gzipped else {})


def _contents(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _contents(entry, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found


def _file(path: str, content: bytes) -> StaticFile:
    suffix = "." + path.rpartition(".")[2]
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    gzipped = None
    if media_type.startswith(_TEXTUAL):
        media_type += "; charset=utf-8"
        if len(content) >= _WORTH_COMPRESSING:
            gzipped = gzip.compress(content, mtime=0)
    # Weak, because both encodings share the tag (RFC 9110, 8.8.3).
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    return StaticFile(content, media_type, etag, gzipped)
