"""Finds personal data in Dutch text and puts typed, numbered placeholders in its place.

The result is pseudonymised, not anonymous; docs/anonymiser.md says what remains.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from intake.anonymiser import doubting, lexicon, tagging
from intake.anonymiser.linking import link
from intake.anonymiser.marked import OTHER, with_marked
from intake.anonymiser.names import find_names
from intake.anonymiser.patience import OutOfTime, Patience
from intake.anonymiser.reading import Reading
from intake.anonymiser.residual import is_doubtful
from intake.anonymiser.span import Span
from intake.anonymiser.structured import find_structured

__all__ = ["MAX_CHARACTERS", "Anonymised", "Patience", "Placed", "anonymise", "anonymise_fields", "load"]

MAX_CHARACTERS = 12_000
#: What all fields of a report may hold together to be read at all.
MAX_TOGETHER = 40_000
_BETWEEN_FIELDS = "\n\n"


class Placed(NamedTuple):
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


def load() -> None:
    """Read lists and weights now (about half a second) instead of with the first report."""
    lexicon.load()
    tagging.weights()
    tagging.weights(doubting.WEIGHTS_FILE)


def anonymise(text: str) -> Anonymised:
    """One text anonymised; linear in its length. Raises ValueError above 12,000 characters."""
    return anonymise_fields({"": text})[""]


def anonymise_fields(
    fields: Mapping[str, str], hide: Sequence[str] = (), patience: Patience | None = None
) -> dict[str, Anonymised]:
    """Several fields of one report, read together: a name found in one is found in all, and numbered once.

    What stands in `hide` is hidden as well, wherever it occurs (`marked.with_marked`). A report that takes
    too long, or has more than 40,000 characters in all, is hidden whole and doubtful.
    Raises ValueError when a field has more than 12,000 characters.
    """
    if any(len(text) > MAX_CHARACTERS for text in fields.values()):
        raise ValueError(f"at most {MAX_CHARACTERS} characters are anonymised at once")
    load()  # the first report does not pay for it with its patience
    try:
        return _read(fields, hide, patience or Patience())
    except OutOfTime:
        return {name: _hidden(text) for name, text in fields.items()}


def _read(fields: Mapping[str, str], hide: Sequence[str], patience: Patience) -> dict[str, Anonymised]:
    whole = _BETWEEN_FIELDS.join(fields.values())
    spans, doubted = _recognise(whole, hide, patience)
    placed = _place(spans, whole, patience)
    result, start = {}, 0
    for name, text in fields.items():
        patience.check()
        end = start + len(text)
        inside = [
            Placed(max(span.start, start) - start, min(span.end, end) - start, span.type, span.placeholder)
            for span in placed
            if span.start < end and span.end > start
        ]
        places = [place - start for place in doubted if start <= place < end]
        result[name] = _replaced(text, inside, places)
        start = end + len(_BETWEEN_FIELDS)
    return result


def _recognise(text: str, hide: Sequence[str], patience: Patience) -> tuple[list[Span], list[int]]:
    if len(text) > MAX_TOGETHER:
        raise OutOfTime
    reading = Reading(text)
    structured = find_structured(reading, patience)
    mentions, doubted = find_names(reading, structured, patience)
    people = link(mentions, patience)
    names = [mention.span._replace(key=person) for mention, person in zip(mentions, people, strict=True)]
    spans = sorted([*structured, *names], key=lambda span: span.start)
    return with_marked(text, spans, hide, patience) if hide else spans, doubted


def _hidden(text: str) -> Anonymised:
    """A text that nobody has read to the end, behind one placeholder."""
    placeholder = f"[{OTHER}-1]"
    if not text:
        return Anonymised("", (), is_doubtful=False)
    return Anonymised(placeholder, (Placed(0, len(text), OTHER, placeholder),), is_doubtful=True)


def _place(spans: list[Span], text: str, patience: Patience) -> list[Placed]:
    """Number the values of each type; a number that the text itself writes as a placeholder is not given."""
    given: dict[tuple[str, str], str] = {}
    counts: dict[str, int] = {}
    placed = []
    for span in spans:
        placeholder = given.get((span.type, span.key))
        while placeholder is None:
            patience.check()
            counts[span.type] = counts.get(span.type, 0) + 1
            candidate = f"[{span.type}-{counts[span.type]}]"
            if candidate not in text:
                placeholder = given[span.type, span.key] = candidate
        placed.append(Placed(span.start, span.end, span.type, placeholder))
    return placed


def _replaced(text: str, placed: list[Placed], doubted: list[int]) -> Anonymised:
    """The text with its placeholders; a doubted word counts where no placeholder stands over it."""
    pieces, starts, at = [], [], 0
    for span in placed:
        pieces += [text[at : span.start], span.placeholder]
        starts.append(span.start)
        at = span.end
    result = "".join([*pieces, text[at:]])

    def is_covered(place: int) -> bool:
        before = bisect_right(starts, place) - 1
        return before >= 0 and place < placed[before].end

    is_left = not all(map(is_covered, doubted))
    return Anonymised(result, tuple(placed), is_left or is_doubtful(result))
