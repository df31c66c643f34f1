"""What tells of a reporter in a file: a canary in every place and packing; none may come through.

A file is cleaned, or refused by name. That each canary can be found at all is looked at first.
"""

import io
import re
from collections.abc import Callable, Iterator

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import HEAD_BYTES, TAIL_BYTES, Declared, NotTaken, recognise
from intake.files.pictures import clean_picture
from intake.files.refusals import CODES
from pikepdf import Array, Dictionary, Name, Stream

from tests.support.attempts import IS_LONG, Attempts
from tests.support.canaries import JPEGS, JPXS, PNGS, WEBPS, WORD, fax, is_told, saved
from tests.support.canary_places import (
    DOUBTFUL,
    PACKINGS,
    PLACES,
    packed,
    raw_places,
    with_picture,
    written,
)
from tests.support.files import picture

#: Pairs of packings belong to the long run; the short one takes each filter alone and one pair of each.
_PACKINGS = PACKINGS if IS_LONG else PACKINGS[:7]
#: What a clean document may name (ISO 32000-2): written here once more, so that a slip in the rooms shows.
_KNOWN = """
    First Type Pages Kids Count Parent MediaBox CropBox Rotate UserUnit Contents Resources Group Font XObject
    ExtGState ColorSpace Pattern Shading Subtype BBox Matrix S I K CS Width Height BitsPerComponent Filter
    DecodeParms Length Decode Interpolate Intent ImageMask Mask SMask Matte Predictor Colors Columns Rows
    BlackIs1 BaseFont FirstChar LastChar Widths FontDescriptor Encoding ToUnicode Differences BaseEncoding
    DescendantFonts CIDSystemInfo Registry Ordering Supplement DW W DW2 W2 CIDToGIDMap FontName Flags
    FontBBox ItalicAngle Ascent Descent Leading CapHeight XHeight StemV StemH AvgWidth MaxWidth MissingWidth
    FontWeight FontFile FontFile2 FontFile3 Length1 Length2 Length3 CMapName WMode UseCMap FontMatrix
    CharProcs PatternType PaintType TilingType XStep YStep ShadingType Function Functions FunctionType
    Domain Range C0 C1 N Bounds Encode Size BitsPerSample Order Background AntiAlias Coords Extend
    BitsPerCoordinate BitsPerFlag VerticesPerRow WhitePoint BlackPoint Gamma LW LC LJ ML D RI OP op OPM FL
    SM SA BM CA ca AIS TK G BC TR Root Info ID
"""
_KEYS = frozenset(_KNOWN.split())
#: Names of resources and glyphs that we give.
_OWN = re.compile(r"/(?:[GXSCPF]\d+|n\d+\.of)")


def clean(data: bytes) -> bytes | None:
    """The clean file; None when it is refused by a name that its sender is told."""
    try:
        kind = recognise(data[:HEAD_BYTES], data[-TAIL_BYTES:], Declared())
        return clean_picture(data, kind) if kind.is_photo else clean_document(data)
    except NotTaken as error:
        if error.reason not in CODES:
            raise
        return None


def attempt(attempts: Attempts, what: str, data: bytes, *, may_refuse: bool = False) -> bytes | None:
    """Clean a file that tells; a success is a canary that comes through."""
    assert is_told(data), f"{what}: no canary to find"
    cleaned = clean(data)
    assert may_refuse or cleaned is not None, f"{what}: refused, where it could be cleaned"
    attempts.record(what, succeeded=cleaned is not None and is_told(cleaned))
    return cleaned


@pytest.mark.parametrize("what", [*JPEGS, *PNGS, *WEBPS])
def test_no_part_of_a_photo_tells(attempts: Attempts, what: str) -> None:
    cleaned = attempt(attempts, what, {**JPEGS, **PNGS, **WEBPS}[what]())
    assert cleaned is not None
    assert set(_parts(cleaned)) <= _SHOWING, what


#: Parts of pictures that make the picture, and nothing else.
_SHOWING = frozenset(
    [*("IHDR", "PLTE", "IDAT", "IEND", "tRNS"), *("VP8 ", "VP8L", "VP8X", "ALPH")]
    + [f"ff{marker:02x}" for marker in (0xC0, 0xC2, 0xC4, 0xDB, 0xDA, 0xE0)]
)


def _parts(data: bytes) -> Iterator[str]:
    if data.startswith(b"\x89PNG"):
        at = 8
        while at < len(data):
            yield data[at + 4 : at + 8].decode("ascii")
            at += 12 + int.from_bytes(data[at : at + 4])
    elif data.startswith(b"RIFF"):
        at = 12
        while at < len(data):
            yield data[at : at + 4].decode("ascii")
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            at += 8 + size + size % 2
    else:
        yield from (
            f"ff{each[1]:02x}" for each in re.findall(rb"\xff[\xc0-\xcf\xda-\xfe]", data) if each[1] != 0xD9
        )


