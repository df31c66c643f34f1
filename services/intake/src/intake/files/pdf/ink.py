"""What of a drawing shows, by its state (ISO 32000-2, 8.4, 9.3.6 and 11.3), and what waits to be used."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from intake.files.pdf.work import WORD, Work

_FILLING = frozenset(b"f F f* B B* b b*".split())
_STROKING = frozenset(b"S s B B* b b*".split())
_INVISIBLE, _FIRST_CLIPPING = 3, 4  # modes of text
_FILLED, _STROKED = {0, 2, 4, 6}, {1, 2, 5, 6}

#: Parts of a state; one that is named has its name.
FILL, FILL_SPACE, STROKE, STROKE_SPACE, FONT = "fill", "fill space", "stroke", "stroke space", "font"


@dataclass(frozen=True)
class Ink:
    """Whether paint shows; in a knockout group also clear paint changes what lies below it."""

    fills: bool = True
    strokes: bool = True
    mode: int = 0
    font: str = ""
    is_knockout: bool = False
    is_flat: bool = False  # the page is squeezed to a line or a point
    has_text_size: bool = True
    has_text_width: bool = True

    def shows(self, operator: bytes) -> bool:
        """Whether this operator, which ends a path, paints anything."""
        is_seen = (self.fills and operator in _FILLING) or (self.strokes and operator in _STROKING)
        return is_seen or self.is_knockout

    @property
    def shows_fill(self) -> bool:
        """Whether a picture or a shading does."""
        return (self.fills or self.is_knockout) and not self.is_flat

    @property
    def has_text_room(self) -> bool:
        """Whether text has any size."""
        return self.has_text_size and self.has_text_width and not self.is_flat

    @property
    def shows_text(self) -> bool:
        """Whether text paints anything."""
        if self.mode == _INVISIBLE or not self.has_text_room:
            return False
        is_seen = (self.fills and self.mode in _FILLED) or (self.strokes and self.mode in _STROKED)
        return is_seen or self.is_knockout

    @property
    def cuts_text(self) -> bool:
        """Whether text cuts out what is painted behind it."""
        return self.mode >= _FIRST_CLIPPING and self.has_text_room

    def within(self, *, is_group: bool, is_knockout: bool) -> "Ink":
        """What a form begins with: a group is mixed as one, another form takes over what is around it."""
        changed = replace(self, font="", is_knockout=self.is_knockout or is_knockout)
        return replace(changed, fills=True, strokes=True) if is_group else changed


@dataclass
class _Setter:
    part: str
    depth: int
    line: int
    make: Callable[[], bytes] | None  # None where it is written already


@dataclass(frozen=True)
class _Cut:
    depth: int
    line: int
    make: Callable[[], bytes]
    used: list[_Setter]


class Waiting:
    """Operators that set a state from resources: written where they stood, once something uses them."""

    def __init__(self, lines: list[bytes], work: Work) -> None:
        self._lines = lines
        self._work = work
        self._setters: list[_Setter] = []  # the deepest last
        self._cuts: list[_Cut] = []  # likewise

    def put(self, part: str, depth: int, make: Callable[[], bytes]) -> None:
        """Keep a place for what `make` writes, so many `q` deep."""
        self._set(part, depth, make)
        self._lines.append(b"")

    def cut(self, depth: int, make: Callable[[], bytes]) -> None:
        """Keep a place for text that cuts out what is painted behind it, so many `q` deep."""
        self._work.take(WORD + len(self._setters))
        used = list({each.part: each for each in self._setters}.values())
        self._cuts.append(_Cut(depth, len(self._lines), make, used))
        self._lines.append(b"")

    def forget(self, depth: int, *parts: str) -> None:
        """These parts are set anew: what set them before is not used, so deep."""
        for part in parts:
            if self._setters:
                self._set(part, depth, None)

    def restore(self, depth: int) -> bool:
        """Back to so many `q`: what was set deeper is not used any more. Whether text was left out for it."""
        while self._setters and self._setters[-1].depth > depth:
            self._setters.pop()
        count = len(self._cuts)
        while self._cuts and self._cuts[-1].depth > depth:
            self._cuts.pop()
        return len(self._cuts) < count

    def use(self, *, is_text: bool = True) -> None:
        """Write those that paint uses; a path has no use for a font."""
        for cut in self._cuts:
            self._write(cut.used)
            self._lines[cut.line] = cut.make()
        self._cuts.clear()
        if not self._setters:
            return
        self._work.take(len(self._setters))
        used = {each.part: each for each in self._setters if is_text or each.part != FONT}
        self._write(used.values())
        if not self._setters[-1].depth:
            self._setters = [each for each in self._setters if each.make is not None]

    def _write(self, setters: Iterable[_Setter]) -> None:
        for each in setters:
            if each.make is not None:
                self._lines[each.line] = each.make()
                each.make = None

    def _set(self, part: str, depth: int, make: Callable[[], bytes] | None) -> None:
        self._work.take(len(self._setters) // WORD)
        self._setters = [each for each in self._setters if each.part != part or each.depth != depth]
        self._setters.append(_Setter(part, depth, len(self._lines), make))
