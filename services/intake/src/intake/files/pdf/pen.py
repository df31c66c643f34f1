"""Writes the operators of a drawing, without what no screen shows: hidden layers, and paint that is clear."""

from dataclasses import replace
from typing import Protocol

from pikepdf import Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.ink import FILL, FILL_SPACE, FONT, STROKE, STROKE_SPACE, Ink, Waiting
from intake.files.pdf.operators import FILL_COLOURS, MOVING, PAINTING, STROKE_COLOURS
from intake.files.pdf.work import Work

_MODES = frozenset((b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"))
_OF_DEVICE = frozenset((b"/DeviceGray", b"/DeviceRGB", b"/DeviceCMYK", b"/Pattern"))


class Names(Protocol):
    """The resources that a stream may name."""

    def name(self, category: str, given: str, ink: Ink = ...) -> bytes | None:
        """Our name for it, with its slash; None when there is no such thing, or this ink does not show it."""

    def picture(self, image: Stream) -> bytes | None:
        """Our name for a picture that stood within the stream."""

    def is_shown(self, properties: str) -> bool | None:
        """Whether marked content with these properties is on a layer that is on the screen.

        None where readers differ.
        """

    def inked(self, state: str, ink: Ink) -> Ink:
        """The ink that a named graphics state makes of this one."""

    def draws_itself(self, font: str) -> bool:
        """Whether the glyphs of a font are drawings of their own (Type 3)."""

    def show(self, font: str, shown: bytes) -> None:
        """This string, or list of them, is seen in a font; it has no name where another drawing set it."""


class Pen:
    """Writes what it is told, in that order.

    `NotTaken` where text would move for what is left out, or where readers differ on whether paint is seen.
    """

    def __init__(self, names: Names, work: Work, ink: Ink) -> None:
        self.lines: list[bytes] = []
        self._names = names
        self._ink = ink
        self._outer: list[Ink] = []  # of each `q`
        self._waiting = Waiting(self.lines, work)
        self._layers: list[bool | None] = []  # whether each open section of marked content is shown
        self._hidden = self._doubtful = 0  # how many of them are not, or are where readers differ
        self._is_line_flat = False  # the text matrix squeezes text to a line or a point
        self._is_displaced = False  # the next text would stand where text was left out

    @property
    def is_shown(self) -> bool:
        """Whether no section of marked content hides what comes."""
        return not self._hidden

    def write(self, operator: bytes, *operands: bytes) -> None:
        """An operator that neither draws nor changes what is seen of others."""
        self.lines.append(b" ".join((*operands, operator)))

    def note(self, operator: bytes, numbers: list[bytes]) -> None:
        """One of `operators.NOTED`."""
        if operator in PAINTING:
            is_seen = self.is_shown and self._ink.shows(operator)
            if is_seen:
                self._use(is_text=False)
            operator = operator if is_seen else b"n"
        elif operator == b"q":
            self._outer.append(self._ink)
        elif operator == b"Q":
            self._ink = self._outer.pop() if self._outer else self._ink
            is_left_out = self._waiting.restore(self._depth)
            self._is_displaced = self._is_displaced or is_left_out
        elif operator in FILL_COLOURS:
            self._waiting.forget(self._depth, FILL, FILL_SPACE)
        elif operator in STROKE_COLOURS:
            self._waiting.forget(self._depth, STROKE, STROKE_SPACE)
        else:
            self._place(operator, numbers)
        self._is_displaced = self._is_displaced and operator not in MOVING
        self.write(operator, *numbers)

    def _place(self, operator: bytes, numbers: list[bytes]) -> None:
        """What decides whether there is room for paint."""
        if operator == b"Tr":
            if numbers[0] not in _MODES:
                raise NotTaken("content-in-pdf")
            self._ink = replace(self._ink, mode=int(numbers[0]))
        elif operator == b"Tz":
            self._ink = replace(self._ink, has_text_width=float(numbers[0]) != 0)
        elif operator == b"cm":
            if _is_flat(numbers):
                self._ink = replace(self._ink, is_flat=True)
        elif operator in {b"BT", b"Tm"}:
            self._is_line_flat = bool(numbers) and _is_flat(numbers)

    def copy_text(self, shown: bytes) -> bool:
        """Write text with its operator, where it is seen; else False, and `show` must be told."""
        if self._hidden or self._is_displaced or self._is_line_flat or not self._ink.shows_text:
            return False
        self._names.show(self._ink.font, shown.rpartition(b" ")[0])
        self._use()
        self.lines.append(shown)
        return True

    def show(self, operator: bytes, *words: bytes) -> None:
        """Text, with the numbers that `"` takes."""
        begins_line = operator in {b"'", b'"'}
        self._is_displaced = self._is_displaced and not begins_line
        has_room = self.is_shown and not self._is_line_flat
        is_seen, cuts = has_room and self._ink.shows_text, has_room and self._ink.cuts_text
        if (is_seen or cuts) and self._is_displaced:
            raise NotTaken("content-in-pdf")
        if self.is_shown and not is_seen and self._names.draws_itself(self._ink.font):
            if not cuts:
                raise NotTaken("content-in-pdf")  # what its glyphs draw, some readers show
            is_seen = True
        if is_seen:
            self._names.show(self._ink.font, words[-1])
            self._use()
            self.write(operator, *words)
            return
        if operator == b'"':
            self.write(b"Tw", words[0])
            self.write(b"Tc", words[1])
        if begins_line:
            self.write(b"T*")
        if cuts:
            self._cut(b"TJ" if operator == b"TJ" else b"Tj", words[-1])
        else:
            self._is_displaced = True

    def _cut(self, operator: bytes, shown: bytes) -> None:
        """Text that is not seen itself, and cuts out what comes behind it: left out where nothing does."""
        if self._doubtful:
            raise NotTaken("content-in-pdf")
        font = self._ink.font

        def made() -> bytes:
            self._names.show(font, shown)
            return b" ".join((shown, operator))

        self._waiting.cut(self._depth, made)

    def set_font(self, name: bytes, size: bytes) -> None:
        """The font for text."""
        self._ink = replace(self._ink, font=text(name), has_text_size=float(size) != 0)
        self._put(FONT, b"Tf", "/Font", name, size)

    def set_state(self, name: bytes) -> None:
        """A named graphics state."""
        self._ink = self._names.inked(text(name), self._ink)
        self._put(text(name), b"gs", "/ExtGState", name)

    def set_space(self, operator: bytes, name: bytes) -> None:
        """The colour space for filling or stroking."""
        colour, space = (FILL, FILL_SPACE) if operator == b"cs" else (STROKE, STROKE_SPACE)
        self._waiting.forget(self._depth, colour, space)
        if name in _OF_DEVICE:
            self.write(operator, name)
        else:
            self._put(space, operator, "/ColorSpace", name)

    def set_colour(self, operator: bytes, numbers: list[bytes], pattern: bytes | None) -> None:
        """A colour of the space that was set, with its pattern."""

        def made() -> bytes:
            ours = () if pattern is None else (self._names.name("/Pattern", text(pattern)) or b"",)
            return b" ".join((*numbers, *ours, operator))

        self._waiting.put(FILL if operator in {b"sc", b"scn"} else STROKE, self._depth, made)

    def draw(self, operator: bytes, category: str, name: bytes) -> None:
        """A form or picture (`Do`), or a shading (`sh`)."""
        if not self.is_shown or (operator == b"sh" and not self._ink.shows_fill):
            return
        if (ours := self._names.name(category, text(name), self._ink)) is not None:
            self._use()
            self.write(operator, ours)

    def draw_picture(self, image: Stream) -> None:
        """A picture that stood within the drawing."""
        if self.is_shown and self._ink.shows_fill:
            ours = self._names.picture(image)
            if ours is not None:
                self._use()
                self.write(b"Do", ours)

    def begin_marks(self, layer: bytes | None) -> None:
        """A section of marked content, with the properties of its layer where it is on one."""
        self._layers.append(layer is None or self._names.is_shown(text(layer)))
        self._hidden += self._layers[-1] is False
        self._doubtful += self._layers[-1] is None

    def end_marks(self) -> None:
        """The end of the last section."""
        if self._layers:
            ended = self._layers.pop()
            self._hidden -= ended is False
            self._doubtful -= ended is None

    def _use(self, *, is_text: bool = True) -> None:
        """Before anything that is seen is written."""
        if self._doubtful:
            raise NotTaken("content-in-pdf")
        self._waiting.use(is_text=is_text)

    @property
    def _depth(self) -> int:
        return len(self._outer)

    def _put(self, part: str, operator: bytes, category: str, name: bytes, *behind: bytes) -> None:
        def made() -> bytes:
            ours = self._names.name(category, text(name))
            return b"" if ours is None else b" ".join((ours, *behind, operator))

        self._waiting.put(part, self._depth, made)


def _is_flat(matrix: list[bytes]) -> bool:
    a, b, c, d = (float(each) for each in matrix[:4])
    return a * d == b * c


def text(name: bytes) -> str:
    """A name as the library spells it; one that is no text is found nowhere."""
    return name.decode("utf-8", "replace")