_CODED: dict[str, tuple[str, Callable[[], bytes], dict[str, object]]] = {
    **{name: ("DCTDecode", make, {}) for name, make in JPEGS.items()},
    **{name: ("JPXDecode", make, {}) for name, make in JPXS.items()},
    "fax, behind its end": (
        "CCITTFaxDecode",
        lambda: fax() + WORD,
        {"ColorSpace": Name.DeviceGray, "BitsPerComponent": 1},
    ),
    "samples, behind the last": ("", lambda: picture((64, 48)).tobytes() + WORD, {}),
}


@pytest.mark.parametrize("packing", _PACKINGS, ids=lambda each: "+".join(each) or "bare")
def test_no_picture_in_a_document_tells_in_any_packing(attempts: Attempts, packing: tuple[str, ...]) -> None:
    for what, (coding, make, told) in _CODED.items():
        coded = (*packing, coding) if coding else packing
        parameters = [
            Dictionary(K=-1, Columns=64, Rows=48) if each == "CCITTFaxDecode" else None for each in coded
        ]
        more = {**told, "DecodeParms": Array(parameters)} if coding == "CCITTFaxDecode" else told
        data = written(with_picture(packed(make(), packing), coded, **more))
        cleaned = attempt(attempts, "picture in a PDF, in every packing", data)
        assert cleaned is not None
        with pikepdf.open(io.BytesIO(cleaned)) as made:
            assert len(made.pages[0].Resources.XObject) == 2, what  # it is still there


@pytest.mark.parametrize("coding", ["JBIG2Decode", "Crypt", "EigenDecode", "DCTDecode+DCTDecode"])
def test_a_picture_that_cannot_be_decoded_is_refused(attempts: Attempts, coding: str) -> None:
    data = written(
        with_picture(JPEGS["JPEG comment"](), tuple(coding.replace("Crypt", "EigenDecode").split("+")))
    )
    if coding == "Crypt":
        data = data.replace(b"/EigenDecode", b"/Crypt      ")  # the writer would leave it out
    assert is_told(data)
    attempts.record("picture in a PDF that nobody can decode", succeeded=clean(data) is not None)


@pytest.mark.parametrize("what", PLACES)
def test_no_place_of_a_document_tells(attempts: Attempts, what: str) -> None:
    for more in ({}, {"object_stream_mode": pikepdf.ObjectStreamMode.generate}) if IS_LONG else ({},):
        cleaned = attempt(attempts, what, written(PLACES[what], **more))
        assert cleaned is not None
        _require_known_keys(cleaned)


@pytest.mark.parametrize("what", DOUBTFUL)
def test_what_readers_read_in_several_ways_is_refused(attempts: Attempts, what: str) -> None:
    assert attempt(attempts, what, written(DOUBTFUL[what]), may_refuse=True) is None


def test_nothing_around_the_objects_of_a_document_tells(attempts: Attempts) -> None:
    for what, data in raw_places().items():
        attempt(attempts, what, data, may_refuse=True)


def test_everything_at_once_does_not_tell_either(attempts: Attempts) -> None:
    for made in (written(*_that_go_together()), written(*_that_go_together(), linearize=True)):
        attempt(attempts, "every place at once", made)


def _that_go_together() -> list[Callable[[pikepdf.Pdf], None]]:
    seen: dict[str, Callable[[pikepdf.Pdf], None]] = {}
    for what, change in PLACES.items():
        if what == "text on a layer that is off":
            continue  # the others give the document layers of their own, and it would be on
        seen.setdefault(what.rpartition(" of ")[0] or what, change)
    return list(seen.values())


def test_the_identity_of_a_document_is_of_its_content_alone() -> None:
    data = written()
    assert clean(data) == clean(data)  # no moment, no chance


def _require_known_keys(data: bytes) -> None:
    with pikepdf.open(io.BytesIO(data)) as made:
        assert set(made.trailer.keys()) <= {
            "/Root",
            "/Size",
            "/ID",
            "/Length",
            "/Filter",
            "/W",
            "/Index",
            "/Type",
            "/DecodeParms",
        }
        for each in made.objects:
            _look_through(each, 0)


def _look_through(each: object, depth: int) -> None:
    if depth > 6:
        return
    if isinstance(each, (Dictionary, Stream)):
        for key, value in each.items():
            assert key[1:] in _KEYS or _OWN.fullmatch(key), key
            if isinstance(value, pikepdf.Object) and not value.is_indirect:
                _look_through(value, depth + 1)
    elif isinstance(each, Array):
        for value in each:
            _look_through(value, depth + 1)


def test_a_clean_picture_is_still_the_same_picture() -> None:
    data = written(with_picture(packed(saved("JPEG"), ("ASCII85Decode",)), ("ASCII85Decode", "DCTDecode")))
    cleaned = clean(data)
    assert cleaned is not None
    with pikepdf.open(io.BytesIO(cleaned)) as made:
        shown = [each for each in made.pages[0].Resources.XObject.values() if isinstance(each, Stream)]
        images = [pikepdf.PdfImage(each).as_pil_image() for each in shown]
    for image in images:
        left, right = image.getpixel((5, 20)), image.getpixel((60, 40))
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        assert left[2] > 130 > left[0]
        assert right[0] > 150 > right[2]
