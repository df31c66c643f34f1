"""Reading multipart/form-data as it comes (RFC 7578): fields are kept, files pass through piece by piece."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from common.errors import Malformed

MAX_FIELD_BYTES = 256 * 1024  # of all fields together
MAX_PARTS = 500
_MAX_HEADER_BYTES = 4096


@dataclass(frozen=True)
class Field:
    """A field that is no file."""

    name: str
    value: str


@dataclass(frozen=True)
class FileStart:
    """A file begins; its pieces follow. The name is what the sender calls it."""

    name: str
    file_name: str
    media_type: str


@dataclass(frozen=True)
class FilePiece:
    """Some bytes of the file that began last."""

    content: bytes


@dataclass(frozen=True)
class FileEnd:
    """The file that began last is whole."""


Part = Field | FileStart | FilePiece | FileEnd


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart/form-data type; None for another type. Raises `Malformed` without one."""
    kind, options = parse_options_header(content_type)
    if kind.lower() != b"multipart/form-data":
        return None
    boundary = options.get(b"boundary")
    if not boundary or len(boundary) > 200:
        raise Malformed("The multipart form names no boundary.")
    return boundary


async def parts_of(body: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Part]:
    """The parts of a form in their order; memory is bounded. Raises `Malformed`."""
    reading = _Reading()
    parser = MultipartParser(boundary, reading.callbacks())  # type: ignore[arg-type]
    try:
        async for piece in body:
            parser.write(piece)
            for part in reading.taken():
                yield part
        parser.finalize()
    except MultipartParseError as error:
        raise Malformed("The form is not valid multipart/form-data.") from error
    if not reading.is_whole:
        raise Malformed("The form did not arrive whole.")


class _Reading:
    """What the parser calls; turns its calls into parts."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._headers: dict[bytes, bytes] = {}
        self._header_name, self._header_value = bytearray(), bytearray()
        self._field: str | None = None
        self._value = bytearray()
        self._kept_bytes = self._count = 0
        self.is_whole = False

    def callbacks(self) -> dict[str, object]:
        """By the parser's own names."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add(self._header_name, data[start:end]),
            "on_header_value": lambda data, start, end: self._add(self._header_value, data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._start,
            "on_part_data": lambda data, start, end: self._data(bytes(data[start:end])),
            "on_part_end": self._end,
            "on_end": self._whole,
        }

    def taken(self) -> list[Part]:
        """The parts that became known."""
        parts, self._parts = self._parts, []
        return parts

    def _begin(self) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise Malformed("The form has too many parts.")
        self._headers = {}
        self._field = None

    def _add(self, kept: bytearray, piece: bytes) -> None:
        kept += piece
        if len(kept) > _MAX_HEADER_BYTES:
            raise Malformed("A header in the form is too long.")

    def _header(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _start(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        file_name = options.get(b"filename")
        if file_name is None:
            self._field = name
            self._value.clear()
            return
        media_type = self._headers.get(b"content-type", b"").decode("latin-1")
        self._parts.append(FileStart(name, file_name.decode("utf-8", "replace"), media_type))

    def _data(self, piece: bytes) -> None:
        if self._field is None:
            self._parts.append(FilePiece(piece))
            return
        self._kept_bytes += len(piece)
        if self._kept_bytes > MAX_FIELD_BYTES:
            raise Malformed("The fields of the form are too long.")
        self._value += piece

    def _end(self) -> None:
        if self._field is None:
            self._parts.append(FileEnd())
            return
        try:
            self._parts.append(Field(self._field, self._value.decode()))
        except UnicodeDecodeError as error:
            raise Malformed("A field of the form is not UTF-8.") from error

    def _whole(self) -> None:
        self.is_whole = True
