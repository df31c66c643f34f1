"""Pictures that readers show in several ways are refused, and what shows in none of them is blanked."""

import io
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from pikepdf import Array, Dictionary, Name, Stream, String
from PIL import Image

from tests.support.attempts import Attempts
from tests.support.canaries import saved
from tests.support.canary_places import with_picture, written
from tests.support.canary_places.marks import Change, in_content
from tests.support.files import picture

_SIZE = (64, 48)
_GREY = {"ColorSpace": Name.DeviceGray}
_STENCIL: dict[str, Any] = {"ImageMask": True, "BitsPerComponent": 1}
_FULL, _ROWS = b"\xff" * (64 * 48), b"\xff" * (8 * 48)
_LISTED = Array([Name.Indexed, Name.DeviceGray, 1, String(b"\xff\0")])


def _jpx(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG2000")
    return out.getvalue()


def _shown(data: bytes | None = None, coding: str = "", mask: Change | None = None, **told: Any) -> Change:
    """A picture of these bytes, usually samples of a picture."""

    def change(made: pikepdf.Pdf) -> None:
        samples = picture(_SIZE).tobytes() if data is None else data
        with_picture(samples, (coding,) if coding else (), **told)(made)
        if mask is not None:
            mask(made)

    return change


def _mask(data: bytes = _FULL, coding: Name | None = None, key: str = "SMask", **told: Any) -> Change:
    """With a mask of these bytes, usually one that hides nothing."""

    def change(made: pikepdf.Pdf) -> None:
        usual = {"Width": 64, "Height": 48, "BitsPerComponent": 8, **_GREY, **told}
        mask = Stream(made, b"", Type=Name.XObject, Subtype=Name.Image)
        for each, value in usual.items():
            if value is not None:
                mask[f"/{each}"] = value
        mask.write(data, filter=coding)
        made.pages[0].Resources.XObject.Shown[f"/{key}"] = made.make_indirect(mask)

    return change


def _in_mask(mask: Change) -> Change:
    """A mask with this mask of its own."""

    def change(made: pikepdf.Pdf) -> None:
        mask(made)
        shown = made.pages[0].Resources.XObject.Shown
        own = shown.SMask
        _mask()(made)
        shown.SMask.SMask = own

    return change


def _clear() -> bytes:
    return _jpx(Image.new("RGBA", _SIZE, (9, 9, 9, 0)))


_HARD = _mask(_ROWS, key="Mask", **_STENCIL)
_TURNED = Array([1, 0])
_DIFFERING: Mapping[str, Callable[[], Change]] = {
    "JPEG 2000, wider than told": lambda: _shown(saved("JPEG2000"), "JPXDecode", Width=32),
    "JPEG 2000, higher than told": lambda: _shown(saved("JPEG2000"), "JPXDecode", Height=24),
    "JPEG 2000, smaller than told": lambda: _shown(saved("JPEG2000"), "JPXDecode", Width=128),
    "stencil with a soft mask": lambda: _shown(_ROWS, mask=_mask(), **_STENCIL),
    "stencil with a stencil": lambda: _shown(_ROWS, mask=_HARD, **_STENCIL),
    "stencil with colours left out": lambda: _shown(_ROWS, Mask=Array([0, 0]), **_STENCIL),
    "stencil as a JPEG": lambda: _shown(saved("JPEG"), "DCTDecode", **_STENCIL),
    "stencil as a JPEG 2000": lambda: _shown(saved("JPEG2000"), "JPXDecode", **_STENCIL),
    "stencil without samples": lambda: _shown(b"", Decode=_TURNED, **_STENCIL),
    "stencil with grey": lambda: _shown(_ROWS, Decode=Array([0, 0]), **_STENCIL),
    "mask without samples": lambda: _shown(mask=_mask(b"")),
    "mask with half of its samples": lambda: _shown(mask=_mask(_FULL[: len(_FULL) // 2])),
    "mask that does not unpack": lambda: _shown(mask=_mask(b"x", Name.FlateDecode)),
    "mask cut off": lambda: _shown(mask=_mask(zlib.compress(_FULL, 0)[:900], Name.FlateDecode)),
    "mask in a list": lambda: _shown(mask=_mask(ColorSpace=_LISTED)),
    "mask in colour": lambda: _shown(mask=_mask(_FULL * 3, ColorSpace=Name.DeviceRGB)),
    "mask in no space": lambda: _shown(mask=_mask(ColorSpace=None)),
    "mask that is a stencil": lambda: _shown(mask=_mask(_ROWS, **_STENCIL)),
    "mask with a mask": lambda: _shown(mask=_in_mask(_mask())),
    "mask with colours left out": lambda: _shown(mask=_mask(Mask=Array([0, 0]))),
    "mask with half a Decode": lambda: _shown(mask=_mask(Decode=Array([1]))),
    "mask as a JPEG 2000, wider than told": lambda: _shown(
        mask=_mask(_jpx(Image.new("L", (128, 48), 255)), Name.JPXDecode)
    ),
    "mask as a JPEG 2000, turned round": lambda: _shown(
        mask=_mask(_jpx(Image.new("L", _SIZE, 255)), Name.JPXDecode, Decode=_TURNED)
    ),
    "stencil as a mask, half": lambda: _shown(mask=_mask(_ROWS[:99], key="Mask", **_STENCIL)),
    "mask that was mixed in": lambda: _shown(_clear(), "JPXDecode", SMaskInData=2),
    "two masks": lambda: _shown(_clear(), "JPXDecode", SMaskInData=1, mask=_mask()),
    "mask and colours left out": lambda: _shown(
        _clear(), "JPXDecode", SMaskInData=1, Mask=Array([0, 0, 0, 0, 0, 0])
    ),
    "no samples, turned round": lambda: _shown(b"", Decode=Array([1, 0, 1, 0, 1, 0])),
    "few samples, and colours left out": lambda: _shown(b"\x09" * 99, Mask=Array([0, 0, 0, 0, 0, 0])),
    "half a Decode": lambda: _shown(Decode=Array([1, 0, 1])),
}


@pytest.mark.parametrize("what", _DIFFERING)
def test_a_picture_that_readers_show_in_several_ways_is_refused(attempts: Attempts, what: str) -> None:
    with pytest.raises(NotTaken, match="picture-in-pdf"):
        clean_document(written(_DIFFERING[what]()))
    attempts.record(what, succeeded=False)


_USUAL: Mapping[str, Callable[[], Change]] = {
    "JPEG of another size": lambda: _shown(saved("JPEG"), "DCTDecode", Width=32),
    "JPEG 2000": lambda: _shown(saved("JPEG2000"), "JPXDecode", Decode=Array([0, 1] * 3)),
    "JPEG 2000 with a mask within": lambda: _shown(_clear(), "JPXDecode", SMaskInData=1),
    "JPEG 2000 as a mask": lambda: _shown(
        mask=_mask(_jpx(Image.new("L", _SIZE, 255)), Name.JPXDecode, ColorSpace=None)
    ),
    "few samples": lambda: _shown(b"\x09" * 99, Decode=Array([0, 1] * 3)),
    "stencil within the drawing, without a gap": lambda: in_content(
        b"q 9 0 0 9 0 0 cm BI /W 8 /H 2 /IM true /BPC 1 ID a\0EI Q"
    ),
    "stencil": lambda: _shown(_ROWS, Decode=_TURNED, **_STENCIL),
    "mask": lambda: _shown(mask=_mask(Decode=Array([0, 1]))),
    "mask of measured greys": lambda: _shown(
        mask=_mask(ColorSpace=Array([Name.CalGray, Dictionary(WhitePoint=Array([1, 1, 1]))]))
    ),
    "both masks": lambda: _shown(mask=_mask(), Mask=Array([0, 0, 0, 0, 0, 0])),
}


@pytest.mark.parametrize("what", _USUAL)
def test_a_picture_as_makers_write_it_is_taken(what: str) -> None:
    with _made(_USUAL[what]()) as made:
        assert len(made.pages[0].Resources.XObject) == 2, what


def test_what_turns_a_jpeg_2000_round_for_no_reader_turns_nothing_round() -> None:
    with _made(_shown(saved("JPEG2000"), "JPXDecode", Decode=Array([1, 0] * 3))) as made:
        assert "/Decode" not in made.pages[0].Resources.XObject.X1


@pytest.mark.parametrize("coding", ["", "DCTDecode"])
def test_a_picture_of_which_every_sample_looks_alike_does_not_tell(attempts: Attempts, coding: str) -> None:
    data = saved("JPEG") if coding else picture(_SIZE).tobytes()
    with _made(_shown(data, coding, Decode=Array([1, 1, 0, 0, 0.5, 0.5]))) as made:
        shown = made.pages[0].Resources.XObject.X1
        assert isinstance(shown, Stream)
        assert [float(str(each)) for each in shown.Decode] == [1, 1, 0, 0, 0.5, 0.5]
        del shown["/Decode"]
        after = pikepdf.PdfImage(shown).as_pil_image()
        attempts.record("picture of one shade", succeeded=len(after.getcolors() or ()) != 1)


def _made(change: Change) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(clean_document(written(change))))
