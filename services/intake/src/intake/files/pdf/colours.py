"""Colour spaces (ISO 32000-2, 8.6) and shadings (8.7.4.5). Profiles go: they name devices and owners."""

from collections.abc import Mapping, Sequence

from pikepdf import Array, Dictionary, Name, Object, Stream, String

from intake.files.kinds import NotTaken
from intake.files.pdf.functions import function, functions
from intake.files.pdf.making import (
    Check,
    Making,
    box,
    dictionary,
    first,
    items,
    kept,
    matrix,
    number,
    sure,
    truth,
    whole,
)
from intake.files.pdf.meshes import mesh

_DEVICE: Mapping[str, int] = {"/DeviceGray": 1, "/DeviceRGB": 3, "/DeviceCMYK": 4}
_SHORT = {"/G": "/DeviceGray", "/RGB": "/DeviceRGB", "/CMYK": "/DeviceCMYK", "/I": "/Indexed"}
_OF_COUNT = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}
_MEASURED = {"/CalGray": 1, "/CalRGB": 3, "/Lab": 3}
_POINTS = {
    **dict.fromkeys(("/WhitePoint", "/BlackPoint"), first(3)),
    "/Matrix": first(9),
    "/Range": first(4),
}
#: Colorants with a meaning; any other name is a maker's own, and only its tint counts on a screen.
_COLORANTS = frozenset({"/All", "/None", "/Cyan", "/Magenta", "/Yellow", "/Black"})
_MOST_COLORANTS = 32
_LARGEST_INDEX = 255
_SHADING = {"/BBox": sure(box), "/AntiAlias": truth}


def _extend(value: object) -> Array | None:
    """Whether it goes on before its begin and behind its end."""
    return Array([bool(each) for each in list(value)[:2]]) if isinstance(value, Array) else None


#: By type: its course is a plane, a line or a pair of circles.
_OF_SHADING: Mapping[int, Mapping[str, Check]] = {
    1: {"/Domain": sure(first(4)), "/Matrix": sure(matrix)},
    2: {"/Domain": sure(first(2)), "/Coords": sure(first(4)), "/Extend": _extend},
    3: {"/Domain": sure(first(2)), "/Coords": sure(first(6)), "/Extend": _extend},
}
_FIRST_MESH, _LAST_MESH = 4, 7


def space(making: Making, given: object) -> Object | None:
    """A colour space made anew, or None when it is of no kind that we know."""
    if isinstance(given, Name):
        named = _SHORT.get(str(given), str(given))
        return Name(named) if named in _DEVICE or named == "/Pattern" else None
    if not isinstance(given, Array) or not len(given):
        return None
    return making.once(given, "space", lambda: _made(making, given))


def components(made: Object) -> int:
    """How many numbers a colour of this (new) space has."""
    if isinstance(made, Name):
        return _DEVICE.get(str(made), 0)
    kind = str(made[0])
    if kind == "/DeviceN":
        return len(made[1])
    return _MEASURED.get(kind, 1)


def _made(making: Making, given: Array) -> Object | None:
    kind = _SHORT.get(str(given[0]), str(given[0]))
    if kind in _DEVICE or len(given) == 1:
        return space(making, Name(kind))
    if kind in _MEASURED:
        gamma = number if kind == "/CalGray" else first(3)
        return Array([Name(kind), dictionary(kept(given[1], {**_POINTS, "/Gamma": gamma}))])
    if kind == "/ICCBased":
        return _without_profile(making, given[1])
    if kind == "/Pattern":
        under = space(making, given[1])
        return Name.Pattern if under is None else Array([Name.Pattern, under])
    if kind == "/Indexed":
        return _indexed(making, given)
    if kind in {"/Separation", "/DeviceN"}:
        return _tinted(making, kind, given)
    return None


def _without_profile(making: Making, given: Object) -> Object | None:
    """What the profile stands for; its own alternate where that has as many components."""
    count = whole(given.get("/N")) if isinstance(given, (Dictionary, Stream)) else None
    if count not in _OF_COUNT:
        return None
    other = space(making, given.get("/Alternate"))
    is_measured = isinstance(other, Array) and str(other[0]) in _MEASURED
    if other is not None and is_measured and components(other) == count:
        return other
    return Name(_OF_COUNT[count])


def _indexed(making: Making, given: Array) -> Object | None:
    base, highest = space(making, given[1]), whole(given[2])
    if base is None or highest is None or not 0 <= highest <= _LARGEST_INDEX:
        return None
    size = (highest + 1) * components(base)
    lookup = given[3]
    colours = making.contents(lookup, size) if isinstance(lookup, Stream) else bytes(lookup)
    return Array([Name.Indexed, base, highest, String(colours[:size].ljust(size, b"\0"))])


def only_used(made: Object, counts: Sequence[int]) -> Object:
    """A list of colours of its own for a picture, without those that no sample names.

    `counts` says how often each number is there; one that is too large names the last colour.
    """
    base, highest, colours = made[1], int(made[2]), bytes(made[3])
    size = components(base)
    used = {min(number, highest) for number, count in enumerate(counts) if count}
    parts = [colours[at * size : (at + 1) * size] if at in used else bytes(size) for at in range(highest + 1)]
    return Array([Name.Indexed, base, highest, String(b"".join(parts))])


def _tinted(making: Making, kind: str, given: Array) -> Object | None:
    under, tint = space(making, given[2]), function(making, given[3])
    if under is None or tint is None:
        return None
    colorants = {
        str(each) for each in ([given[1]] if kind == "/Separation" else items(given[1], _MOST_COLORANTS))
    }
    if colorants <= {"/None"}:  # some readers paint nothing, others what it stands for
        return None
    if kind == "/Separation":
        return Array([Name.Separation, _colorant(given[1], 0), under, tint])
    names = [_colorant(each, place) for place, each in enumerate(items(given[1], _MOST_COLORANTS))]
    return Array([Name.DeviceN, Array(names), under, tint])


def _colorant(given: object, place: int) -> Name:
    return Name(str(given)) if str(given) in _COLORANTS else Name(f"/Tint{place}")


def shading(making: Making, given: object) -> Object | None:
    """A shading made anew, or None when it is of no kind that we know."""
    if not isinstance(given, (Dictionary, Stream)):
        return None
    return making.once(given, "shading", lambda: _shaded(making, given))


def _shaded(making: Making, given: Object) -> Object | None:
    kind, colours = whole(given.get("/ShadingType")), space(making, given.get("/ColorSpace"))
    if kind is None or not 1 <= kind <= _LAST_MESH or colours is None:
        return None
    told: dict[str, object] = {"/ShadingType": kind, "/ColorSpace": colours, **kept(given, _SHADING)}
    told |= kept(given, {"/Background": sure(first(components(colours)))})
    if (course := given.get("/Function")) is not None:
        made = functions(making, course)
        if made is None:
            raise NotTaken("content-in-pdf")
        told["/Function"] = made
    if kind < _FIRST_MESH:
        return dictionary(told, kept(given, _OF_SHADING[kind]))
    if not isinstance(given, Stream):
        return None
    values = 1 if "/Function" in told else components(colours)
    points, shape = mesh(making, given, kind, values)
    return making.stream(points, {**told, **shape})
