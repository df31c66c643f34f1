"""Content streams (ISO 32000-2, 7.8.2), read word by word and written anew from a list of operators.

Comments, marked content, compatibility sections and unknown operators do not come along; a picture within the
stream becomes an image of its own. What lies on a layer that is not on the screen is not drawn.
"""

from collections.abc import Mapping
from typing import Protocol

from pikepdf import Array, Dictionary, Object, Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.making import Making
from intake.files.pdf.words import Sort, Words

_MOST_OPERANDS = 64
_MOST_IN_LIST = 100_000

#: Operators that take numbers only, and how many; of more, the last count.
_OF_NUMBERS: Mapping[bytes, int] = {
    **dict.fromkeys(b"w J j M i G g Tc Tw Tz TL Tr Ts".split(), 1),
    **dict.fromkeys(b"m l Td TD d0".split(), 2),
    **dict.fromkeys(b"RG rg".split(), 3),
    **dict.fromkeys(b"v y re K k".split(), 4),
    **dict.fromkeys(b"cm c Tm d1".split(), 6),
}
_ALONE = frozenset(b"q Q h n W W* BT ET T* S s f F f* B B* b b*".split())
#: How many numbers each of these takes.
_COUNTS: Mapping[bytes, int] = {**_OF_NUMBERS, **dict.fromkeys(_ALONE, 0)}
#: Painting that ends a path, and what ends it without paint.
_PAINTING = frozenset(b"S s f F f* B B* b b*".split())
_OF_TEXT = frozenset((b"Tj", b"'"))
_NAMED: Mapping[bytes, str] = {
    b"gs": "/ExtGState",
    b"Do": "/XObject",
    b"sh": "/Shading",
    b"CS": "/ColorSpace",
    b"cs": "/ColorSpace",
}
_INTENTS = frozenset({"/AbsoluteColorimetric", "/RelativeColorimetric", "/Saturation", "/Perceptual"})
_OF_DEVICE = frozenset({"/DeviceGray", "/DeviceRGB", "/DeviceCMYK", "/Pattern"})
_COLOURS = frozenset(b"sc SC scn SCN".split())
_IN_STREAM = {
    "/W": "/Width",
    "/H": "/Height",
    "/BPC": "/BitsPerComponent",
    "/CS": "/ColorSpace",
    "/D": "/Decode",
    "/DP": "/DecodeParms",
    "/F": "/Filter",
    "/IM": "/ImageMask",
    "/I": "/Interpolate",
}

_LIST = Sort.BRACKET  # how a list that was closed stands among operands

_Operand = tuple[Sort, bytes]


class Names(Protocol):
    """The resources that a stream may name."""

    def name(self, category: str, given: str) -> bytes | None:
        """Our name for it, with its slash; None when there is no such thing, or it is not shown."""

    def picture(self, image: Stream) -> bytes | None:
        """Our name for a picture that stood within the stream."""

    def is_shown(self, properties: str) -> bool:
        """Whether marked content with these properties is on a layer that is on the screen."""


def rewritten(making: Making, source: Object, names: Names) -> bytes:
    """The same drawing from the operators that we know; `source` is a stream or a list of them."""
    parts = list(source) if isinstance(source, Array) else [source]
    content = b"\n".join(making.contents(each) for each in parts if isinstance(each, Stream))
    return _Writer(making, Words(content, making.work), names).written()


