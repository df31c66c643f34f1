"""What lies between what a picture or a font shows, where its form leaves room: it may not come through."""

import io
import struct

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from intake.files.pdf.cff import bare_cff
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.work import Work
from pikepdf import Name, Stream

from tests.support.attempts import Attempts
from tests.support.canaries import WORD
from tests.support.canary_places import with_picture, written


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
