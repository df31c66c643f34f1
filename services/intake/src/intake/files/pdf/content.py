"""Content streams (ISO 32000-2, 7.8.2), read word by word and written anew from a list of operators.

Comments, marked content and compatibility sections do not come along; a picture within the stream becomes an
image of its own. What lies on a layer that is not on the screen is not drawn. Whatever else is left out might
have covered something: an operator that is unknown, or has other operands than it takes, makes the document
refused.
"""

from collections.abc import Sequence

from pikepdf import Array, Object, Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.ink import Ink
from intake.files.pdf.inline import image_of
from intake.files.pdf.making import Making
from intake.files.pdf.operators import (
    ALONE,
    COLOURS,
    COUNTS,
    INTENTS,
    MARKS,
    NAMED,
    NOTED,
    SHOWING,
    WITHOUT_PAINT,
)
from intake.files.pdf.pen import Names, Pen
from intake.files.pdf.words import Sort, Words

_MOST_OPERANDS = 64
_MOST_IN_LIST = 100_000
_MOST_COLOURANTS = 32

_Operand = tuple[Sort, bytes]


def rewritten(making: Making, source: Object, names: Names, ink: Ink) -> bytes:
    """The same drawing from the operators that we know; `source` is a stream or a list of them.

    `NotTaken` when it cannot be read for certain, or is too much work.
    """
    parts = list(source) if isinstance(source, Array) else [source]
    content = b"\n".join(making.contents(each) for each in parts if isinstance(each, Stream))
    pen = Pen(names, making.work, ink)
    _Reader(making, Words(content, making.work), pen).read()
    return b"\n".join(line for line in pen.lines if line)


class _Reader:
    def __init__(self, making: Making, words: Words, pen: Pen) -> None:
        self._making = making
        self._words = words
        self._pen = pen
        self._operands: list[_Operand] = []
        self._list: list[_Operand] | None = None
        self._in_dictionary = 0
        self._is_lenient = 0  # within how many compatibility sections

    def read(self) -> None:
        """Read all, and tell the pen."""
        while True:
            self._copy_plain()
            word = self._words.next()
            if word is None:
                return
            self._take(*word)

    def _copy_plain(self) -> None:
        """Copy what takes numbers only, and text, while nothing else comes; most of a page is that."""
        if self._operands or self._list is not None or self._in_dictionary:
            return
        words, pen, counts, lines = self._words, self._pen, COUNTS, self._pen.lines
        while True:
            if (found := words.plain()) is not None:
                numbers, operator = found
                if counts.get(operator) != len(numbers):
                    return
                if operator in NOTED:
                    pen.note(operator, numbers)
                else:
                    lines.append(b" ".join((*numbers, operator)))
            elif (shown := words.shown()) is None or not pen.copy_text(shown):
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
            self._pen.draw_picture(image_of(self._making, *self._words.picture()))
        elif word in COUNTS:
            taken = [] if word in ALONE else _taken(operands, *[Sort.NUMBER] * COUNTS[word])
            if word in NOTED:
                self._pen.note(word, taken)
            else:
                self._pen.write(word, *taken)
        elif word in NAMED:
            self._named(word, *_taken(operands, Sort.NAME))
        elif word in COLOURS:
            self._colour(word, operands)
        elif word in MARKS:
            self._mark(word, operands)
        else:
            self._other(word, operands)

    def _named(self, word: bytes, name: bytes) -> None:
        if word == b"gs":
            self._pen.set_state(name)
        elif word in {b"cs", b"CS"}:
            self._pen.set_space(word, name)
        else:
            self._pen.draw(word, "/XObject" if word == b"Do" else "/Shading", name)

    def _other(self, word: bytes, operands: list[_Operand]) -> None:
        if word in SHOWING:
            self._pen.show(word, *_taken(operands, *SHOWING[word]))
        elif word == b"TJ":
            kind = Sort.NUMBERS if _sorts(operands) == [Sort.NUMBERS] else Sort.SHOWN
            self._pen.show(word, *_taken(operands, kind))
        elif word == b"d":
            self._pen.write(word, *_taken(operands, Sort.NUMBERS, Sort.NUMBER))
        elif word == b"ri":
            (intent,) = _taken(operands, Sort.NAME)
            if intent in INTENTS:
                self._pen.write(word, intent)
        elif word == b"Tf":
            self._pen.set_font(*_taken(operands, Sort.NAME, Sort.NUMBER))
        elif word in {b"BX", b"EX"}:
            self._is_lenient = max(self._is_lenient + (1 if word == b"BX" else -1), 0)
        elif word not in WITHOUT_PAINT and not self._is_lenient:
            raise NotTaken("content-in-pdf")

    def _colour(self, word: bytes, operands: list[_Operand]) -> None:
        pattern = operands[-1][1] if _sorts(operands)[-1:] == [Sort.NAME] else None
        colours = operands if pattern is None else operands[:-1]
        numbers = _taken(colours, *[Sort.NUMBER] * len(colours))
        if not operands or len(numbers) > _MOST_COLOURANTS:
            raise NotTaken("content-in-pdf")
        self._pen.set_colour(word, numbers, pattern)

    def _mark(self, word: bytes, operands: list[_Operand]) -> None:
        if word == b"EMC":
            self._pen.end_marks()
        elif word == b"BDC" and operands[:1] == [(Sort.NAME, b"/OC")]:
            self._pen.begin_marks(_taken(operands, Sort.NAME, Sort.NAME)[1])
        else:
            self._pen.begin_marks(None)


def _sorts(operands: Sequence[_Operand]) -> list[Sort]:
    return [sort for sort, _ in operands]


def _taken(operands: Sequence[_Operand], *sorts: Sort) -> list[bytes]:
    """The operands, where they are what the operator takes: readers do not agree what others mean."""
    if _sorts(operands) != list(sorts):
        raise NotTaken("content-in-pdf")
    return [each for _, each in operands]
