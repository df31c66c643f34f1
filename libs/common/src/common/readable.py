"""Text that can be kept and passed on: PostgreSQL stores no NUL, and UTF-8 knows no lone surrogate."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

CODE = "unreadable-character"
DUTCH = "Hier staat een teken dat niet bewaard kan worden (NUL of een half teken). Haal het weg."
ENGLISH = "This holds a character that cannot be kept (NUL or half a character). Take it out."

_UNREADABLE = re.compile("[\0\ud800-\udfff]")
_NUL_IN_QUERY = b"%00"
_NESTING = (Mapping, list, tuple, set, frozenset)


def unreadable_place(value: Any) -> tuple[str, ...] | None:  # noqa: ANN401 -- any JSON
    """Where in a JSON value the first such character stands, as keys and indexes; None when there is none.

    An empty tuple means: in the value itself. A key that holds one is named with U+FFFD in its place.
    """
    if isinstance(value, str):
        return () if _UNREADABLE.search(value) else None
    keys: list[str] = []
    open_ones = [_items(value)]  # no recursion: JSON may be nested deeper than the stack
    while open_ones:
        for key, each in open_ones[-1]:
            if _UNREADABLE.search(str(key)):
                return (*keys, readable(str(key)))
            if isinstance(each, str):
                if _UNREADABLE.search(each):
                    return (*keys, str(key))
            elif isinstance(each, _NESTING):
                keys.append(str(key))
                open_ones.append(_items(each))
                break
        else:
            open_ones.pop()
            if keys:
                keys.pop()
    return None


def _items(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 -- any JSON
    if isinstance(value, Mapping):
        return iter(value.items())
    return enumerate(value) if isinstance(value, _NESTING) else iter(())


def unreadable_parameters(query: bytes) -> list[str]:
    """The names of query parameters that hold such a character."""
    if _NUL_IN_QUERY not in query:
        return []
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return [readable(name) for name, value in pairs if unreadable_place([name, value]) is not None]


def shown(text: str) -> str:
    """The text on one line of a terminal: an escape for each character that would not be seen as itself.

    So what others wrote adds no line or column, moves no cursor and turns no text around.
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def readable(text: str) -> str:
    """The text with U+FFFD for each character that cannot be kept."""
    return _UNREADABLE.sub("\ufffd", text)
