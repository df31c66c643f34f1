"""Fonts whose glyphs are drawings (Type 3, ISO 32000-2, 9.6.4), with those glyphs only that are shown."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pikepdf import Array, Dictionary, Name, Object, Stream, String

from intake.files.kinds import NotTaken
from intake.files.pdf.content import rewritten
from intake.files.pdf.fonts import encoding, to_unicode, widths
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.ink import Ink
from intake.files.pdf.making import Making, box, dictionary, items, kept, matrix, sure, whole
from intake.files.pdf.pen import Names
from intake.files.pdf.work import OBJECT, WORD

_TYPE_3 = {
    "/FontBBox": sure(box),
    "/FontMatrix": sure(matrix),
    **dict.fromkeys(("/FirstChar", "/LastChar"), sure(whole)),
}
_MOST_GLYPHS = 4096
_MOST_DIFFERENCES = 1024
_SPACE, _UNDEFINED = "space", ".notdef"


class Used(Names, Protocol):
    """Resources that can tell what was used of them."""

    def made(self) -> Dictionary:
        """The new resources: what was asked for, and nothing else."""


@dataclass
class _Font:
    made: Dictionary
    used: Used
    procedures: Mapping[str, Object]
    names: Mapping[int, str]
    codes: set[int]  # that are shown in it
    done: set[int] = field(default_factory=set)


class DrawnFonts:
    """Those of a document; their glyphs are made once it is known which are shown."""

    def __init__(self, making: Making, glyphs: Glyphs) -> None:
        self._making = making
        self._glyphs = glyphs
        self._fonts: list[_Font] = []
        self._codes: dict[Hashable, set[int]] = {}
        self._of_any: set[int] = set()

    def show(self, key: Hashable | None, shown: bytes) -> None:
        """This string, or list of them, is shown in the font of this key; None for one that is not known."""
        self._making.work.take(2 * WORD)
        self._making.work.take_bytes(len(shown))
        found = Object.parse(shown)
        parts: Sequence[object] = list(found) if isinstance(found, Array) else [found]
        codes = self._of_any if key is None else self._codes.setdefault(key, set())
        codes.update(*(bytes(each) for each in parts if isinstance(each, String)))

    def font(self, given: Dictionary, key: Hashable, used: Used) -> Object | None:
        """The font made anew, which gets its glyphs by `finish`."""
        procedures = given.get("/CharProcs")
        if not isinstance(procedures, Dictionary) or len(procedures.keys()) > _MOST_GLYPHS:
            return None
        coded = encoding(given.get("/Encoding"), self._glyphs)
        named = {} if coded is None else {"/Encoding": coded}
        told = {"/Type": Name.Font, "/Subtype": Name.Type3, "/CharProcs": Dictionary()}
        made = dictionary(told, kept(given, _TYPE_3), widths(given), named, to_unicode(self._making, given))
        made = self._making.made.make_indirect(made)
        drawings = {name[1:]: each for name, each in procedures.items() if isinstance(each, Stream)}
        names = _names(given.get("/Encoding"))
        self._fonts.append(_Font(made, used, drawings, names, self._codes.setdefault(key, set())))
        return made

    def finish(self) -> None:
        """Make the glyphs that were shown, and those that they show. `NotTaken` for one within itself."""
        while sum(self._made_more(each) for each in list(self._fonts)):
            self._making.work.take(len(self._fonts))
        for each in self._fonts:
            each.made["/Resources"] = each.used.made()
        within: dict[tuple[int, int], bool] = {}
        for each in self._fonts:
            self._require_no_circle(each.made, within)

    def _made_more(self, font: _Font) -> bool:
        new = (font.codes | self._of_any) - font.done
        font.done |= new
        for code in sorted(new):
            name = font.names.get(code) or _usual_name(code, font)
            drawing = None if name is None else font.procedures.get(name)
            place = "" if name is None else "/" + self._glyphs.name(name)
            if isinstance(drawing, Stream) and place not in font.made["/CharProcs"]:
                drawn = self._making.stream(rewritten(self._making, drawing, font.used, Ink()))
                font.made["/CharProcs"][place] = self._making.made.make_indirect(drawn)
        return bool(new)

    def _require_no_circle(self, made: object, within: dict[tuple[int, int], bool]) -> None:
        """`within` says of each object whether one is in it still."""
        if not isinstance(made, (Array, Dictionary, Stream)):
            return
        if made.is_indirect:
            if within.get(made.objgen):
                raise NotTaken("content-in-pdf")  # where readers stop, they do not agree
            if made.objgen in within:
                return
            within[made.objgen] = True
        self._making.work.take(OBJECT)
        for each in list(made) if isinstance(made, Array) else list(made.values()):
            self._require_no_circle(each, within)
        if made.is_indirect:
            within[made.objgen] = False


def _names(coded: object) -> Mapping[int, str]:
    """Which code has which name, where the font says so; of several the last."""
    found: dict[int, str] = {}
    code = 0
    differences = coded.get("/Differences") if isinstance(coded, Dictionary) else None
    for each in items(differences, _MOST_DIFFERENCES):
        if isinstance(each, int):
            code = each
        elif isinstance(each, Name):
            found[code] = str(each)[1:]
            code += 1
    return found


def _usual_name(code: int, font: _Font) -> str | None:
    """The name of a code that the font gives none, where it can have no other."""
    left = font.procedures.keys() - set(font.names.values())
    if chr(code) in left:
        return chr(code)
    if code == ord(" ") and _SPACE in left:
        return _SPACE
    if any(len(each) > 1 for each in left - {_SPACE, _UNDEFINED}):
        raise NotTaken("font-in-pdf")
    return _UNDEFINED
