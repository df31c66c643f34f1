"""What comes out of cleaning: the same picture or pages, and nothing else; what is refused, and why."""

import io
from collections.abc import Callable

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from intake.files.documents import MAX_PAGES, clean_document
from intake.files.kinds import HEAD_BYTES, TAIL_BYTES, Declared, FileKind, NotTaken, recognise
from intake.files.pictures import KEPT_PIXELS, clean_picture
from intake.files.refusals import CODES
from pikepdf import Array, Name, String
from PIL import Image

from tests.support import files
from tests.support.canaries import saved
from tests.support.canary_places import PLACES, embedded, with_picture, written
from tests.support.files import CANARY
from tests.support.several import PNGS, WEBPS

_AS_IT_IS = {"stream_decode_level": pikepdf.StreamDecodeLevel.none, "compress_streams": False}


def known(data: bytes, declared: Declared | None = None) -> FileKind:
    return recognise(data[:HEAD_BYTES], data[-TAIL_BYTES:], declared or Declared())


def clean(data: bytes) -> bytes:
    kind = known(data)
    return clean_picture(data, kind) if kind.is_photo else clean_document(data)


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(NotTaken) as caught:
        work()
    assert caught.value.reason in CODES
    return caught.value.reason


def outcome(data: bytes) -> bytes | str:
    try:
        return clean(data)
    except NotTaken as error:
        return error.reason


@pytest.mark.parametrize("make", [files.photo, files.png, files.webp])
def test_a_photo_loses_all_that_is_told_of_it(make: Callable[[], bytes]) -> None:
    given_photo = make()
    assert CANARY.encode() in given_photo or make is files.png
    cleaned = clean(given_photo)
    with Image.open(io.BytesIO(cleaned)) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert not image.getexif()
        assert not set(image.info) - {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "loop",
            "background",
        }
    assert CANARY.encode() not in cleaned


def test_a_photo_stands_upright_without_its_orientation() -> None:
    with Image.open(io.BytesIO(clean(files.photo((640, 480), orientation=6)))) as image:
        assert image.size == (480, 640)
        assert image.convert("RGB").tobytes()[3 * 470 + 2] > 120  # the blue corner, turned right


def test_a_very_large_photo_is_made_smaller_and_a_bomb_is_refused() -> None:
    with Image.open(io.BytesIO(clean(files.photo((7000, 5000), orientation=1)))) as image:
        assert image.width * image.height <= KEPT_PIXELS
        assert image.width / image.height == pytest.approx(1.4, abs=0.01)
    assert refusal(lambda: clean(files.png_bomb())) == "unpacks-too-large"


def test_a_bomb_in_the_words_beside_a_picture_is_not_unpacked() -> None:
    assert len(clean(files.png_text_bomb())) < 100


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "CMYK", "I;16"])
def test_every_usual_kind_of_picture_is_taken(mode: str) -> None:
    out = io.BytesIO()
    grey = files.picture((40, 30)).convert("L")
    image = (
        grey.convert("I").point(lambda v: v * 256).convert("I;16") if mode == "I;16" else grey.convert(mode)
    )
    image.save(out, "JPEG" if mode == "CMYK" else "PNG")
    with Image.open(io.BytesIO(clean(out.getvalue()))) as made:
        assert made.size == (40, 30)


