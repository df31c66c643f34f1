"""Glyphs that are drawings (Type 3): those that a page shows stay, the others do not come through."""

import io
from collections.abc import Mapping
from typing import Any

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from pikepdf import Array, Dictionary, Name, Stream

from tests.support.attempts import Attempts
from tests.support.canaries import WORD, is_told, saved
from tests.support.canary_places import written
from tests.support.canary_places.marks import Change, draw

_TELLS = b"9 0 d0 BT /F1 9 Tf (" + WORD + b") Tj ET /Im Do"
_DOT = b"9 0 d0 0 0 5 5 re f"


def _font(made: pikepdf.Pdf, glyphs: Mapping[str, bytes], coded: object) -> Dictionary:
    image = Stream(made, b"", Type=Name.XObject, Subtype=Name.Image, Width=64, Height=48, BitsPerComponent=8)
    image.ColorSpace = Name.DeviceRGB
    image.write(saved("JPEG"), filter=Name.DCTDecode)
    font = Dictionary(Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 9, 9]), FirstChar=97)
    font.FontMatrix, font.LastChar, font.Widths = Array([1, 0, 0, 1, 0, 0]), 99, Array([9, 9, 9])
    drawn = {f"/{name}": made.make_indirect(Stream(made, each)) for name, each in glyphs.items()}
    font.CharProcs, font.Encoding = Dictionary(drawn), coded
    font.Resources = Dictionary(
        Font=Dictionary(F1=made.pages[0].Resources.Font.F1),
        XObject=Dictionary(Im=made.make_indirect(image)),
    )
    return font


_CODED = Dictionary(Differences=Array([97, Name.a, Name.b]))


def _change(content: bytes, *, is_direct: bool = False, coded: object = _CODED, other: str = "b") -> Change:
    """Draw this with a font of a dot (`a`) and of what tells (`b`), and with one that shows that (`c`)."""

    def change(made: pikepdf.Pdf) -> None:
        own = made.pages[0].Resources
        font = _font(made, {"a": _DOT, other: _TELLS}, coded)
        own.Font.T3 = font if is_direct else made.make_indirect(font)
        upon = _font(
            made, {"c": b"9 0 d0 BT /T3 9 Tf (b) Tj ET"}, Dictionary(Differences=Array([99, Name.c]))
        )
        upon.Resources.Font.T3 = own.Font.T3
        own.Font.T4 = made.make_indirect(upon)
        if not is_direct:
            own.ExtGState = Dictionary(G=Dictionary(Font=Array([own.Font.T3, 9])))
        own.XObject.F = Stream(
            made, b"BT (b) Tj ET", Type=Name.XObject, Subtype=Name.Form, Resources=Dictionary()
        )
        own.XObject.F.BBox = Array([0, 0, 300, 300])
        draw(made, content)

    return change


_UNSHOWN: Mapping[str, dict[str, Any]] = {
    "glyph of another code": {},
    "glyph of a font of one page": {"is_direct": True},
    "glyph of no code": {"coded": Dictionary(Differences=Array([97, Name.a]))},
    "glyph of a code that another has": {"coded": Dictionary(Differences=Array([97, Name.b, 97, Name.a]))},
}


@pytest.mark.parametrize("what", _UNSHOWN)
def test_no_glyph_that_no_page_shows_tells(attempts: Attempts, what: str) -> None:
    for content in (
        b"BT /T3 9 Tf (a) Tj ET",
        b"BT /T3 9 Tf [(a) 3 <61>] TJ T* (\\141) ' ET",
        b"BT /F1 9 Tf (b) Tj /T3 9 Tf (a) Tj ET",
        b"q BT /T3 9 Tf (a) Tj ET Q BT /F1 9 Tf (b) Tj ET",
    ):
        data = written(_change(content, **_UNSHOWN[what]))
        assert is_told(data)
        made = clean_document(data)
        with pikepdf.open(io.BytesIO(made)) as document:
            images = [
                each for each in document.objects if isinstance(each, Stream) and each.get("/Width") == 64
            ]
            glyphs = [each for each in document.objects if _is_drawn(each)]
        assert [list(each.CharProcs.keys()) for each in glyphs] == [["/a"]]
        attempts.record(what, succeeded=is_told(made) or len(images) > 1)


