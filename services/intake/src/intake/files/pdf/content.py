"""Content streams (ISO 32000-2, 7.8.2), read word by word and written anew from a list of operators.

Comments, marked content and compatibility sections do not come along; a picture within the stream becomes an
image of its own. What lies on a layer that is not on the screen is not drawn. Whatever else is left out might
have covered something: an operator that is unknown, or has other operands than it takes, makes the document
refused.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pikepdf import Array, Object, Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.inline import image_of
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
_SHOWING: Mapping[bytes, Sequence[Sort]] = {
    b"Tj": (Sort.STRING,),
    b"'": (Sort.STRING,),
    b'"': (Sort.NUMBER, Sort.NUMBER, Sort.STRING),
}
_WITHOUT_PAINT = frozenset((b"MP", b"DP"))
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
_MOST_COLOURANTS = 32
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
        self._list: list[_Operand] | None = None
        self._in_dictionary = 0
        self._is_lenient = 0  # within how many compatibility sections
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
            self._dictionary(word)
        elif self._in_dictionary:
            return
        elif sort is Sort.BRACKET:
            self._bracket(word)
        elif self._list is not None:
            self._list.append((sort, word))
        else:
            self._operands.append((sort, word))
        if len(self._operands) > _MOST_OPERANDS or len(self._list or ()) > _MOST_IN_LIST:
            raise NotTaken("too-heavy")

    def _dictionary(self, word: bytes) -> None:
        if word == b">>" and self._in_dictionary == 1:
            self._operands.append((Sort.DICTIONARY, b""))
        self._in_dictionary = max(self._in_dictionary + (1 if word == b"<<" else -1), 0)

    def _bracket(self, word: bytes) -> None:
        if word == b"[":
            if self._list is not None:
                raise NotTaken("content-in-pdf")
            self._list = []
        elif self._list is not None:
            sorts = set(_sorts(self._list))
            is_shown = sorts <= {Sort.NUMBER, Sort.STRING}
            kind = Sort.NUMBERS if sorts <= {Sort.NUMBER} else Sort.SHOWN if is_shown else Sort.BRACKET
            self._operands.append((kind, b"[" + b" ".join(each for _, each in self._list) + b"]"))
            self._list = None

    def _operator(self, word: bytes) -> None:
        if self._list is not None or self._in_dictionary:
            raise NotTaken("content-in-pdf")
        operands, self._operands = self._operands, []
        if word == b"BI":
            self._picture(*self._words.picture())
        elif word in _OF_NUMBERS:
            self._write(word, *_taken(operands, *[Sort.NUMBER] * _OF_NUMBERS[word]))
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
        if word in _SHOWING:
            self._show(word, *_taken(operands, *_SHOWING[word]))
        elif word == b"TJ":
            kind = Sort.NUMBERS if _sorts(operands) == [Sort.NUMBERS] else Sort.SHOWN
            self._show(word, *_taken(operands, kind))
        elif word == b"d":
            self._write(word, *_taken(operands, Sort.NUMBERS, Sort.NUMBER))
        elif word == b"ri":
            (intent,) = _taken(operands, Sort.NAME)
            if _text(intent) in _INTENTS:
                self._write(word, intent)
        elif word == b"Tf":
            name, size = _taken(operands, Sort.NAME, Sort.NUMBER)
            self._resource(word, "/Font", name, size)
        elif word in {b"BX", b"EX"}:
            self._is_lenient = max(self._is_lenient + (1 if word == b"BX" else -1), 0)
        elif word not in _WITHOUT_PAINT and not self._is_lenient:
            raise NotTaken("content-in-pdf")

    def _resource(self, word: bytes, category: str, name: bytes, *behind: bytes) -> None:
        if (ours := self._names.name(category, _text(name))) is not None:
            self._write(word, ours, *behind)

    def _show(self, word: bytes, *words: bytes) -> None:
        if self._is_shown:
            self._write(word, *words)

    def _named(self, word: bytes, operands: list[_Operand]) -> None:
        (given,) = _taken(operands, Sort.NAME)
        if word in {b"CS", b"cs"} and _text(given) in _OF_DEVICE:
            self._write(word, given)
        elif self._is_shown or word not in {b"Do", b"sh"}:
            self._resource(word, _NAMED[word], given)

    def _colour(self, word: bytes, operands: list[_Operand]) -> None:
        has_pattern = _sorts(operands)[-1:] == [Sort.NAME]
        numbers = operands[:-1] if has_pattern else operands
        found = _taken(numbers, *[Sort.NUMBER] * len(numbers))
        if not operands or len(found) > _MOST_COLOURANTS:
            raise NotTaken("content-in-pdf")
        if has_pattern:
            pattern = self._names.name("/Pattern", _text(operands[-1][1]))
            found += [] if pattern is None else [pattern]
        self._write(word, *found)

    def _mark(self, word: bytes, operands: list[_Operand]) -> None:
        if word == b"EMC":
            if self._layers:
                self._hidden -= self._layers.pop()
            return
        is_layer = word == b"BDC" and operands[:1] == [(Sort.NAME, b"/OC")]
        if is_layer:
            _, layer = _taken(operands, Sort.NAME, Sort.NAME)
        self._layers.append(is_layer and not self._names.is_shown(_text(layer)))
        self._hidden += self._layers[-1]

    @property
    def _is_shown(self) -> bool:
        return not self._hidden

    def _picture(self, told: bytes, data: bytes) -> None:
        image = image_of(self._making, told, data)
        if self._is_shown and (ours := self._names.picture(image)) is not None:
            self._write(b"Do", ours)

    def _write(self, operator: bytes, *operands: bytes) -> None:
        self._lines.append(b" ".join((*operands, operator)))


def _sorts(operands: Sequence[_Operand]) -> list[Sort]:
    return [sort for sort, _ in operands]


def _taken(operands: Sequence[_Operand], *sorts: Sort) -> list[bytes]:
    """The operands, where they are what the operator takes: readers do not agree what others mean."""
    if _sorts(operands) != list(sorts):
        raise NotTaken("content-in-pdf")
    return [each for _, each in operands]


def _text(name: bytes) -> str:
    """A name as the library spells it; one that is no text is found nowhere."""
    return name.decode("utf-8", "replace")
