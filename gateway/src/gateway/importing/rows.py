"""A file of reports as rows: CSV, JSON lines, or one JSON array."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

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


class Unreadable(Exception):
    """The file as a whole cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Row:
    """One report by its number in the file: a line of JSON, or a record of CSV below the head."""

    number: int
    body: dict[str, Any] | None  # None when it cannot be read
    fault: str = ""


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
            yield from _rows_in(text, names, several)
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


def _rows_in(text: TextIO, names: Mapping[str, str], several: frozenset[str]) -> Iterator[Row]:
    first = text.readline()
    while first and not first.strip():
        first = text.readline()
    if not first:
        raise Unreadable("The file is empty.")
    if first.lstrip().startswith("["):
        yield from _of_array(first + text.read())
    elif first.lstrip().startswith("{"):
        yield from _of_lines(first, text)
    else:
        yield from _of_csv(first, text, names, several)


def _of_array(text: str) -> Iterator[Row]:
    try:
        listed = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"The file is not valid JSON: {error}.") from error
    for number, body in enumerate(listed, 1):
        is_object = isinstance(body, dict)
        yield Row(
            number, body if is_object else None, "" if is_object else "This is no object; write a report."
        )


def _of_lines(first: str, text: TextIO) -> Iterator[Row]:
    number, line = 1, first
    while line:
        if line.strip():
            try:
                body = json.loads(line)
                fault = "" if isinstance(body, dict) else "This line is no object; write one report on each."
            except ValueError as error:
                body, fault = None, f"This line is not valid JSON: {error}."
            yield Row(number, None if fault else body, fault)
        line = text.readline()
        number += 1


def _of_csv(first: str, text: TextIO, names: Mapping[str, str], several: frozenset[str]) -> Iterator[Row]:
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
