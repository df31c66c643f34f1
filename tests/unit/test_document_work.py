"""What one document may cost: a book is read, and light files that make much work are refused early."""

import io
import zlib
from collections.abc import Callable

import pikepdf
import pytest
from intake.files.documents import MAX_PAGES, clean_document
from intake.files.kinds import NotTaken
from intake.files.pdf.making import Making
from pikepdf import Array, Dictionary, Name, Stream

from tests.support.canary_places import written
from tests.support.canary_places.marks import on_font

_MB = 1_000_000


def _light(made: pikepdf.Pdf, content: bytes, **told: object) -> Stream:
    """A stream that weighs little for what it holds."""
    stream = Stream(made, b"", Dictionary({f"/{key}": value for key, value in told.items()}))
    stream.write(zlib.compress(content, 9), filter=Name.FlateDecode)
    return made.make_indirect(stream)


def _pages(content: bytes, count: int, own: Callable[[int], Dictionary] = lambda _: Dictionary()) -> bytes:
    """Pages that share their drawing, each with resources of its own."""
    made = pikepdf.new()
    drawing = _light(made, content)
    for number in range(count):
        made.add_blank_page(page_size=(9, 9))
        page = made.pages[-1]
        page.Contents, page.Resources = drawing, own(number)
    return _saved(made)


def _saved(made: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    made.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _numbered(number: int) -> Dictionary:
    return Dictionary(Properties=Dictionary({f"/Own{number}": Dictionary()}))


def _with_functions(count: int, size_bytes: int, *, samples: int) -> bytes:
    """Colours by functions of many samples, of which the document holds some."""
    made = pikepdf.new()
    made.add_blank_page(page_size=(9, 9))
    spaces = Dictionary()
    for number in range(count):
        told = {"FunctionType": 0, "BitsPerSample": 8, "Size": Array([samples])}
        course = _light(made, bytes(size_bytes), Domain=Array([0, 1]), Range=Array([0, 1]), **told)
        spaces[f"/C{number}"] = Array([Name.Separation, Name.Own, Name.DeviceGray, course])
    page = made.pages[0]
    page.Resources = Dictionary(ColorSpace=spaces)
    page.Contents = made.make_stream(b"".join(b"/C%d cs 0 0 9 9 re f " % number for number in range(count)))
    return _saved(made)


def test_a_drawing_that_pages_share_is_read_once() -> None:
    with pikepdf.open(io.BytesIO(clean_document(_pages(b"n " * 20_000 + b"0 0 9 9 re f", 80)))) as made:
        assert len({page.obj.Contents.objgen for page in made.pages}) == 1
        assert len(made.pages) == 80


def test_a_book_is_read() -> None:
    made = pikepdf.new()
    for number in range(MAX_PAGES):
        made.add_blank_page(page_size=(595, 842))
        lines = [
            b"/P <</MCID %d>> BDC BT /F1 11 Tf 1 0 0 1 50 %d Tm [%s] TJ ET EMC"
            % (at, 800 - 14 * at, b"(Dit) -20 (is) 3 (een) -12 (regel) 4 (uit) -7 (een) (boek) " * 3)
            for at in range(50)
        ]
        page = made.pages[-1]
        page.Contents = made.make_stream(b"\n".join(lines) + b" %d w" % number)
        page.Resources = Dictionary(Font=Dictionary(F1=Dictionary(Type=Name.Font, Subtype=Name.Type1)))
    with pikepdf.open(io.BytesIO(clean_document(_saved(made)))) as read:
        assert read.pages[-1].Contents.read_bytes().count(b"(boek)") == 150


@pytest.mark.parametrize(
    "make",
    [
        lambda: _pages(b" " * 10 * _MB, 12, _numbered),
        lambda: _pages(b"/" + b"#41" * 2 * _MB, 4, _numbered),
        lambda: _pages(b"(" + b"()" * 8 * _MB + b") Tj", 1),
        lambda: _pages(b"BI /W 8000 /H 8000 /CS /G /BPC 1 /F /Fl ID x EI ", 3, _numbered),
        lambda: _with_functions(4, 30 * _MB, samples=30 * _MB),
        lambda: _with_functions(4, 1, samples=30 * _MB),
        lambda: written(on_font("ToUnicode", lambda made: _light(made, b"<0> " * 6 * _MB))),
    ],
    ids=["spaces", "names", "strings", "pictures in a drawing", "samples", "samples it does not hold", "map"],
)
def test_little_weight_that_makes_much_work_is_refused(make: Callable[[], bytes]) -> None:
    data = make()
    assert len(data) < 150_000
    with pytest.raises(NotTaken) as caught:
        clean_document(data)
    assert caught.value.reason in {"too-heavy", "unpacks-too-large"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: _pages(b"/P BMC " * 60_000 + b"n " * 60_000, 1),
        lambda: _pages(b" " * 20 * _MB, 1),
        lambda: written(on_font("BaseFont", lambda _: Name("/Arial" + "PSMT" * 99 + "x"))),
        lambda: written(on_font("ToUnicode", lambda made: _light(made, b"(" * 400_000))),
    ],
    ids=["open sections", "space", "styles of a font", "open strings in a map"],
)
def test_what_looks_like_much_work_is_none(make: Callable[[], bytes]) -> None:
    assert clean_document(make())


def test_what_unpacks_large_is_not_held() -> None:
    making = Making(pikepdf.new(), pikepdf.new())
    assert len(making.stream(bytes(8 * _MB)).read_raw_bytes()) < 20_000


def test_all_streams_together_have_a_bound() -> None:
    making = Making(pikepdf.new(), pikepdf.new(), room_bytes=100)
    making.packed(bytes(60), {}, Name.FlateDecode)
    with pytest.raises(NotTaken, match="unpacks-too-large"):
        making.packed(bytes(60), {}, Name.FlateDecode)
