"""Graphics states (ISO 32000-2, 8.4.5), made anew: without its mask, one would uncover what that hides."""

from collections.abc import Callable
from dataclasses import replace

from pikepdf import Array, Dictionary, Name, Object, Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.functions import functions
from intake.files.pdf.ink import Ink
from intake.files.pdf.making import (
    Making,
    at_most,
    dictionary,
    items,
    kept,
    number,
    numbers,
    one_of,
    sure,
    truth,
    whole,
)

#: What makes a form, or a font, of the document anew.
Maker = Callable[[Object], Object | None]

_BLENDS = one_of(
    *("Normal", "Compatible", "Multiply", "Screen", "Overlay", "Darken", "Lighten", "ColorDodge"),
    *("ColorBurn", "HardLight", "SoftLight", "Difference", "Exclusion", "Hue", "Saturation", "Color"),
    "Luminosity",
)
#: Table 57; halftones and the like speak of printers, and stay behind.
_STATE = {
    **dict.fromkeys(("/LW", "/ML", "/FL", "/SM", "/CA", "/ca"), sure(number)),
    **dict.fromkeys(("/LC", "/LJ", "/OPM"), sure(whole)),
    **dict.fromkeys(("/OP", "/op", "/SA", "/AIS", "/TK"), sure(truth)),
    "/RI": one_of("AbsoluteColorimetric", "RelativeColorimetric", "Saturation", "Perceptual"),
}
_MASK = {"/S": sure(one_of("Alpha", "Luminosity")), "/BC": sure(at_most(4))}
_LEAST_ALPHA = 1 / 512  # less is nothing once it is rounded
_SAME = frozenset({"/Identity", "/Default"})


def state(making: Making, given: Dictionary, form: Maker, font: Maker) -> Object:
    """The same state. `NotTaken` where a part of it cannot be made, or where readers differ on it."""
    made = dictionary({"/Type": Name.ExtGState}, kept(given, _STATE))
    blends = given.get("/BM")
    for each in items(blends, 32) if isinstance(blends, Array) else (blends,):
        if (blend := _BLENDS(each)) is not None:
            made["/BM"] = blend
            break
    if (dashes := given.get("/D")) is not None:
        pattern, phase = _pair(dashes)
        made["/D"] = Array([sure(numbers)(pattern), sure(number)(phase)])
    if (written := given.get("/Font")) is not None:
        found, size = _pair(written)
        made["/Font"] = Array([sure(lambda _: font(found))(found), sure(number)(size)])
    if (mask := given.get("/SMask")) is not None:
        made["/SMask"] = _soft_mask(making, mask, form)
    _require_same_colours(given)
    return made


def inked(given: Dictionary, ink: Ink) -> Ink:
    """The ink that a state makes of this one."""
    fills, strokes = _is_seen(given.get("/ca"), ink.fills), _is_seen(given.get("/CA"), ink.strokes)
    ink = replace(ink, fills=fills, strokes=strokes)
    if (written := given.get("/Font")) is None:
        return ink
    return replace(ink, font="", has_text_size=sure(number)(_pair(written)[1]) != 0)


def _is_seen(alpha: Object | None, usual: bool) -> bool:
    if alpha is None:
        return usual
    value = float(str(sure(number)(alpha)))
    if value < 0:
        raise NotTaken("content-in-pdf")
    return value >= _LEAST_ALPHA


def _pair(given: Object) -> tuple[Object, Object]:
    if not isinstance(given, Array) or len(given) != 2:
        raise NotTaken("content-in-pdf")
    return given[0], given[1]


def _soft_mask(making: Making, given: Object, form: Maker) -> Object:
    if isinstance(given, Name) and str(given) == "/None":  # as an attribute it would have another name
        return Name("/None")
    group = given.get("/G") if isinstance(given, Dictionary) else None
    made = form(group) if isinstance(group, Stream) else None
    if made is None:
        raise NotTaken("content-in-pdf")
    mask = dictionary({"/Type": Name.Mask, "/G": made}, kept(given, _MASK))
    course = given.get("/TR")
    if course is not None and course != Name.Identity:
        mask["/TR"] = sure(lambda value: functions(making, value))(course)
    return mask


def _require_same_colours(given: Dictionary) -> None:
    """Some readers change colours by what is meant for printers, so that they hide what others show."""
    for key in ("/TR", "/TR2"):
        told = given.get(key)
        if told is not None and not (isinstance(told, Name) and str(told) in _SAME):
            raise NotTaken("content-in-pdf")
