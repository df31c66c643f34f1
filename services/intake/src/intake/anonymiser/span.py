"""A stretch of text that holds personal data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Personal data of one type at ``text[start:end]``; `key` is equal for equal values."""

    start: int
    end: int
    type: str
    key: str