def test_a_document_loses_all_but_what_is_seen() -> None:
    given_pdf = files.pdf(files.with_everything)
    cleaned = clean(given_pdf)
    with pikepdf.open(io.BytesIO(cleaned)) as made:
        assert set(made.Root.keys()) == {"/Type", "/Pages"}
        assert not made.docinfo
        assert b"Zichtbare tekst" in made.pages[0].Contents.read_bytes()
        assert set(made.pages[0].obj.keys()) <= {
            *("/Type", "/Parent", "/MediaBox", "/CropBox", "/Rotate", "/Contents", "/Resources", "/UserUnit")
        }
        bare = io.BytesIO()
        made.save(
            bare,
            stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
            compress_streams=False,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
        (image,) = made.pages[0].Resources.XObject.values()
        shown = image.read_raw_bytes()
    assert CANARY.encode() not in bare.getvalue()
    for word in (b"JavaScript", b"/JS", b"/URI", b"EmbeddedFile", b"/Metadata", b"/Thumb", b"/PieceInfo"):
        assert word not in bare.getvalue(), word
    with Image.open(io.BytesIO(shown)) as photo_in_it:
        assert not photo_in_it.getexif()
        photo_in_it.load()


def test_what_was_filled_in_on_a_form_stays_on_the_page() -> None:
    with pikepdf.open(io.BytesIO(clean(files.pdf(files.with_filled_field)))) as made:
        made.pages[0].contents_coalesce()
        bare = io.BytesIO()
        made.save(bare, stream_decode_level=pikepdf.StreamDecodeLevel.generalized, compress_streams=False)
    assert b"Ingevuld antwoord" in bare.getvalue()
    assert b"AcroForm" not in bare.getvalue()


_LISTED = Array([Name.Indexed, Name.DeviceGray, 1, String(b"\0\xff")])


def _jpeg_of(side: int) -> bytes:
    """A small JPEG that says to be much larger."""
    data = saved("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + side.to_bytes(2) * 2 + data[at + 4 :]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: files.pdf(files.with_packed_bomb), "unpacks-too-large"),
        (lambda: files.pdf(files.with_bomb_in_bomb, **_AS_IT_IS), "unpacks-too-large"),
        (lambda: files.pdf(encryption=pikepdf.Encryption(owner="x", user="x")), "encrypted"),
        (lambda: files.pdf(encryption=pikepdf.Encryption(owner="x", user="")), "encrypted"),
        (lambda: files.pdf()[:-300], "damaged"),
        (lambda: files.pdf()[:400], "damaged"),
        (lambda: b"%PDF-1.7\n%%EOF", "damaged"),
        (lambda: files.pdf(pages=MAX_PAGES + 1), "too-many-pages"),
        (lambda: written(with_picture(b"x", ("JBIG2Decode",))), "picture-in-pdf"),
        (lambda: written(with_picture(b"x", ("EigenDecode",))), "content-in-pdf"),
        (lambda: written(with_picture(_jpeg_of(60_000), ("DCTDecode",))), "unpacks-too-large"),
        (lambda: written(with_picture(b"", (), Width=60_000, Height=60_000)), "unpacks-too-large"),
        (
            lambda: written(with_picture(_jpeg_of(8000), ("DCTDecode",), ColorSpace=_LISTED)),
            "unpacks-too-large",
        ),
        (lambda: written(embedded("FontFile", b"%!PS-AdobeFont-1.0: F")), "font-in-pdf"),
        (lambda: files.photo()[:4000], "damaged"),
        (lambda: files.png()[:300], "damaged"),
        (lambda: b"\xff\xd8\xff\xe0" + bytes(400), "damaged"),
        (lambda: b"", "empty"),
        (lambda: b"GIF89a" + bytes(20), "kind-not-taken"),
        (files.zip_with, "kind-not-taken"),
        (lambda: b"\0\0\0\x18ftypheic" + bytes(40), "heic-not-taken"),
        (lambda: b"<!DOCTYPE html><script>alert(1)</script>", "script"),
        (lambda: b"  <svg onload='x'/>", "script"),
        (lambda: b"#!/bin/sh\nrm -rf /", "script"),
        (lambda: b"MZ" + bytes(60), "script"),
        (lambda: b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>", "two-kinds-at-once"),
        (lambda: files.pdf() + files.zip_with(), "two-kinds-at-once"),
        (lambda: files.photo() + files.zip_with(), "two-kinds-at-once"),
        (lambda: files.photo()[:20] + b"%PDF-1.4" + files.photo()[20:], "two-kinds-at-once"),
    ],
)
def test_hostile_and_broken_files_are_refused_by_name(make: Callable[[], bytes], reason: str) -> None:
    assert refusal(lambda: clean(make())) == reason


@pytest.mark.parametrize(
    ("declared", "is_taken"),
    [
        (Declared("image/jpeg", "jpg"), True),
        (Declared("IMAGE/JPEG; x=y", "jpeg"), True),
        (Declared("application/octet-stream", None), True),
        (Declared("image/png", None), False),
        (Declared(None, "pdf"), False),
        (Declared("text/html", None), False),
        (Declared(None, "exe"), False),
    ],
)
def test_a_name_or_type_that_says_otherwise_is_refused(declared: Declared, is_taken: bool) -> None:
    if is_taken:
        assert known(files.photo(), declared) is FileKind.JPEG
    else:
        assert refusal(lambda: known(files.photo(), declared)) == "wrong-extension"


_SEEDS = [
    *(files.photo((64, 48)), files.png((64, 48)), files.webp(), files.pdf(files.with_everything)),
    *(PNGS["a small frame"], PNGS["a frame before the other"], WEBPS["a small frame"]),
    written(
        *(
            PLACES[what]
            for what in ("pattern", "soft mask of a state", "glyph of Type 3", "several colorants")
        )
    ),
    written(*(PLACES[what] for what in ("TrueType font", "picture in the stream", "marked content"))),
    written(PLACES["CFF font"]),
    written(PLACES["Type 1 font"]),
]


@given(
    seed=st.sampled_from(_SEEDS),
    places=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), max_size=12),
    end=st.floats(0.05, 1),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_comes_is_cleaned_or_refused_by_name(
    seed: bytes, places: list[tuple[float, bytes]], end: float
) -> None:
    hurt = bytearray(seed)
    for place, put in places:
        at = int(place * len(hurt))
        hurt[at : at + len(put)] = put
    found = outcome(bytes(hurt[: max(1, int(len(hurt) * end))]))
    assert found in CODES if isinstance(found, str) else CANARY.encode() not in found


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_bytes_of_any_kind_are_refused_by_name(data: bytes) -> None:
    assert refusal(lambda: clean(data)) in CODES
