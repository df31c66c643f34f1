"""What a PDF sets or draws without a trace on any screen may not come through, nor anything move for it."""

import io
from collections.abc import Mapping
from typing import Any

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from pikepdf import Array, Dictionary, Name, Stream, String

from tests.support.attempts import Attempts
from tests.support.canaries import WORD, is_told
from tests.support.canary_places import written
from tests.support.canary_places.marks import Change, draw

_TEXT = b"BT /F1 9 Tf 1 1 Td (" + WORD + b") Tj ET"
_BOX = b" 0 0 300 300 re f "


def _drawing(made: pikepdf.Pdf, content: bytes = _TEXT, **told: Any) -> Stream:
    font = made.pages[0].Resources.Font
    drawing = Stream(made, content, Resources=Dictionary(Font=font))
    for key, value in {"BBox": Array([0, 0, 300, 300]), **told}.items():
        drawing[f"/{key}"] = value
    return made.make_indirect(drawing)


def _form(made: pikepdf.Pdf, content: bytes = _TEXT, **told: Any) -> Stream:
    return _drawing(made, content, Type=Name.XObject, Subtype=Name.Form, **told)


def _group(**told: Any) -> Dictionary:
    return Dictionary(S=Name.Transparency, CS=Name.DeviceGray, **told)


def _drawn(made: pikepdf.Pdf) -> Dictionary:
    """A font of drawings."""
    glyph = made.make_indirect(Stream(made, b"9 0 d0 " + _TEXT))
    drawn = Dictionary(Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 9, 9]), FirstChar=97)
    drawn.FontMatrix, drawn.LastChar, drawn.Widths = Array([1, 0, 0, 1, 0, 0]), 97, Array([9])
    drawn.CharProcs, drawn.Encoding = Dictionary(a=glyph), Dictionary(Differences=Array([97, Name.a]))
    drawn.Resources = Dictionary(Font=Dictionary(F1=made.pages[0].Resources.Font.F1))
    return made.make_indirect(drawn)


def _change(content: bytes) -> Change:
    """Draw this on a page with a pattern, a mask, a font of drawings, and states, which all tell."""

    def change(made: pikepdf.Pdf) -> None:
        off = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("x")))
        made.Root.OCProperties = Dictionary(OCGs=Array([off]), D=Dictionary(OFF=Array([off])))
        own = made.pages[0].Resources
        own.Properties = Dictionary(L=off)
        told: dict[str, Any] = {"PatternType": 1, "PaintType": 1, "TilingType": 1, "XStep": 99, "YStep": 99}
        own.Pattern = Dictionary(P=_drawing(made, **told))
        mask = Dictionary(S=Name.Luminosity, G=_form(made, Group=_group()))
        clear: dict[str, Any] = {
            "Clear": Dictionary(ca=0),
            "Clean": Dictionary(CA=0),
            "Nearly": Dictionary(ca=0.0001),
        }
        usual: dict[str, Any] = {
            "Full": Dictionary(ca=1, CA=1),
            "None": Dictionary(SMask=Name("/None")),
            "Little": Dictionary(ca=0.01),
            "Both": Dictionary(ca=0, CA=0),
        }
        clear["Zero"] = Dictionary(Font=Array([made.make_indirect(own.Font.F1), 0]))
        own.ExtGState = Dictionary(M=Dictionary(SMask=mask), **clear, **usual)
        own.XObject.F = _form(made)
        own.XObject.Fg = _form(made, Group=_group())
        own.XObject.F0 = _form(made, BBox=Array([5, 5, 5, 60]))
        own.XObject.Fs = _form(made, b"/S gs " + _TEXT)
        own.XObject.Fs.Resources.ExtGState = Dictionary(S=Dictionary(ca=1))
        own.XObject.Fk = _form(made, b"/S gs" + _BOX, Group=_group(K=True))
        own.XObject.Fk.Resources.ExtGState = Dictionary(S=Dictionary(ca=0))
        own.Font.T3 = _drawn(made)
        tint = Dictionary(FunctionType=2, Domain=Array([0, 1]), N=1)
        own.ColorSpace = Dictionary(Nothing=Array([Name.Separation, Name("/None"), Name.DeviceGray, tint]))
        draw(made, content)

    return change


