"""A file of reports as rows: CSV, JSON lines, or one JSON array."""

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from common.readable import ENGLISH as HALF_A_CHARACTER

#: The columns of a CSV file; `answers.<question>` besides. A name with a dot goes into the object before it.
COLUMNS = (
    "signalType",
    "description",
    "reporterKind",
    "channel",
    "receivedElsewhereAt",
    "language",
    "neighbourhood",
    "address",
    "locationType",
    "observedOn",
    "mode",
    "contact.mail",
    "contact.name",
    "contact.phone",
    "hide",
)
_ANSWERS = "answers."
_LISTED = "|"  # between the values of a question with several answers, and between what must be hidden
_DELIMITERS = ";,\t"
_LONGEST_CELL = 200_000
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_TOO_DEEP = "Lists and objects stand in one another without end; write a report."


class Unreadable(Exception):
    """The file as a whole cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Row:
    """One report by its number in the file: a line of JSON, or a record of CSV below the head."""

    number: int
    body: dict[str, Any] | None  # None when it cannot be read
    fault: str = ""
    share: float = 0.0  # of the file, up to and including this row


def read_rows(
    file: Path, *, encoding: str | None, names: Mapping[str, str], several: frozenset[str]
) -> Iterator[Row]:
    """The rows, as they are read; memory is bounded but for a JSON array. Raises `Unreadable`.

    `names` translates columns; `several` holds the questions that take several answers.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(3)
        found = encoding or next((name for bom, name in _BOMS if start.startswith(bom)), "utf-8")
        with file.open(encoding=found, newline="") as text:
            measured = _Measured(text, found, file.stat().st_size)
            for row in _rows_in(measured, names, several):
                yield replace(row, share=row.share or measured.share)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"{file.name} is not {error.encoding}: byte {error.start} cannot be read. Save it as UTF-8, "
            "or name its own with --encoding, for example --encoding windows-1252."
        ) from error
    except LookupError as error:
        raise Unreadable(f"There is no encoding {encoding}; use utf-8 or windows-1252.") from error
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}.") from error
    except csv.Error as error:
        raise Unreadable(f"{file.name} is not valid CSV: {error}.") from error


class _Measured:
    """The text of a file, and what share of the file is read."""

    def __init__(self, text: TextIO, encoding: str, size_bytes: int) -> None:
        self._text, self._size_bytes, self._read_bytes = text, size_bytes, 0
        self._encoder = codecs.getincrementalencoder(encoding)("replace")

    def __iter__(self) -> Iterator[str]:
        return iter(self.line, "")

    @property
    def share(self) -> float:
        """At most 1, also of a file that grows meanwhile; 0 of what has no size."""
        return min(1.0, self._read_bytes / self._size_bytes) if self._size_bytes else 0.0

    def line(self) -> str:
        """The next line with its end; empty at the end of the file."""
        line = self._text.readline()
        self._read_bytes += len(self._encoder.encode(line))
        return line

    def rest(self) -> str:
        """All that is left; it counts as read by what comes of it."""
        return self._text.read()


def _rows_in(text: _Measured, names: Mapping[str, str], several: frozenset[str]) -> Iterator[Row]:
    first = text.line()
    while first and not first.strip():
        first = text.line()
    if not first:
        raise Unreadable("The file is empty.")
    if first.lstrip().startswith("["):
        yield from _of_array(first + text.rest())
    elif first.lstrip().startswith("{"):
        yield from _of_lines(first, text)
    else:
        yield from _of_csv(first, text, names, several)


def _of_array(text: str) -> Iterator[Row]:
    try:
        listed = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"The file is not valid JSON: {error}.") from error
    except RecursionError as error:
        raise Unreadable(f"The file is not usable: {_TOO_DEEP}") from error
    for number, body in enumerate(listed, 1):
        yield replace(_of_json(number, body), share=number / len(listed))


def _of_lines(first: str, text: _Measured) -> Iterator[Row]:
    number, line = 1, first
    while line:
        if line.strip():
            try:
                yield _of_json(number, json.loads(line))
            except ValueError as error:
                yield Row(number, None, f"This line is not valid JSON: {error}.")
            except RecursionError:
                yield Row(number, None, _TOO_DEEP)
        line = text.line()
        number += 1


def _of_json(number: int, body: object) -> Row:
    """A row that can be sent, or one with its fault."""
    if not isinstance(body, dict):
        return Row(number, None, "This is no object; write a report.")
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return Row(number, None, HALF_A_CHARACTER)
    except ValueError:
        return Row(number, None, "NaN and Infinity are no numbers in JSON; leave them out.")
    except RecursionError:
        return Row(number, None, _TOO_DEEP)
    return Row(number, body)


def _of_csv(first: str, text: _Measured, names: Mapping[str, str], several: frozenset[str]) -> Iterator[Row]:
    delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(_LONGEST_CELL)
    head = next(csv.reader(io.StringIO(first), delimiter=delimiter))
    columns = [names.get(name.strip(), name.strip()) for name in head]
    unknown = [name for name in columns if name not in COLUMNS and not name.startswith(_ANSWERS)]
    if unknown:
        raise Unreadable(
            f"There is no column {', '.join(map(repr, unknown))}. Translate it with --column NAME=COLUMN. "
            f"There are: {', '.join(COLUMNS)}, and {_ANSWERS}<question>."
        )
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise Unreadable(f"There is more than one column {', '.join(repeated)}. Keep one of each.")
    for number, cells in enumerate(csv.reader(text, delimiter=delimiter, strict=True), 1):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            fault = f"This row has {len(cells)} cells and the head {len(columns)}; put quotes around text."
            yield Row(number, None, fault)
        else:
            yield Row(number, _body(dict(zip(columns, cells, strict=True)), several))


def _body(cells: Mapping[str, str], several: frozenset[str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for column, cell in cells.items():
        value = cell if column == "description" else cell.strip()
        if not value.strip():
            continue
        group, _, name = column.partition(".")
        if column == "hide" or (group == "answers" and name in several):
            value = [each.strip() for each in value.split(_LISTED) if each.strip()]  # type: ignore[assignment]
        if name:
            body.setdefault(group, {})[name] = value
        else:
            body[column] = value
    return body
