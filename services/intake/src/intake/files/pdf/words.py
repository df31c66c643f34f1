"""The words of a content stream (ISO 32000-2, 7.2 and 7.8.2), read as readers of PDF read them.

What no reader takes for a word is skipped. A number that readers do not agree on is refused: what it places
may cover something. Each pattern gives nothing back that it took (`++`), so that reading costs what is read.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto

from intake.files.kinds import NotTaken
from intake.files.pdf.work import WORD, Work

_SPACE = rb"\x00\t\n\x0c\r "
_DELIMITERS = rb"()<>\[\]{}/%"
_PLAIN_NUMBER = (
    rb"[+-]?+(?:\d{1,9}+(?:\.\d{0,12}+)?+|\.\d{1,12}+)"  # as it stands; others go through `number`
)
#: Sign, whole part, point, zeros behind it, the rest; readers stop at a sign within.
_NUMBER = re.compile(rb"([+-]?+)0*+(\d*+)(\.?+)(0*+)(\d*+)(?:(?<=[\d.])-[\d-]*+)?+")
_BEGINS_A_NUMBER = frozenset(b"0123456789.+-")
_MOST_DIGITS = 17  # as many as a reader keeps
_MOST_ZEROS = 45  # behind the point; with more it is nothing to any reader
_LARGEST_WHOLE = 2**31  # beyond, some readers have zero
_MOST_WHOLE_DIGITS = 12
_WORD = re.compile(
    rb"(?:[" + _SPACE + rb"]++|%[^\r\n]*+)*+"
    rb"(?:([^" + _SPACE + _DELIMITERS + rb"]++)|(/[^" + _SPACE + _DELIMITERS + rb"]*+)"
    rb"|(<<|>>)|(<[^>]*+>?+)|(\()|([\[\]])|([{}>)]))"
)
_IN_STRING = re.compile(rb"(?:[^()\\]++|\\.)*+([()])", re.DOTALL)
_HASHED = re.compile(rb"#([0-9A-Fa-f]{2})")
_NOT_HEX = re.compile(rb"[^0-9A-Fa-f]")
#: Most operators by far take numbers only; these are read at one blow, and are written as they stand.
_PLAIN = re.compile(
    rb"[" + _SPACE + rb"]*+((?:" + _PLAIN_NUMBER + rb"[" + _SPACE + rb"]++){0,6}+)"
    rb"([A-Za-z]{1,2}+\*?+)(?=[" + _SPACE + _DELIMITERS + rb"]|\Z)"
)
#: Text with the numbers that move it, likewise; a string with parentheses or escapes is read word by word.
_SHOWN = re.compile(
    rb"[" + _SPACE + rb"]*+(?:\[((?:[" + _SPACE + rb"]++|\([^()\\]*+\)|<[0-9A-Fa-f]*+>"
    rb"|" + _PLAIN_NUMBER + rb"(?![\d.+-]))*+)\][" + _SPACE + rb"]*+(TJ)"
    rb"|(\([^()\\]*+\)|<[0-9A-Fa-f]*+>)[" + _SPACE + rb"]*+(Tj|'))(?=[" + _SPACE + _DELIMITERS + rb"]|\Z)"
)
_OF_SHOWN = re.compile(rb"\([^()]*+\)|<[^>]*+>|[\d.+-]++")
_END_OF_PICTURE = re.compile(rb"[" + _SPACE + rb"]?EI(?=[" + _SPACE + rb"/]|\Z)")
_LOOKED_BEHIND = 16  # bytes after the end of a picture that must be text
_CONSTANTS = frozenset((b"true", b"false", b"null"))


def number(word: bytes) -> bytes:
    """The same number, no longer than readers keep; zero without any digit.

    `NotTaken` when readers do not agree what it is.
    """
    found = _NUMBER.fullmatch(word)
    if found is None:
        raise NotTaken("content-in-pdf")
    sign, above, point, zeros, rest = found.groups()
    if len(above) > _MOST_WHOLE_DIGITS or (not point and int(above or b"0") > _LARGEST_WHOLE):
        raise NotTaken("content-in-pdf")
    if len(zeros) > _MOST_ZEROS or not (above or rest):
        return sign + above + point if above else b"0"
    rest = rest[: _MOST_DIGITS - len(above)]
    return sign + (above or b"0") + point + (zeros + rest if rest else b"")


class Sort(Enum):
    """What a word is."""

    OPERATOR = auto()
    NUMBER = auto()
    NAME = auto()
    STRING = auto()
    BRACKET = auto()
    DICTIONARY = auto()
    CONSTANT = auto()
    NUMBERS = auto()  # a list of them
    SHOWN = auto()  # a list of strings, and numbers between them


class Words:
    """Reads a stream from its beginning; every read goes on where the last one ended, and is counted."""

    def __init__(self, content: bytes, work: Work) -> None:
        self._content = content
        self._work = work
        self._at = self._ahead = 0

    def plain(self) -> tuple[list[bytes], bytes] | None:
        """The numbers and the operator that come next, where nothing else does."""
        found = _PLAIN.match(self._content, self._at)
        if found is None:
            return None
        self._ahead = found.end()
        return found[1].split(), found[2]

    def shown(self) -> bytes | None:
        """The operator that shows text and what it shows, as they are to be written, where they come next."""
        found = _SHOWN.match(self._content, self._at)
        if found is None:
            return None
        self._ahead = found.end()
        if found[4]:
            return b"%s %s" % (found[3], found[4])
        return b"[%s] TJ" % b" ".join(_OF_SHOWN.findall(found[1]))

    def go_on(self) -> None:
        """Behind what `plain` or `shown` told."""
        self._work.take(1)
        self._at = self._ahead

    def next(self) -> tuple[Sort, bytes] | None:
        """The next word, as it is to be written; None at the end."""
        while (found := _WORD.match(self._content, self._at)) is not None:
            self._work.take(WORD)
            self._at = found.end()
            kind, word = found.lastindex, found[found.lastindex or 0]
            if kind == 1:
                return self._bare(word)
            if kind == 2:
                self._work.take(word.count(b"#"))
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

    def _bare(self, word: bytes) -> tuple[Sort, bytes]:
        if word[0] in _BEGINS_A_NUMBER:
            self._work.take_bytes(len(word))
            return Sort.NUMBER, number(word)
        return (Sort.CONSTANT if word in _CONSTANTS else Sort.OPERATOR), word

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
            self._work.take(WORD)
            behind = self._content[found.end() : found.end() + _LOOKED_BEHIND]
            if all(each in b"\t\n\r\0\x0c" or 32 <= each < 127 for each in behind):
                yield found

    def _string(self, start: int) -> bytes:
        """From its parenthesis on; one that is not closed takes all that is left."""
        depth, at = 0, start
        while (found := _IN_STRING.match(self._content, at)) is not None:
            self._work.take(1)
            at = found.end()
            depth += 1 if found[1] == b"(" else -1
            if not depth:
                break
        self._at = at if not depth else len(self._content)
        return self._content[start:at] + b")" * depth