_PATTERN = b"/Pattern cs /P scn"
_STROKED = b"/Pattern CS /P SCN"
_IN_HIDDEN: Mapping[str, bytes] = {
    "pattern": _PATTERN + _BOX,
    "pattern for strokes": _STROKED + b" 0 0 9 9 re S",
    "pattern of a space": b"/P scn /P scn" + _BOX,
    "mask": b"/M gs" + _BOX,
    "font of drawings": b"BT /T3 9 Tf (a) Tj ET",
    "text of every kind": b"BT /F1 9 Tf (%w) Tj (%w) ' 1 1 (%w) \" [(%w) 2] TJ ET".replace(b"%w", WORD),
    "form": b"/F Do /Fg Do",
}
#: What comes behind, and has no use for what was set within.
_BEHIND: Mapping[str, bytes] = {
    "nothing": b"%b",
    "within q": b"q %b Q 0 0 9 9 re B /Im1 Do",
    "within two q": b"q q %b Q q 1 w Q Q 0 0 9 9 re B BT /F1 9 Tf (x) Tj ET",
    "other colours": b"%b /DeviceGray cs 1 sc 0 G",
    "a path that only ends": b"%b 0 0 9 9 re W n",
}


@pytest.mark.parametrize("behind", _BEHIND)
@pytest.mark.parametrize("what", _IN_HIDDEN)
def test_nothing_that_is_set_on_a_hidden_layer_tells(attempts: Attempts, what: str, behind: str) -> None:
    hidden = b"/OC /L BDC " + _IN_HIDDEN[what] + b" EMC"
    _require_gone(attempts, f"{what}, behind it {behind}", _BEHIND[behind].replace(b"%b", hidden))


def test_colours_that_others_replace_do_not_tell(attempts: Attempts) -> None:
    for content in (
        b"/OC /L BDC " + _PATTERN + b" EMC 0 g" + _BOX,
        b"/OC /L BDC " + _PATTERN + b" EMC /DeviceGray cs 0 sc" + _BOX,
        b"/OC /L BDC " + _STROKED + b" EMC q 0 G 0 0 m 9 9 l S 9 0 l S Q 1 0 0 RG 0 0 m 9 9 l S",
        b"/OC /L BDC " + _STROKED + b" EMC q 1 0 0 RG q 0 0 m 9 9 l S Q Q",
        b"/OC /L BDC BT /T3 9 Tf ET EMC BT /F1 9 Tf (x) Tj ET",
    ):
        _require_gone(attempts, "replaced", content)


@pytest.mark.parametrize(
    "content",
    [
        *(_PATTERN + _BOX, _STROKED + b" 0 0 m 9 9 l S", b"q /M gs" + _BOX + b"Q", b"BT /T3 9 Tf (a) Tj ET"),
        *(b"/OC /L BDC " + _PATTERN + b" EMC" + _BOX, b"/OC /L BDC /M gs EMC q" + _BOX + b"Q"),
        *(
            b"q " + _PATTERN + b" q 0 g" + _BOX + b"Q" + _BOX + b"Q",
            _PATTERN + b" q 0 g Q" + _BOX,
            _PATTERN + b" BT /F1 9 Tf (x) Tj ET",
            b"/OC /L BDC BT /T3 9 Tf ET EMC BT (a) Tj ET",
            b"/F Do /Fg Do",
            b"q /M gs /None gs " + _TEXT + b" Q",
        ),
    ],
)
def test_what_is_set_and_then_used_stays(content: bytes) -> None:
    assert is_told(clean_document(written(_change(content))))


