"""A text as the recognisers read it: its lower case at the same offsets, its words, and what is taken."""

import re
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+")


class Word(NamedTuple):
    """An unbroken run of letters and digits."""

    text: str
    start: int
    end: int


class Reading:
    """One text, read once for all recognisers; `lower` has the length of `text`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lower = _lower(text)
        self.words = [Word(m.group(), m.start(), m.end()) for m in _WORD.finditer(text)]
        self.is_upper = text.isupper()
        #: Capitals say nothing: all letters are of one case.
        self.letters_only = self.is_upper or text == self.lower
        self._taken = bytearray(len(text))

    def take(self, start: int, end: int) -> None:
        """Mark ``text[start:end]`` as recognised."""
        self._taken[start:end] = b"\1" * (end - start)

    def is_free(self, start: int, end: int) -> bool:
        """Whether nothing in ``text[start:end]`` was taken."""
        return self._taken.find(1, start, end) == -1

    def before(self, at: int, characters: int) -> str:
        """The lower-case text in front of `at`, within its line or not."""
        return self.lower[max(0, at - characters) : at]

    def since(self, cue: re.Pattern[str], at: int, characters: int) -> str | None:
        """What stands between the last `cue` in that many characters and `at`; None without a cue."""
        window = self.before(at, characters)
        last = None
        for match in cue.finditer(window):
            last = match.end()
        return None if last is None else window[last:]

    def after(self, at: int, characters: int) -> str:
        """The lower-case text from `at` on."""
        return self.lower[at : at + characters]


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    # "İ" and a few others become two characters, which would shift every offset behind them.
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
