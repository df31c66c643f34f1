"""What somebody painted over stays painted over when a PDF is cleaned, or the file is refused."""

import io
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from pikepdf import Array, Dictionary, Name, Stream

from tests.support.attempts import Attempts
from tests.support.canary_places import written
from tests.support.canary_places.marks import Change, draw, in_content

_BOX = (38, 145, 170, 27)
#: Numbers as programs write them, each 38.
_NUMBERS = (
    *("38", "+38", "38.", "38.0", "038", "38-", "38-5"),
    *("38.00000000000001", "38.0000000000000", "37.99999999999999999999999999999"),
    *("0000000000000038", "38." + "0" * 40, "38." + "3" * 4000, "0" * 4000 + "38"),
)
#: Those of which readers make several things, and what is no number.
_DOUBTFUL = (
    *(
        "--38",
        "+-38",
        "-+38",
        "38,0",
        "38.0.1",
        "38..",
        "3.8e1",
        "3.8E1",
        "38x",
        "99999999999",
        "(38)",
        "/38",
    ),
    *("null 38", "true", "[38]", "<<>> 38", "1 38", "", "9" * 30),
)
#: What may stand before or within a drawing.
_AROUND: Mapping[str, bytes] = {
    "a word of no kind": b"xx %b re f",
    "a word of no kind behind": b"%b re xx f",
    "a list that is open": b"[ %b re f",
    "a list within a list": b"[[1] 0 d %b re f",
    "a dictionary that is open": b"<< %b re f",
    "a word in a dictionary": b"/P << /A true /B null >> BDC %b re f EMC",
    "a stray end of a list": b"] %b re f",
    "a stray end of a dictionary": b">> %b re f",
    "a brace": b"{ %b re } f",
    "a parenthesis": b") %b re f",
    "an open string behind": b"%b re f (open",
    "a section for other programs": b"BX 1 2 own EX %b re f",
    "a number behind": b"%b re 5 f",
    "a state that is not there": b"/Away gs %b re f",
    "a space that is not there": b"/Away cs %b re f",
    "a font that is not there": b"/Away 9 Tf %b re f",
    "a colour with a long number": b"0.12345678901234567890 g %b re f",
}


def _numbers(first: str) -> bytes:
    return f"{first} 145 170 27".encode()


def covers(data: bytes) -> bool:
    """Whether the box is painted on the page, or in what the page draws, where it was."""
    with pikepdf.open(io.BytesIO(data)) as made:
        return any(_has_box(each) for each in _drawings(made.pages[0].obj))


def _drawings(page: Dictionary) -> Iterator[Stream]:
    content = page.Contents
    assert isinstance(content, Stream)
    yield content
    for each in dict(page.Resources.get("/XObject", Dictionary())).values():
        if isinstance(each, Stream) and each.Subtype == Name.Form:
            yield each


def _has_box(stream: Stream) -> bool:
    path: tuple[float, ...] = ()
    for each in pikepdf.parse_content_stream(stream):
        if str(each.operator) == "re":
            path = tuple(float(str(number)) for number in each.operands)
        elif str(each.operator) == "f" and path == pytest.approx(_BOX, abs=1):
            return True
    return False


def _is_uncovered(change: Change) -> bool:
    try:
        return not covers(clean_document(written(change)))
    except NotTaken as error:
        if error.reason not in {"content-in-pdf", "font-in-pdf"}:
            raise
        return False


@pytest.mark.parametrize("first", _NUMBERS, ids=lambda each: each[:20])
def test_a_number_of_any_length_keeps_its_place(attempts: Attempts, first: str) -> None:
    for change in (
        in_content(_numbers(first) + b" re f"),
        in_content(b"q 1 0 0 1 0 0 cm 0.5019607843137255 g\n" + _numbers(first) + b"\nre f Q"),
    ):
        attempts.record(f"number {first[:20]}", succeeded=not covers(clean_document(written(change))))


@pytest.mark.parametrize("first", ["0", ".", "-", "-.", "+", "0.", "-0", "." + "0" * 99 + "1"])
def test_a_number_without_a_digit_is_zero(first: str) -> None:
    made = clean_document(written(in_content(f"1 0 0 1 38 {first} cm {first} 145 170 27 re f".encode())))
    with pikepdf.open(io.BytesIO(made)) as document:
        words = document.pages[0].Contents.read_bytes()
    assert b"1 0 0 1 38 0" in words.replace(b"-", b"")
    assert b" 145 170 27 re\nf" in words


@pytest.mark.parametrize("first", _DOUBTFUL)
def test_a_number_that_readers_do_not_agree_on_uncovers_nothing(attempts: Attempts, first: str) -> None:
    attempts.record(f"number {first}", succeeded=_is_uncovered(in_content(_numbers(first) + b" re f")))


@pytest.mark.parametrize("what", _AROUND)
def test_nothing_around_a_drawing_takes_it_away(attempts: Attempts, what: str) -> None:
    content = _AROUND[what].replace(b"%b", _numbers("38"))
    attempts.record(what, succeeded=_is_uncovered(in_content(content)))