_CLEAR: Mapping[str, bytes] = {
    "invisible text": b"BT 3 Tr /F1 9 Tf (%w) Tj ET",
    "invisible text of every kind": b"BT 3 Tr /F1 9 Tf (%w) ' 1 1 (%w) \" [(%w) 2] TJ (\\()Tj (%w\\() Tj ET",
    "invisible text, told before": b"3 Tr q BT /F1 9 Tf (%w) Tj ET Q BT /F1 9 Tf 1 0 0 1 5 5 Tm (%w) Tj ET",
    "invisible text in a form": b"3 Tr /F Do",
    "clear text": b"/Clear gs BT /F1 9 Tf (%w) Tj ET",
    "nearly clear text": b"/Nearly gs BT /F1 9 Tf (%w) Tj ET",
    "clear strokes of text": b"/Clean gs BT 1 Tr /F1 9 Tf (%w) Tj ET",
    "clear text with clear strokes": b"/Both gs BT 2 Tr /F1 9 Tf (%w) Tj ET",
    "clear pattern": b"/Clear gs /Pattern cs /P scn 0 0 300 300 re f 0 0 9 9 re f*",
    "clear strokes with a pattern": b"/Clean gs /Pattern CS /P SCN 0 0 9 9 re S 0 0 9 9 re s",
    "text that cuts out nothing": b"q BT 7 Tr /F1 9 Tf (%w) Tj ET Q",
    "clear text that cuts out nothing": b"q /Both gs BT 6 Tr /F1 9 Tf (%w) Tj 1 1 Td (%w) ' ET Q",
    "text of size 0": b"BT /F1 0 Tf (%w) Tj ET",
    "text of size 0 by a state": b"BT /Zero gs (%w) Tj ET",
    "text of no width": b"q BT 0 Tz /F1 9 Tf (%w) Tj ET Q",
    "flat text": b"BT /F1 9 Tf 1 0 2 0 5 5 Tm (%w) Tj ET",
    "flat text, moved": b"BT /F1 9 Tf 0 0 0 0 5 5 Tm 1 1 Td (%w) Tj T* [(%w)] TJ ET",
    "text on a flat page": b"q 1 0 0 0 0 0 cm BT /F1 9 Tf (%w) Tj ET Q",
    "form on a flat page": b"q 0 0 0 0 0 0 cm /F Do /Fg Do Q",
    "form without room": b"/F0 Do",
    "clear form": b"/Clear gs /Fg Do",
    "clear form that is no group": b"/Clear gs /F Do",
    "text of a form that is clear, and shown elsewhere": b"q /Clear gs /F Do Q",
}


@pytest.mark.parametrize("what", _CLEAR)
def test_nothing_that_is_clear_tells(attempts: Attempts, what: str) -> None:
    for content in (b"%b", b"q %b Q 0 0 9 9 re f", b"q /Full gs Q %b"):
        _require_gone(attempts, what, content.replace(b"%b", _CLEAR[what]).replace(b"%w", WORD))


def test_a_clear_picture_is_not_there() -> None:
    for content, count in (
        (b"/Clear gs /Im1 Do", 1),
        (b"/Little gs /Im1 Do", 1),
        (b"/Clear gs " + _INLINE, 1),
        (b"q 9 0 9 0 0 0 cm /Im1 Do Q", 1),
    ):
        with pikepdf.open(io.BytesIO(clean_document(written(_change(content))))) as made:
            assert made.pages[0].Contents.read_bytes().count(b" Do") == count + (b"/Little" in content)
            assert len(made.pages[0].Resources.XObject) == 1


_INLINE = b"BI /W 2 /H 2 /BPC 8 /CS /G ID aaaa EI"


