"""Recognisers for what has a form of its own: numbers with checksums, addresses, plates, accounts, links.

Each pattern is linear: it starts at a rare character, its quantifiers are bounded and do not nest over the
same characters. What stands around a number is looked at through a window of fixed width.
"""

from collections.abc import Callable, Iterator, Sequence

from intake.anonymiser.patience import Patience
from intake.anonymiser.reading import Reading
from intake.anonymiser.span import Span
from intake.anonymiser.structured.addresses import find_addresses
from intake.anonymiser.structured.dates import find_birth_dates
from intake.anonymiser.structured.links import (
    find_emails,
    find_handles,
    find_ip_addresses,
    find_links,
    find_marked_handles,
)
from intake.anonymiser.structured.numbers import (
    find_accounts,
    find_business_numbers,
    find_citizen_numbers,
    find_documents,
)
from intake.anonymiser.structured.phones import find_odd_phones, find_spoken_phones, find_whole_phones
from intake.anonymiser.structured.plates import find_plates
from intake.anonymiser.structured.postcodes import find_postcodes

__all__ = ["find_structured"]

Found = tuple[int, int, str]
#: Each value is looked for in the whole text, so that there must not be too many.
_RECURRING_LIMIT = 60
_SHORTEST_RECURRING = 5

#: The surest first: what one has taken, the next leaves alone.
_RECOGNISERS: tuple[Callable[[Reading], Iterator[Found]], ...] = (
    find_emails,
    find_links,
    find_marked_handles,
    find_accounts,
    find_ip_addresses,
    find_whole_phones,
    find_birth_dates,
    find_citizen_numbers,
    find_business_numbers,
    find_documents,
    find_spoken_phones,
    find_odd_phones,
    find_handles,
    find_postcodes,
    find_addresses,
    find_plates,
)


def find_structured(reading: Reading, patience: Patience) -> list[Span]:
    """Every structured span, in order of place; marks them as taken."""
    found: list[Span] = []
    for find in _RECOGNISERS:
        patience.check()
        for start, end, kind in find(reading):
            patience.check()
            if reading.is_free(start, end):
                reading.take(start, end)
                found.append(Span(start, end, kind, value_key(kind, reading.lower[start:end])))
    found += list(_recurring(reading, found, patience))
    return sorted(found, key=lambda span: span.start)


def _recurring(reading: Reading, found: Sequence[Span], patience: Patience) -> Iterator[Span]:
    """The same numbers where they stand again, also without the word that gave them away."""
    values = {reading.text[span.start : span.end]: span for span in found[:_RECURRING_LIMIT]}
    for value, span in values.items():
        patience.check()
        if len(value) < _SHORTEST_RECURRING or not any(map(str.isdigit, value)):
            continue
        start = reading.text.find(value)
        while start != -1:
            end = start + len(value)
            is_whole = not (
                reading.text[start - 1 : start].isalnum() or reading.text[end : end + 1].isalnum()
            )
            if is_whole and reading.is_free(start, end):
                reading.take(start, end)
                yield span._replace(start=start, end=end)
            start = reading.text.find(value, end)


def value_key(kind: str, value: str) -> str:
    """What two writings of one value have in common."""
    plain = "".join(char for char in value if char.isalnum())
    if kind == "TELEFOON":
        for prefix in ("00310", "0031", "310", "31"):
            if plain.startswith(prefix):
                return "0" + plain[len(prefix) :]
        return plain.removeprefix("00")
    return plain
