"""A stretch of text that holds personal data."""

from typing import NamedTuple


class Span(NamedTuple):
    """Personal data of one type at ``text[start:end]``; `key` is equal for equal values."""

    start: int
    end: int
    type: str
    key: str
