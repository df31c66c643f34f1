"""A text as the recognisers read it: its lower case at the same offsets, its words, and what is taken."""

import re
from functools import cached_property
from itertools import accumulate

#: Splits into what stands between words and, at every second place, the unbroken runs of letters and digits.
_WORDS = re.compile(r"([^\W_]+)")
_LONG_NUMBER = re.compile(r"\d(?:[ ()./\-–]{0,3}\d){6}")


class Reading:
    """One text, read once for all recognisers; `lower` has the length of `text`.

    `words` are its unbroken runs of letters and digits in lower case; `numbered` says which have a digit.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.lower = _lower(text)
        pieces = _WORDS.split(self.lower)
        self.words, self.gaps = pieces[1::2], pieces[0::2]
        self._ends = list(accumulate(map(len, pieces)))
        self.numbered = [
            at for at, word in enumerate(self.words) if not word.isalpha() and any(map(str.isdigit, word))
        ]
        self.has_long_number = bool(self.numbered) and _LONG_NUMBER.search(text) is not None
        self.is_upper = text.isupper()
        #: Capitals say nothing: all letters are of one case.
        self.letters_only = self.is_upper or text == self.lower
        self._spoken: dict[re.Pattern[str], bool] = {}
        self._taken = bytearray(len(text))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The different words."""
        return frozenset(self.words)

    def speaks_of(self, cue: re.Pattern[str]) -> bool:
        """Whether the lower-case text has the cue anywhere."""
        if cue not in self._spoken:
            self._spoken[cue] = cue.search(self.lower) is not None
        return self._spoken[cue]

    def starts_of(self, chosen: frozenset[str]) -> list[int]:
        """Where one of the chosen words starts that stands by itself, without an underscore beside it."""
        if chosen.isdisjoint(self.vocabulary):
            return []
        return [
            self._ends[2 * at]
            for at, word in enumerate(self.words)
            if word in chosen and self.gaps[at][-1:] != "_" and self.gaps[at + 1][:1] != "_"
        ]

    def word_span(self, at: int) -> tuple[int, int]:
        """Where word `at` starts and ends."""
        return self._ends[2 * at], self._ends[2 * at + 1]

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
    # "İ" becomes two characters, which would shift every offset behind it: its accent is left off.
    return "".join(char.lower()[0] for char in text)