def _form(made: pikepdf.Pdf, content: bytes, **told: object) -> Stream:
    form = Stream(made, content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 300, 300]))
    for key, value in told.items():
        form[f"/{key}"] = value
    return made.make_indirect(form)


def _with_own(make: Callable[[pikepdf.Pdf], Stream], content: bytes = b"/Own Do") -> Change:
    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].Resources.XObject.Own = make(made)
        draw(made, content)

    return change


def _on_the_page(made: pikepdf.Pdf) -> Stream:
    made.pages[0].Resources.XObject.Box = _form(made, b"38 145 170 27 re f")
    return _form(made, b"/Box Do", Resources=Dictionary())


def _within_itself(made: pikepdf.Pdf) -> Stream:
    form = _form(made, b"/Own Do 38 145 170 27 re f")
    form.Resources = Dictionary(XObject=Dictionary(Own=form))
    return form


_SMALL, _LARGE = Decimal("0.000000001"), b"38000000000 145000000000 170000000000 27000000000 re f"
_FORMS: Mapping[str, Change] = {
    "form": _with_own(lambda made: _form(made, b"38 145 170 27 re f")),
    "form that is named on its page only": _with_own(_on_the_page),
    "form within itself": _with_own(_within_itself),
    "form of no kind": _with_own(lambda made: _form(made, b"38 145 170 27 re f", Subtype=Name.Own)),
    "form with a very small matrix": _with_own(
        lambda made: _form(made, _LARGE, Matrix=Array([_SMALL, 0, 0, _SMALL, 0, 0]))
    ),
    "form with a turned matrix": _with_own(
        lambda made: _form(
            made, b"38 145 170 27 re f", Matrix=Array([1, Decimal("-0.00000004371139"), 0, 1, 0, 0])
        )
    ),
    "form with a matrix that is none": _with_own(
        lambda made: _form(made, b"0 0 9 9 re f", Matrix=Array([1, 0, 0, 1, Name.x, 0]))
    ),
}


@pytest.mark.parametrize("what", _FORMS)
def test_no_form_that_covers_is_left_out(attempts: Attempts, what: str) -> None:
    attempts.record(what, succeeded=_is_uncovered(_FORMS[what]))


def _note(kind: str, **told: object) -> Change:
    def change(made: pikepdf.Pdf) -> None:
        note = Dictionary(Type=Name.Annot, Subtype=Name(f"/{kind}"), Rect=Array([38, 145, 208, 172]), F=4)
        note.C = note.IC = Array([0, 0, 0])
        for key, value in told.items():
            note[f"/{key}"] = value
        made.pages[0].obj.Annots = Array([made.make_indirect(note)])
        made.Root.AcroForm = Dictionary(Fields=Array(made.pages[0].obj.Annots if kind == "Widget" else []))

    return change


@pytest.mark.parametrize(
    "kind",
    [
        *("Square", "Circle", "Line", "Polygon", "PolyLine", "Ink", "Highlight", "Underline", "Squiggly"),
        *("StrikeOut", "FreeText", "Stamp", "Caret", "Redact", "Own"),
    ],
)
def test_a_note_that_readers_draw_by_themselves_is_not_left_out(attempts: Attempts, kind: str) -> None:
    states = Dictionary(N=Dictionary(Off=Dictionary()))
    for told in ({}, {"AP": Dictionary()}, {"AP": states}, {"AP": states, "AS": Name.On}):
        attempts.record(kind, succeeded=_is_uncovered(_note(kind, **told)))


def test_a_field_with_a_ground_of_the_readers_making_is_not_left_out(attempts: Attempts) -> None:
    attempts.record("field", succeeded=_is_uncovered(_note("Widget", MK=Dictionary(BG=Array([0, 0, 0])))))


@pytest.mark.parametrize("kind", ["Link", "Text", "Popup", "Widget", "FileAttachment"])
def test_a_note_that_covers_nothing_is_left_out(kind: str) -> None:
    assert clean_document(written(_note(kind)))


def test_a_picture_in_a_drawing_ends_where_its_samples_do(attempts: Attempts) -> None:
    for behind in (b"\nEI 38 145 170 27 re f ", b" EI", b"", b"\r\nEI xx"):
        content = b"BI /W 64 /H 48 /BPC 8 /CS /G ID " + bytes(9) + behind + b" EI"
        with pytest.raises(NotTaken, match="picture-in-pdf"):
            clean_document(written(in_content(content)))
        attempts.record("picture in a drawing", succeeded=False)
    whole = b"q 9 0 0 9 0 0 cm BI /W 2 /H 2 /BPC 8 /CS /G ID aaaa%bEI Q 38 145 170 27 re f"
    for gap in (b"", b" ", b"\n", b"\r\n"):
        assert covers(clean_document(written(in_content(whole.replace(b"%b", gap)))))
