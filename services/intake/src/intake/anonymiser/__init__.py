"""Finds personal data in Dutch text and puts typed, numbered placeholders in its place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from intake.anonymiser.names import find_names
from intake.anonymiser.span import Span
from intake.anonymiser.structured import PUBLIC_NUMBERS, find_structured

__all__ = ["Anonymised", "Placed", "anonymise", "anonymise_fields"]

MAX_CHARACTERS = 12_000


@dataclass(frozen=True)
class Placed:
    """A found span and the placeholder that stands in its place."""

    start: int
    end: int
    type: str
    placeholder: str


@dataclass(frozen=True)
class Anonymised:
    """A text without what was recognised; `is_doubtful` when something may have been missed."""

    text: str
    spans: tuple[Placed, ...]
    is_doubtful: bool


class _Numbering:
    """The same value the same placeholder, through all fields of one report."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def placeholder(self, span: Span) -> str:
        """The placeholder of this value."""
        known = self._given.get((span.type, span.key))
        if known is None:
            self._counts[span.type] = self._counts.get(span.type, 0) + 1
            known = self._given[span.type, span.key] = f"[{span.type}-{self._counts[span.type]}]"
        return known


def anonymise(text: str) -> Anonymised:
    """One text anonymised; linear in its length. Raises ValueError above 12,000 characters."""
    return _anonymise(text, _Numbering())


def anonymise_fields(fields: Mapping[str, str]) -> dict[str, Anonymised]:
    """Several fields of one report, numbered together."""
    numbering = _Numbering()
    return {name: _anonymise(text, numbering) for name, text in fields.items()}


def _anonymise(text: str, numbering: _Numbering) -> Anonymised:
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"at most {MAX_CHARACTERS} characters are anonymised at once")
    structured = find_structured(text)
    spans = sorted([*structured, *find_names(text, structured)], key=lambda span: span.start)
    placed = tuple(Placed(s.start, s.end, s.type, numbering.placeholder(s)) for s in spans)
    pieces, at = [], 0
    for span in placed:
        pieces += [text[at : span.start], span.placeholder]
        at = span.end
    result = "".join([*pieces, text[at:]])
    return Anonymised(result, placed, _is_doubtful(result))


_PLACEHOLDER = re.compile(r"\[[A-Z]{2,14}-\d{1,4}\]")
_LONG_NUMBER = re.compile(r"(?<![€\d.,])\d(?:[ .-]?\d){6,}")
_LEFT_OVER = re.compile(
    r"\w@|\b(?:meneer|mevrouw|dhr|mevr|mw)\b\.? (?!\[)[A-Z]|\b(?:bsn|iban)\b:? \d", re.IGNORECASE
)


def _is_doubtful(result: str) -> bool:
    """The residual check, independent of the recognisers: what still looks like somebody's data."""
    rest = _PLACEHOLDER.sub(" ", result)
    if _LEFT_OVER.search(rest):
        return True
    return any(re.sub(r"\D", "", match) not in PUBLIC_NUMBERS for match in _LONG_NUMBER.findall(rest))
