"""What lies between what a picture or a font shows, where its form leaves room: it may not come through."""

import io
import re
import struct
from collections.abc import Callable, Mapping

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from intake.files.pdf.cff import bare_cff
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.work import Work
from pikepdf import Array, Dictionary, Name, Stream

from tests.support.attempts import Attempts
from tests.support.canaries import WORD
from tests.support.canary_places import with_picture, written
from tests.support.canary_places.marks import (
    Change,
    draw,
    on_font,
    on_image,
    on_page,
    with_form,
    with_resource,
)


@pytest.mark.parametrize(("width", "bits"), [(1, 1), (9, 1), (3, 2), (1, 4), (17, 1)])
def test_no_bits_behind_a_row_of_samples_tell(attempts: Attempts, width: int, bits: int) -> None:
    row_bytes, unused = (width * bits + 7) // 8, -width * bits % 8
    samples = b"".join(bytes(row_bytes - 1) + bytes([each & (1 << unused) - 1]) for each in WORD * 9)
    told = {"Width": width, "Height": len(WORD * 9), "BitsPerComponent": bits, "ColorSpace": Name.DeviceGray}
    with pikepdf.open(io.BytesIO(clean_document(written(with_picture(samples, (), **told))))) as made:
        image = made.pages[0].Resources.XObject.X1
        assert isinstance(image, Stream)
        attempts.record("bits behind a row", succeeded=any(image.read_bytes()))


def _cid_font(choice: bytes) -> bytes:
    """A CFF font of two glyphs, with this choice of private dictionaries (FDSelect)."""

    def index(items: list[bytes]) -> bytes:
        places = [1 + sum(map(len, items[:each])) for each in range(len(items) + 1)]
        return struct.pack(">HB", len(items), 2) + struct.pack(f">{len(places)}H", *places) + b"".join(items)

    def number(value: int) -> bytes:
        return struct.pack(">Bl", 29, value)

    strings, glyphs = index([b"Adobe", b"Identity"]) + b"\0\0", index([b"\x0e"] * 2)
    fonts = index([number(0) * 2 + b"\x12"])

    def top(at: int) -> bytes:
        ros = number(391) + number(392) + number(0) + b"\x0c\x1e"
        rest = number(at) + b"\x11" + number(at + len(glyphs)) + b"\x0c\x25"
        return index([ros + rest + number(at + len(glyphs) + len(choice)) + b"\x0c\x24"])

    head = b"\1\0\4\4" + index([b"F"])
    return head + top(len(head + top(0) + strings)) + strings + glyphs + choice + fonts


@pytest.mark.parametrize(
    ("choice", "is_read"),
    [
        (b"\3" + struct.pack(">H", 1) + b"\0\0\0\0\2" + WORD, True),
        (b"\3" + struct.pack(">H", 2) + b"\0\0\0\0\1\0\0\2" + WORD, True),
        (
            b"\3" + struct.pack(">H", 1 + len(WORD) // 3) + b"\0\0\0" + WORD[: len(WORD) // 3 * 3] + b"\0\2",
            True,
        ),
        (b"\3" + struct.pack(">H", 1) + b"\0\0\0\0\1", False),
        (b"\3" + struct.pack(">H", 1) + b"\0\1\0\0\2", False),
        (b"\0\0\0" + WORD, True),
    ],
)
def test_nothing_behind_the_last_glyph_of_a_font_tells(
    attempts: Attempts, choice: bytes, is_read: bool
) -> None:
    try:
        made = bare_cff(_cid_font(choice), Glyphs(), Work())
    except NotTaken:
        assert not is_read
        made = b""
    attempts.record("choice of private dictionaries", succeeded=WORD[:9] in made)
    assert not is_read or b"\0\0\0" in made


def _longer(*needed: float) -> Array:
    """These numbers, and more that tell."""
    return Array([*needed, *WORD])


_RED = b"/Own cs 1 0 0 sc 0 0 9 9 re f"


def _measured(kind: str, **told: Array) -> Change:
    def space(_: pikepdf.Pdf) -> Array:
        points = {f"/{key}": value for key, value in {"WhitePoint": Array([1, 1, 1]), **told}.items()}
        return Array([Name(f"/{kind}"), Dictionary(points)])

    return with_resource("ColorSpace", space, _RED)


def _shaded(kind: int = 2, **told: object) -> Change:
    def shading(made: pikepdf.Pdf) -> Dictionary:
        course = Dictionary(FunctionType=2, Domain=Array([0, 1]), C0=Array([0]), C1=Array([1]), N=1)
        usual = Dictionary(ShadingType=kind, ColorSpace=Name.DeviceGray, Coords=Array([0, 0, 9, 9]))
        usual.Function = made.make_indirect(course)
        for key, value in told.items():
            usual[f"/{key}"] = value(made) if callable(value) else value
        return usual

    return with_resource("Shading", shading, b"/Own sh")


def _course(kind: int, **told: object) -> Callable[[pikepdf.Pdf], object]:
    def function(made: pikepdf.Pdf) -> object:
        usual: dict[str, object] = {"FunctionType": kind, "Domain": Array([0, 1])}
        if kind == 0:
            told.setdefault("Range", Array([0, 1]))
            told.setdefault("Size", Array([2]))
            usual["BitsPerSample"] = 8
        if kind == 3:
            inner = Dictionary(FunctionType=2, Domain=Array([0, 1]), N=1)
            usual |= {"Functions": Array([inner]), "Bounds": Array([]), "Encode": Array([0, 1])}
        if kind == 2:
            usual["N"] = 1
        content = {0: b"\0\xff", 4: b"{}"}.get(kind)
        drawn = Dictionary() if content is None else Stream(made, content)
        for key, value in {**usual, **told}.items():
            drawn[f"/{key}"] = value
        return made.make_indirect(drawn)

    return function


def _type_3(key: str, *needed: float) -> Change:
    def font(made: pikepdf.Pdf) -> Dictionary:
        glyph = made.make_indirect(Stream(made, b"9 0 d0 0 0 5 5 re f"))
        drawn = Dictionary(Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 9, 9]), FirstChar=97)
        drawn.FontMatrix, drawn.LastChar, drawn.Widths = Array([1, 0, 0, 1, 0, 0]), 97, Array([9])
        drawn.CharProcs, drawn.Encoding = Dictionary(a=glyph), Dictionary(Differences=Array([97, Name.a]))
        drawn[f"/{key}"] = _longer(*needed)
        return drawn

    return with_resource("Font", font, b"BT /Own 9 Tf (a) Tj ET")


