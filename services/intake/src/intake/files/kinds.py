"""What kind of file this is, by its content alone; what it is called may only not contradict that."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

HEAD_BYTES = 4096
TAIL_BYTES = 66 * 1024  # a ZIP's directory ends within 64 KiB of the end
_LOOKED_THROUGH = 1024  # as far as browsers and PDF readers look for what a file may be


class FileKind(StrEnum):
    """The kinds that are taken; the value is the media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    PDF = "application/pdf"

    @property
    def is_photo(self) -> bool:
        """A picture, and no document."""
        return self is not FileKind.PDF


@dataclass(frozen=True)
class Declared:
    """What the sender says the file is; both may be missing."""

    media_type: str | None = None
    extension: str | None = None  # lower case, without the dot


class NotTaken(Exception):
    """This content is not taken; `reason` is a code of the refusals."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_EXTENSIONS: Mapping[str, FileKind] = {
    "jpg": FileKind.JPEG,
    "jpeg": FileKind.JPEG,
    "jpe": FileKind.JPEG,
    "jfif": FileKind.JPEG,
    "png": FileKind.PNG,
    "webp": FileKind.WEBP,
    "pdf": FileKind.PDF,
}
_MEDIA_TYPES: Mapping[str, FileKind] = {
    **{kind.value: kind for kind in FileKind},
    "image/jpg": FileKind.JPEG,
    "image/pjpeg": FileKind.JPEG,
    "application/x-pdf": FileKind.PDF,
}
#: What says nothing about the content.
_ANY = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded"})
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
_MARKUP = (b"<html", b"<script", b"<!doctype", b"<svg", b"<?php", b"<iframe", b"<body", b"<?xml-stylesheet")
_SCRIPT = (b"#!", b"<", b"MZ", b"\x7fELF", b"\xef\xbb\xbf<", b"%!PS")


def recognise(head: bytes, tail: bytes, declared: Declared) -> FileKind:
    """The kind of a file by its first and last bytes; `NotTaken` for every other, and for a mixture."""
    kind = _by_magic(head)
    if kind is None:
        raise NotTaken(_why_not(head))
    if _is_something_else_too(kind, head, tail):
        raise NotTaken("two-kinds-at-once")
    if _contradicts(declared, kind):
        raise NotTaken("wrong-extension")
    return kind


def extension_of(name: str) -> str | None:
    """The extension of a file name, in lower case without the dot."""
    _, dot, extension = name.rpartition(".")
    return extension.lower() if dot and extension else None


def _by_magic(head: bytes) -> FileKind | None:
    if head.startswith(b"\xff\xd8\xff"):
        return FileKind.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileKind.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return FileKind.WEBP
    return FileKind.PDF if head.lstrip(b"\r\n\t ").startswith(b"%PDF-") else None


def _why_not(head: bytes) -> str:
    if not head:
        return "empty"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return "heic-not-taken"
    start = head.lstrip(b"\r\n\t ")
    is_script = start.startswith(_SCRIPT) or _holds_markup(head)
    return "script" if is_script else "kind-not-taken"


def _is_something_else_too(kind: FileKind, head: bytes, tail: bytes) -> bool:
    looked = head[:_LOOKED_THROUGH]
    if _holds_markup(looked):
        return True
    if kind is not FileKind.PDF and b"%PDF-" in looked:
        return True
    return b"PK\x05\x06" in tail and b"PK\x01\x02" in tail


def _holds_markup(head: bytes) -> bool:
    lowered = head.lower()
    return any(mark in lowered for mark in _MARKUP)


def _contradicts(declared: Declared, kind: FileKind) -> bool:
    media_type = (declared.media_type or "").partition(";")[0].strip().lower()
    if media_type not in _ANY and _MEDIA_TYPES.get(media_type) is not kind:
        return True
    return declared.extension is not None and _EXTENSIONS.get(declared.extension) is not kind
