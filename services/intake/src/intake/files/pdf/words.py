"""The words of a content stream (ISO 32000-2, 7.2 and 7.8.2), read leniently: what is no word is skipped."""

import re
from collections.abc import Iterator
from enum import Enum, auto

from intake.files.kinds import NotTaken

_SPACE = rb"\x00\t\n\x0c\r "
_DELIMITERS = rb"()<>\[\]{}/%"
_NUMBER = re.compile(rb"[+-]{0,2}(?:\d{1,12}\.?\d{0,12}|\.\d{1,12})(?:-\d{0,12})?")
_WORD = re.compile(
    rb"(?:[" + _SPACE + rb"]|%[^\r\n]*)*"
    rb"(?:([^" + _SPACE + _DELIMITERS + rb"]+)|(/[^" + _SPACE + _DELIMITERS + rb"]*)"
    rb"|(<<|>>)|(<[^>]*>?)|(\()|([\[\]])|([{}>)]))"
)
_IN_STRING = re.compile(rb"\\.|[()]", re.DOTALL)
_HASHED = re.compile(rb"#([0-9A-Fa-f]{2})")
_NOT_HEX = re.compile(rb"[^0-9A-Fa-f]")
#: Most operators by far take numbers only; these are read at one blow, and are written as they stand.
_PLAIN = re.compile(
    rb"[" + _SPACE + rb"]*((?:[+-]?(?:\d{1,12}\.?\d{0,12}|\.\d{1,12})[" + _SPACE + rb"]+){0,6})"
    rb"([A-Za-z]{1,2}\*?)(?=[" + _SPACE + _DELIMITERS + rb"]|\Z)"
)
_END_OF_PICTURE = re.compile(rb"[" + _SPACE + rb"]?EI(?=[" + _SPACE + rb"/]|\Z)")
_LOOKED_BEHIND = 16  # bytes after the end of a picture that must be text


class Sort(Enum):
    """What a word is."""

    OPERATOR = auto()
    NUMBER = auto()
    NAME = auto()
    STRING = auto()
    BRACKET = auto()
    DICTIONARY = auto()


class Words:
    """Reads a stream from its beginning; every read goes on where the last one ended."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def plain(self) -> tuple[bytes, bytes] | None:
        """The numbers and the operator that come next, where nothing else does."""
        found = _PLAIN.match(self._content, self._at)
        return None if found is None else (found[1], found[2])

    def pass_plain(self) -> None:
        """Go on behind what `plain` told."""
        found = _PLAIN.match(self._content, self._at)
        self._at = self._at if found is None else found.end()

    def next(self) -> tuple[Sort, bytes] | None:
        """The next word, as it is to be written; None at the end."""
        while (found := _WORD.match(self._content, self._at)) is not None:
            self._at = found.end()
            kind, word = found.lastindex, found[found.lastindex or 0]
            if kind == 1:
                return (Sort.NUMBER if _NUMBER.fullmatch(word) else Sort.OPERATOR), word
            if kind == 2:
                return Sort.NAME, _HASHED.sub(lambda each: bytes([int(each[1], 16)]), word)
            if kind == 3:
                return Sort.DICTIONARY, word
            if kind == 4:
                return Sort.STRING, b"<%s>" % _NOT_HEX.sub(b"", word)
            if kind == 5:
                return Sort.STRING, self._string(found.end() - 1)
            if kind == 6:
                return Sort.BRACKET, word
        return None

    def picture(self) -> tuple[bytes, bytes]:
        """What a picture within the stream says of itself, and its data; called behind its BI."""
        start = self._at
        while (word := self.next()) is not None and word != (Sort.OPERATOR, b"ID"):
            continue
        told = self._content[start : max(self._at - 2, start)]
        begin = self._at + 1
        for end in self._ends(begin):
            self._at = end.end()
            return told, self._content[begin : end.start()]
        raise NotTaken("picture-in-pdf")

    def _ends(self, begin: int) -> Iterator[re.Match[bytes]]:
        """Where a picture may end: behind it comes text (as readers do)."""
        for found in _END_OF_PICTURE.finditer(self._content, begin):
            behind = self._content[found.end() : found.end() + _LOOKED_BEHIND]
            if all(each in b"\t\n\r\0\x0c" or 32 <= each < 127 for each in behind):
                yield found

    def _string(self, start: int) -> bytes:
        depth, at = 0, start
        for found in _IN_STRING.finditer(self._content, start):
            at = found.end()
            depth += {b"(": 1, b")": -1}.get(found[0], 0)
            if not depth:
                break
        self._at = at
        return self._content[start:at] + b")" * depth