def _simple_widths(made: pikepdf.Pdf) -> None:
    font = made.pages[0].Resources.Font.F1
    font.FirstChar, font.LastChar, font.Widths = 65, 66, _longer(500, 500)


def _mask_ground(made: pikepdf.Pdf) -> None:
    group = Stream(made, b"0 0 9 9 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
    group.Resources, group.Group = Dictionary(), Dictionary(S=Name.Transparency, CS=Name.DeviceGray)
    mask = Dictionary(S=Name.Luminosity, G=made.make_indirect(group), BC=_longer(0))
    made.pages[0].Resources.ExtGState = Dictionary(G=Dictionary(SMask=mask))
    draw(made, b"/G gs 0 0 9 9 re f")


_LISTS: Mapping[str, Change] = {
    "CropBox": on_page("CropBox", lambda _: _longer(0, 0, 300, 300)),
    "BBox": with_form(BBox=lambda _: _longer(0, 0, 9, 9)),
    "Decode": on_image("Decode", lambda _: _longer(0, 1, 0, 1, 0, 1)),
    "Widths": _simple_widths,
    "Widths without their codes": on_font("Widths", lambda _: Array([9] * 256 + list(WORD))),
    "WhitePoint": _measured("CalRGB", WhitePoint=_longer(1, 1, 1)),
    "BlackPoint": _measured("CalRGB", BlackPoint=_longer(0, 0, 0)),
    "Gamma": _measured("CalRGB", Gamma=_longer(1, 1, 1)),
    "Matrix": _measured("CalRGB", Matrix=_longer(1, 0, 0, 0, 1, 0, 0, 0, 1)),
    "Range": _measured("Lab", Range=_longer(-9, 9, -9, 9)),
    "Coords": _shaded(Coords=_longer(0, 0, 9, 9)),
    "Coords of a circle": _shaded(3, Coords=_longer(0, 0, 0, 9, 9, 9)),
    "Domain": _shaded(Domain=_longer(0, 1)),
    "Background": _shaded(Background=_longer(1)),
    "BBox of a shading": _shaded(BBox=_longer(0, 0, 9, 9)),
    "C0": _shaded(Function=_course(2, C0=_longer(0), C1=Array([1]))),
    "Domain of a function": _shaded(Function=_course(2, Domain=_longer(0, 1))),
    "Bounds": _shaded(Function=_course(3, Bounds=_longer())),
    "Encode": _shaded(Function=_course(3, Encode=_longer(0, 1))),
    "Size": _shaded(Function=_course(0, Size=Array([2, *[1] * 5]))),
    "Encode of samples": _shaded(Function=_course(0, Encode=_longer(0, 1))),
    "Decode of samples": _shaded(Function=_course(0, Decode=_longer(0, 1))),
    "FontBBox": _type_3("FontBBox", 0, 0, 9, 9),
    "Widths of drawings": _type_3("Widths", 9),
    "ground of a mask": _mask_ground,
}


@pytest.mark.parametrize("what", _LISTS)
def test_no_number_behind_those_that_a_list_needs_tells(attempts: Attempts, what: str) -> None:
    told = re.compile(rb"\s+".join(b"%d" % each for each in WORD) if what != "Size" else rb"2 1 1 1")
    data = written(_LISTS[what])
    assert told.search(_plain(data)), "nothing to find"
    try:
        made = clean_document(data)
    except NotTaken as error:
        attempts.record(f"{what}: {error.reason}", succeeded=False)
    else:
        attempts.record(what, succeeded=bool(told.search(_plain(made))))


def _plain(data: bytes) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as opened:
        opened.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue()
