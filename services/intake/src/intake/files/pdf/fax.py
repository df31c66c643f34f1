"""Pictures coded as a fax (ITU-T T.4 and T.6), undone and coded anew by way of TIFF."""

import io
import struct

from pikepdf import Dictionary
from PIL import Image

from intake.files.kinds import NotTaken

_LONG = 4
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_AT, _SAMPLES, _ROWS, _STRIP_BYTES, _T4_OPTIONS, _T6_OPTIONS = 273, 277, 278, 279, 292, 293
_GROUP_3, _GROUP_4 = 3, 4
_TWO_DIMENSIONS = 1
_BLACK_IS_ZERO = 1


def samples_of_fax(data: bytes, parameters: Dictionary | None, size: tuple[int, int]) -> Image.Image:
    """The picture in black and white, a sample of 1 as the PDF means it (ISO 32000-2, table 11)."""
    told = parameters if parameters is not None else Dictionary()
    columns, coding = int(told.get("/Columns", 1728)), int(told.get("/K", 0))
    if told.get("/EncodedByteAlign", False) or columns != size[0]:
        raise NotTaken("picture-in-pdf")
    options = (_T6_OPTIONS, 0) if coding < 0 else (_T4_OPTIONS, _TWO_DIMENSIONS if coding > 0 else 0)
    header = _header(len(data), size, _GROUP_4 if coding < 0 else _GROUP_3, options)
    image = Image.open(io.BytesIO(header + data), formats=["TIFF"])
    image.load()
    # A fax codes black runs as such; without BlackIs1 black is the sample 0, as for any other picture.
    return (
        image.convert("L").point(lambda value: 255 - value).convert("1") if told.get("/BlackIs1") else image
    )


def fax_of(image: Image.Image, size: tuple[int, int]) -> tuple[bytes, Dictionary]:
    """The samples coded anew, and what must be told of the coding."""
    out = io.BytesIO()
    image.info = {}
    image.save(out, "TIFF", compression="group4", tiffinfo={_ROWS: size[1]})
    written = out.getvalue()
    with Image.open(io.BytesIO(written), formats=["TIFF"]) as made:
        (at,), (count,) = made.tag_v2[_STRIP_AT], made.tag_v2[_STRIP_BYTES]  # type: ignore[attr-defined]
        is_black_zero = made.tag_v2[_PHOTOMETRIC] == _BLACK_IS_ZERO  # type: ignore[attr-defined]
    told = Dictionary(K=-1, Columns=size[0], Rows=size[1], BlackIs1=is_black_zero)
    return written[at : at + count], told


def _header(size_bytes: int, size: tuple[int, int], compression: int, options: tuple[int, int]) -> bytes:
    """A TIFF of one strip that follows this header (TIFF 6.0)."""
    entries = [
        (_WIDTH, size[0]),
        (_HEIGHT, size[1]),
        (_BITS, 1),
        (_COMPRESSION, compression),
        (_PHOTOMETRIC, 0),
        (_STRIP_AT, 0),
        (_SAMPLES, 1),
        (_ROWS, size[1]),
        (_STRIP_BYTES, size_bytes),
        options,
    ]
    length = 8 + 2 + 12 * len(entries) + 4
    packed = b"".join(
        struct.pack("<HHLL", tag, _LONG, 1, length if tag == _STRIP_AT else value) for tag, value in entries
    )
    return b"II*\0" + struct.pack("<LH", 8, len(entries)) + packed + bytes(4)