class _Writer:
    def __init__(self, making: Making, words: Words, names: Names) -> None:
        self._making = making
        self._words = words
        self._names = names
        self._lines: list[bytes] = []
        self._operands: list[_Operand] = []
        self._list: list[bytes] | None = None
        self._in_dictionary = 0
        self._layers: list[bool] = []  # whether each open section of marked content is hidden
        self._hidden = 0

    def written(self) -> bytes:
        """Read all and write it again."""
        while True:
            self._copy_plain()
            word = self._words.next()
            if word is None:
                return b"\n".join(self._lines)
            self._take(*word)

    def _copy_plain(self) -> None:
        """Copy what takes numbers only, and text, while nothing else comes; most of a page is that."""
        if self._operands or self._list is not None or self._in_dictionary or self._hidden:
            return
        words, lines, counts = self._words, self._lines, _COUNTS
        while True:
            if (found := words.plain()) is not None:
                numbers, operator = found
                if counts.get(operator) != len(numbers):
                    return
                lines.append(b" ".join((*numbers, operator)))
            elif (shown := words.shown()) is not None:
                lines.append(shown)
            else:
                return
            words.go_on()

    def _take(self, sort: Sort, word: bytes) -> None:
        if sort is Sort.OPERATOR:
            self._operator(word)
        elif sort is Sort.DICTIONARY:
            self._in_dictionary = max(self._in_dictionary + (1 if word == b"<<" else -1), 0)
        elif self._in_dictionary:
            return
        elif sort is Sort.BRACKET:
            self._bracket(word)
        elif self._list is not None:
            self._list.append(word if sort is not Sort.NAME else b"")
        else:
            self._operands.append((sort, word))
        if len(self._operands) > _MOST_OPERANDS or len(self._list or ()) > _MOST_IN_LIST:
            raise NotTaken("too-heavy")

    def _bracket(self, word: bytes) -> None:
        if word == b"[":
            self._list = []
        elif self._list is not None:
            self._operands.append((_LIST, b"[" + b" ".join(self._list) + b"]"))
            self._list = None

    def _operator(self, word: bytes) -> None:
        operands, self._operands, self._list, self._in_dictionary = self._operands, [], None, 0
        if word == b"BI":
            self._picture(*self._words.picture())
        elif word in _OF_NUMBERS:
            found = [each for sort, each in operands if sort is Sort.NUMBER][-_OF_NUMBERS[word] :]
            if len(found) == _OF_NUMBERS[word]:
                self._write(word, *found)
        elif word in _ALONE:
            self._write(word if self._is_shown or word not in _PAINTING else b"n")
        elif word in _NAMED:
            self._named(word, operands)
        elif word in _COLOURS:
            self._colour(word, operands)
        elif word in {b"BDC", b"BMC", b"EMC"}:
            self._mark(word, operands)
        else:
            self._other(word, operands)

    def _other(self, word: bytes, operands: list[_Operand]) -> None:
        sorts = [sort for sort, _ in operands]
        words = [each for _, each in operands]
        if (word in _OF_TEXT and sorts[-1:] == [Sort.STRING]) or (word == b"TJ" and sorts[-1:] == [_LIST]):
            self._show(word, words[-1])
        elif word == b'"' and sorts[-3:] == [Sort.NUMBER, Sort.NUMBER, Sort.STRING]:
            self._show(word, *words[-3:])
        elif (
            word == b"d"
            and sorts[-2:] == [_LIST, Sort.NUMBER]
            and b"(" not in words[-2]
            and b"<" not in words[-2]
        ):
            self._write(word, *words[-2:])
        elif word == b"ri" and sorts[-1:] == [Sort.NAME] and _text(words[-1]) in _INTENTS:
            self._write(word, words[-1])
        elif word == b"Tf" and sorts[-2:] == [Sort.NAME, Sort.NUMBER]:
            self._font(*words[-2:])

    def _font(self, name: bytes, size: bytes) -> None:
        font = self._names.name("/Font", _text(name))
        if font is not None:
            self._write(b"Tf", font, size)

    def _show(self, word: bytes, *words: bytes) -> None:
        if self._is_shown:
            self._write(word, *words)

    def _named(self, word: bytes, operands: list[_Operand]) -> None:
        if not operands or operands[-1][0] is not Sort.NAME:
            return
        given = _text(operands[-1][1])
        if word in {b"CS", b"cs"} and given in _OF_DEVICE:
            self._write(word, given.encode())
            return
        if word in {b"Do", b"sh"} and not self._is_shown:
            return
        if (ours := self._names.name(_NAMED[word], given)) is not None:
            self._write(word, ours)

    def _colour(self, word: bytes, operands: list[_Operand]) -> None:
        found = [each for sort, each in operands if sort is Sort.NUMBER]
        if operands and operands[-1][0] is Sort.NAME:
            pattern = self._names.name("/Pattern", _text(operands[-1][1]))
            if pattern is None:
                return
            found.append(pattern)
        if found:
            self._write(word, *found)

    def _mark(self, word: bytes, operands: list[_Operand]) -> None:
        if word == b"EMC":
            if self._layers:
                self._hidden -= self._layers.pop()
            return
        names = [_text(each) for sort, each in operands if sort is Sort.NAME]
        is_layer = word == b"BDC" and len(names) > 1 and names[-2] == "/OC"
        self._layers.append(is_layer and not self._names.is_shown(names[-1]))
        self._hidden += self._layers[-1]

    @property
    def _is_shown(self) -> bool:
        return not self._hidden

    def _picture(self, told: bytes, data: bytes) -> None:
        entries = Object.parse(b"<<" + told + b">>")
        if not isinstance(entries, Dictionary):
            raise NotTaken("picture-in-pdf")
        image = Stream(self._making.given, data)
        for key, value in entries.items():
            image[_IN_STREAM.get(key, key)] = value
        if self._is_shown and (ours := self._names.picture(image)) is not None:
            self._write(b"Do", ours)

    def _write(self, operator: bytes, *operands: bytes) -> None:
        self._lines.append(b" ".join((*operands, operator)))


def _text(name: bytes) -> str:
    """A name as the library spells it; one that is no text is found nowhere."""
    return name.decode("utf-8", "replace")
