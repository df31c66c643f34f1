"""A document that was made anew looks as it did: samples, outlines and drawings are the same."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.pdf.cff import bare_cff
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.truetype import bare_font
from intake.files.pdf.work import Work
from pikepdf import Array, Dictionary, Name, Stream, String
from PIL import Image, ImageChops, ImageFont, ImageStat

from tests.support.canaries import fax
from tests.support.canary_places import cff, truetype, with_picture, written
from tests.support.files import picture

SIZE = (64, 48)


@contextmanager
def shown(data: bytes) -> Iterator[Stream]:
    """The picture that was put on the page last, after cleaning."""
    with pikepdf.open(io.BytesIO(clean_document(data))) as made:
        image = made.pages[0].Resources.XObject.X1
        assert isinstance(image, Stream)
        yield image


@pytest.mark.parametrize("is_black_one", [False, True])
def test_a_fax_keeps_every_dot(is_black_one: bool) -> None:
    told = {"ColorSpace": Name.DeviceGray, "BitsPerComponent": 1}
    parameters = Dictionary(K=-1, Columns=SIZE[0], Rows=SIZE[1], BlackIs1=is_black_one)
    data = written(with_picture(fax(), ("CCITTFaxDecode",), DecodeParms=parameters, **told))
    with pikepdf.open(io.BytesIO(data)) as given:
        before = pikepdf.PdfImage(given.pages[0].Resources.XObject.Shown).as_pil_image()  # type: ignore[arg-type]
    with shown(data) as image:
        after = pikepdf.PdfImage(image).as_pil_image()
    assert after.convert("1").tobytes() == before.convert("1").tobytes()
    assert len(set(after.convert("1").tobytes())) > 1


def test_numbers_in_a_list_of_colours_do_not_change() -> None:
    samples = bytes(number % 4 for number in range(SIZE[0] * SIZE[1]))
    colours = Array([Name.Indexed, Name.DeviceRGB, 3, String(bytes(range(12)))])
    with shown(written(with_picture(samples, (), ColorSpace=colours))) as image:
        assert image.read_bytes() == samples
        assert bytes(image.ColorSpace[3]) == bytes(range(12))


@pytest.mark.parametrize(("bits", "count"), [(1, 1), (2, 1), (4, 3), (16, 3), (8, 4)])
def test_plain_samples_of_any_depth_stay(bits: int, count: int) -> None:
    space = {1: Name.DeviceGray, 3: Name.DeviceRGB, 4: Name.DeviceCMYK}[count]
    size = (SIZE[0] * bits * count + 7) // 8 * SIZE[1]
    samples = bytes(number * 7 % 256 for number in range(size))
    with shown(written(with_picture(samples, (), ColorSpace=space, BitsPerComponent=bits))) as image:
        assert image.read_bytes() == samples
        assert int(image.BitsPerComponent) == bits


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_photo_changes_by_less_than_an_eye_sees(mode: str) -> None:
    out = io.BytesIO()
    picture(SIZE).convert(mode).save(out, "JPEG", quality=95)
    space = {"L": Name.DeviceGray, "RGB": Name.DeviceRGB, "CMYK": Name.DeviceCMYK}[mode]
    with shown(written(with_picture(out.getvalue(), ("DCTDecode",), ColorSpace=space))) as image:
        coded = image.read_raw_bytes()
    with Image.open(out) as before, Image.open(io.BytesIO(coded)) as after:
        assert after.mode == mode
        assert max(ImageStat.Stat(ImageChops.difference(before, after)).mean) < 3


def test_a_picture_with_colours_that_are_left_out_keeps_its_edges() -> None:
    out = io.BytesIO()
    picture(SIZE).save(out, "JPEG")
    keys = [0, 30, 40, 80, 140, 180]
    with shown(written(with_picture(out.getvalue(), ("DCTDecode",), Mask=Array(keys)))) as image:
        assert image.Filter == Name.DCTDecode  # it does not swell
        mask = image.Mask
        assert isinstance(mask, Stream)
        unseen = Image.frombytes("1", SIZE, mask.read_bytes())
    with Image.open(out) as before:
        dots = before.convert("RGB").tobytes()
    is_out = [
        all(
            low <= dot <= high
            for dot, low, high in zip(dots[at : at + 3], keys[::2], keys[1::2], strict=True)
        )
        for at in range(0, len(dots), 3)
    ]
    assert [bool(each) for each in unseen.convert("L").tobytes()] == is_out
    assert len(set(is_out)) == 2


def drawn(font: bytes, text: str) -> bytes:
    return bytes(ImageFont.truetype(io.BytesIO(font), 40).getmask(text))


def test_glyphs_keep_their_outlines() -> None:
    given = truetype()
    made = bare_font(given, Glyphs(), Work())
    assert drawn(made, "Melding 0123 é") == drawn(given, "Melding 0123 é")
    assert any(drawn(made, "M"))
    assert drawn(bare_cff(cff(), Glyphs(), Work()), "A") == drawn(cff(), "A")


def test_a_drawing_keeps_its_words() -> None:
    content = (
        b"q 1 0 0 1 10.5 -20 cm .5 w [3 1] 0 d 0 0 m 10 10 l 1 2 3 4 5 6 c h B* Q "
        b"0.1 .2 0.3 rg 1 2 3 4 re W n "
        b"BT 1 Tr 2 Tc /F1 12 Tf 1 0 0 1 5 5 Tm (a\\)b(c)) Tj [(x) -20 <4142>] TJ "
        b"T* (y) ' 1 2 (z) \" ET"
    )

    def draw(made: pikepdf.Pdf) -> None:
        made.pages[0].Contents = made.make_stream(content)

    with pikepdf.open(io.BytesIO(clean_document(written(draw)))) as made:
        after = made.pages[0].Contents.read_bytes()
    words = pikepdf.Pdf.new()
    assert _words(words, after) == _words(words, content.replace(b"/F1", b"/F0"))


def _words(apart: pikepdf.Pdf, content: bytes) -> list[str]:
    parsed = pikepdf.parse_content_stream(apart.make_stream(content))
    return [f"{[str(operand) for operand in each.operands]} {each.operator}" for each in parsed]