def _is_drawn(given: object) -> bool:
    return isinstance(given, Dictionary) and given.get("/Subtype") == Name.Type3


@pytest.mark.parametrize("is_direct", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        *(b"BT /T3 9 Tf (b) Tj ET", b"BT /T3 9 Tf <62> Tj ET", b"BT /T3 9 Tf (\\142) Tj ET"),
        *(b"BT /T3 9 Tf (a\\(b) Tj ET", b"BT /T3 9 Tf [(a) 1 <6> -2 (b)] TJ ET", b"BT /T3 9 Tf (b) ' ET"),
        *(b'BT /T3 9 Tf 1 1 (b) " ET', b"BT /T3 9 Tf [(a)] TJ (b\\)) Tj ET", b"BT /T4 9 Tf (c) Tj ET"),
        *(
            b"BT /T3 9 Tf ET /F Do",
            b"BT /T3 9 Tf (a) Tj ET /F Do",
            b"q BT /T3 9 Tf ET Q BT 7 Tr /T3 9 Tf (b) Tj ET",
        ),
    ],
)
def test_a_glyph_that_a_page_shows_stays(content: bytes, is_direct: bool) -> None:
    if b"/F Do" in content and b"(a)" not in content:
        content += b" BT /T3 9 Tf (a) Tj ET"  # the font comes along where something names it
    assert is_told(clean_document(written(_change(content, is_direct=is_direct))))


def test_a_glyph_that_is_shown_by_a_state_stays() -> None:
    assert is_told(clean_document(written(_change(b"BT /G gs (b) Tj ET"))))


@pytest.mark.parametrize("coded", [Name.WinAnsiEncoding, Dictionary(BaseEncoding=Name.WinAnsiEncoding), None])
def test_a_glyph_with_the_usual_code_stays(coded: object) -> None:
    told = Dictionary() if coded is None else coded
    assert is_told(clean_document(written(_change(b"BT /T3 9 Tf (b) Tj ET", coded=told))))
    with pytest.raises(NotTaken, match="font-in-pdf"):
        clean_document(written(_change(b"BT /T3 9 Tf (%) Tj ET", coded=told, other="percent")))


def test_a_code_without_a_glyph_refuses_nothing() -> None:
    for other in ("b", ".notdef", "space"):
        assert clean_document(written(_change(b"BT /T3 9 Tf (a ~) Tj ET", other=other)))


def test_a_glyph_within_itself_is_refused() -> None:
    def change(made: pikepdf.Pdf) -> None:
        font = made.make_indirect(_font(made, {"a": b"9 0 d0 BT /T3 9 Tf (a) Tj ET"}, _CODED))
        font.Resources.Font.T3 = font
        made.pages[0].Resources.Font.T3 = font
        draw(made, b"BT /T3 9 Tf (a) Tj ET")

    with pytest.raises(NotTaken, match="content-in-pdf"):
        clean_document(written(change))


def test_a_glyph_that_draws_a_form_with_itself_is_refused() -> None:
    def change(made: pikepdf.Pdf) -> None:
        font = made.make_indirect(_font(made, {"a": b"9 0 d0 /F Do"}, _CODED))
        form = Stream(made, b"BT /T3 9 Tf (a) Tj ET", Type=Name.XObject, Subtype=Name.Form)
        form.BBox, form.Resources = Array([0, 0, 9, 9]), Dictionary(Font=Dictionary(T3=font))
        font.Resources.XObject.F = made.pages[0].Resources.XObject.F = made.make_indirect(form)
        draw(made, b"/F Do")

    with pytest.raises(NotTaken, match="content-in-pdf"):
        clean_document(written(change))
