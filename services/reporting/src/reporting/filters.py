"""What a CSV request asks for: every parameter checked, every fault named with what is permitted."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from common.contracts.codes import Status
from common.errors import FieldError, Malformed

from reporting.columns import BY_NAME, COLUMNS

SEPARATORS = {"comma": ",", "semicolon": ";"}
_PURPOSE_LENGTH = range(3, 201)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Permitted:
    """The codes that this municipality may filter on; restricted types are not among them."""

    signal_types: frozenset[str]
    departments: frozenset[str]


@dataclass(frozen=True)
class ExportRequest:
    """A checked request; None or empty means: no limit."""

    received_from: date | None
    received_to: date | None
    signal_types: tuple[str, ...]
    departments: tuple[str, ...]
    statuses: tuple[str, ...]
    separator: str
    bom: bool
    headers: str
    columns: tuple[str, ...]
    purpose: str | None

    def as_filters(self) -> dict[str, Any]:
        """What the audit row keeps: everything that was asked, the purpose apart."""
        kept = {name: value for name, value in asdict(self).items() if name != "purpose" and value}
        return {name: str(value) if isinstance(value, date) else value for name, value in kept.items()}


#: Parameter → (description, values that never change, may it be repeated).
PARAMETERS: Mapping[str, tuple[str, tuple[str, ...], bool]] = {
    "from": ("Received on or after this day (YYYY-MM-DD).", (), False),
    "to": ("Received on or before this day (YYYY-MM-DD).", (), False),
    "signalType": ("Code of a signal type; restricted types are never exported.", (), True),
    "department": ("Code of the department that owns the report.", (), True),
    "status": ("Where the report stands.", tuple(status.value for status in Status), True),
    "separator": ("What stands between cells; default comma.", tuple(SEPARATORS), False),
    "bom": ("A byte order mark first, for Excel; default false.", ("true", "false"), False),
    "headers": ("Dutch or machine-readable headers; default nl.", ("nl", "en"), False),
    "columns": ("Columns in this order, comma-separated; default all.", tuple(BY_NAME), True),
    "purpose": ("Why the data leave (3 to 200 characters); an API key must give it.", (), False),
}


class _Reader:
    """Reads parameters one by one and gathers every fault; an empty value is as none."""

    def __init__(self, given: Iterable[tuple[str, str]]) -> None:
        self.errors: list[FieldError] = []
        self._given: dict[str, list[str]] = {}
        for name, value in given:
            if value or name not in PARAMETERS:  # a form sends what was left empty as well
                self._given.setdefault(name, []).append(value)
        for name in self._given.keys() - PARAMETERS.keys():
            self.refuse(name[:40], "unknown-parameter", _list(PARAMETERS))
        for name, (_, _, repeated) in PARAMETERS.items():
            if not repeated and len(self._given.get(name, ())) > 1:
                self.refuse(name, "repeated", "één waarde / one value")

    def refuse(self, name: str, code: str, permitted: str) -> None:
        """Note a fault and what would be right."""
        self.errors.append(
            FieldError(f"query:{name}", code, f"Toegestaan: {permitted}.", f"Permitted: {permitted}.")
        )

    def day(self, name: str) -> date | None:
        """A date, or None when it is absent or wrong."""
        text = self.one(name)
        if text is None:
            return None
        try:
            return date.fromisoformat(text if _DAY.fullmatch(text) else "")
        except ValueError:
            self.refuse(name, "not-a-date", "JJJJ-MM-DD / YYYY-MM-DD")
            return None

    def one(self, name: str) -> str | None:
        """The single value."""
        values = self._given.get(name)
        return values[0] if values else None

    def choice(self, name: str, default: str) -> str:
        """One of the parameter's fixed values."""
        value = self.one(name)
        return (
            default
            if value is None
            else (self._allowed(name, (value,), PARAMETERS[name][1]) or (default,))[0]
        )

    def several(
        self, name: str, permitted: Iterable[str], split: Callable[[str], list[str]] | None = None
    ) -> tuple[str, ...]:
        """Any number of permitted values, each once, in the order given."""
        values = self._given.get(name, [])
        parts = [part for value in values for part in (split(value) if split else [value])]
        return self._allowed(name, tuple(dict.fromkeys(parts)), tuple(permitted))

    def _allowed(self, name: str, values: Sequence[str], permitted: Sequence[str]) -> tuple[str, ...]:
        if any(value not in permitted for value in values):
            self.refuse(name, "not-permitted", _list(permitted) or "geen / none")
            return ()
        return tuple(values)


def read_request(
    given: Iterable[tuple[str, str]],
    permitted: Permitted,
    *,
    header_purpose: str | None,
    needs_purpose: bool,
) -> ExportRequest:
    """The request that these query parameters make; raises `Malformed` with every fault at once."""
    reader = _Reader(given)
    first, last = reader.day("from"), reader.day("to")
    if first and last and first > last:
        reader.refuse("from", "after-to", "een dag niet na 'to' / a day not after 'to'")
    request = ExportRequest(
        received_from=first,
        received_to=last,
        signal_types=reader.several("signalType", sorted(permitted.signal_types)),
        departments=reader.several("department", sorted(permitted.departments)),
        statuses=reader.several("status", PARAMETERS["status"][1]),
        separator=SEPARATORS[reader.choice("separator", "comma")],
        bom=reader.choice("bom", "false") == "true",
        headers=reader.choice("headers", "nl"),
        columns=reader.several("columns", BY_NAME, lambda value: value.split(","))
        or tuple(column.name for column in COLUMNS),
        purpose=_purpose(reader, header_purpose, needs_purpose=needs_purpose),
    )
    if reader.errors:
        raise Malformed("Some filters are not valid; nothing was exported.", errors=reader.errors)
    return request


def _purpose(reader: _Reader, header: str | None, *, needs_purpose: bool) -> str | None:
    given = reader.one("purpose")
    purpose = " ".join((given or header or "").split())
    if not purpose and not needs_purpose:
        return None
    if len(purpose) not in _PURPOSE_LENGTH or not purpose.isprintable():
        reader.refuse("purpose", "purpose-needed", "3–200 tekens / characters")
        return None
    return purpose


def _list(values: Iterable[str]) -> str:
    return ", ".join(values)