@pytest.mark.parametrize(
    "content",
    [
        *(b"BT 7 Tr /F1 9 Tf (%w) Tj /F1 8 Tf ET" + _BOX, b"q BT 7 Tr /F1 9 Tf (%w) Tj ET /Im1 Do Q"),
        *(b"q BT 7 Tr /F1 9 Tf (%w) Tj ET q" + _BOX + b"Q Q", b"BT /F1 0 Tf /F1 9 Tf (%w) Tj ET"),
        *(b"q BT 0 Tz /F1 9 Tf ET Q BT (%w) Tj ET", b"BT /F1 9 Tf 0 0 0 0 0 0 Tm ET BT (%w) Tj ET"),
        *(
            b"BT /F1 9 Tf 0 0 0 0 0 0 Tm 0 1 -1 0 9 9 Tm (%w) Tj ET",
            b"q 0 0 0 0 0 0 cm Q BT /F1 9 Tf (%w) Tj ET",
        ),
        *(b"BT 7 Tr /F1 9 Tf (%w) Tj ET" + _BOX, b"q 3 Tr Q BT /F1 9 Tf (%w) Tj ET"),
        *(b"/Clear gs /Full gs BT /F1 9 Tf (%w) Tj ET", b"q /Both gs Q BT /F1 9 Tf (%w) Tj ET"),
        *(b"/Little gs BT /F1 9 Tf (%w) Tj ET", b"/Clear gs BT 1 Tr /F1 9 Tf (%w) Tj ET"),
        *(
            b"/Clean gs BT 2 Tr /F1 9 Tf (%w) Tj ET",
            b"/Clear gs BT 4 Tr /F1 9 Tf (%w) Tj ET /Full gs" + _BOX,
            b"/Clear gs /Fs Do",
        ),
        *(b"BT 3 Tr /F1 9 Tf (x) Tj 0 Tr T* (%w) Tj ET", b"BT 3 Tr /F1 9 Tf (x) Tj 0 Tr (%w) ' ET"),
    ],
)
def test_what_shows_or_cuts_out_stays(content: bytes) -> None:
    assert is_told(clean_document(written(_change(content.replace(b"%w", WORD)))))


def test_paint_that_clears_what_lies_below_it_stays() -> None:
    with pikepdf.open(io.BytesIO(clean_document(written(_change(b"/Fk Do"))))) as made:
        forms = [
            each for each in made.objects if isinstance(each, Stream) and each.get("/Subtype") == Name.Form
        ]
        assert forms[0].read_bytes().split()[-2:] == [b"re", b"f"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"BT /F1 9 Tf 3 Tr (x) Tj 0 Tr (y) Tj ET", b"BT /F1 9 Tf /OC /L BDC (x) Tj EMC [(y)] TJ ET"),
        *(b"BT /T3 9 Tf 3 Tr (a) Tj ET", b"/Clear gs BT /T3 9 Tf (a) Tj ET", b"8 Tr", b"1.5 Tr"),
        b"/OC << /Type /OCMD >> BDC" + _BOX + b"EMC",
        b"/Nothing cs 1 scn" + _BOX,
        b"BT /F1 0 Tf (x) Tj /F1 9 Tf (y) Tj ET",
    ],
)
def test_what_would_move_or_readers_differ_on_is_refused(content: bytes) -> None:
    with pytest.raises(NotTaken, match="content-in-pdf"):
        clean_document(written(_change(content)))


def _lacking(content: bytes, category: str, value: object) -> Change:
    """A form that names what only its page has."""

    def change(made: pikepdf.Pdf) -> None:
        own = made.pages[0].Resources
        own[f"/{category}"] = made.make_indirect(Dictionary(Lack=value))
        own.XObject = Dictionary(F=_form(made, content))
        draw(made, b"/F Do")

    return change


@pytest.mark.parametrize(
    ("content", "category", "value"),
    [
        (b"/OC /Lack BDC " + _TEXT + b" EMC", "Properties", Dictionary(Type=Name.OCG)),
        (b"/Lack gs " + _TEXT, "ExtGState", Dictionary(ca=0)),
        (b"/Lack cs" + _BOX, "ColorSpace", Name.DeviceGray),
        (b"/Pattern cs /Lack scn" + _BOX, "Pattern", Dictionary(PatternType=2)),
        (b"/Lack sh", "Shading", Dictionary(ShadingType=2)),
    ],
)
def test_a_form_that_lacks_what_its_page_has_is_refused(content: bytes, category: str, value: object) -> None:
    with pytest.raises(NotTaken, match="content-in-pdf"):
        clean_document(written(_lacking(content, category, value)))


def _require_gone(attempts: Attempts, what: str, content: bytes) -> None:
    data = written(_change(content))
    assert is_told(data)
    attempts.record(what, succeeded=is_told(clean_document(data)))
