"""What lies in the erased or masked part of a picture, where no screen shows it: it may not come through."""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import FileKind, NotTaken
from intake.files.pictures import clean_picture
from pikepdf import Array, Dictionary, Name, Stream
from PIL import Image, ImageChops

from tests.support.attempts import Attempts
from tests.support.canaries import fax
from tests.support.canary_places import with_picture, written
from tests.support.canary_places.marks import Change
from tests.support.files import chunk

_SIZE = (64, 48)
_HALF = _SIZE[0] // 2
_RED, _ONE, _OTHER = (180, 40, 40), (9, 99, 199), (250, 250, 10)


def _drawing() -> Image.Image:
    """Red on the left, which is seen; on the right stripes that were erased."""
    made = Image.new("RGB", _SIZE, _RED)
    for at in range(_HALF, _SIZE[0]):
        made.paste(_ONE if at % 2 else _OTHER, (at, 0, at + 1, _SIZE[1]))
    return made


def _alpha(size: tuple[int, int] = _SIZE) -> Image.Image:
    made = Image.new("L", size, 255)
    made.paste(0, (size[0] // 2, 0, *size))
    return made


def _saved(image: Image.Image, kind: str = "PNG", **told: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **told)
    return out.getvalue()


def _with_alpha(mode: str) -> Image.Image:
    made = _drawing().convert(mode[:-1])
    made.putalpha(_alpha())
    return made


def _of_palette() -> bytes:
    made = _drawing().quantize(8)
    entry = [made.getpixel((at, 0)) for at in (_HALF + 1, _HALF + 2)]
    assert len({*entry, made.getpixel((0, 0))}) == 3
    return _saved(made, transparency=bytes(0 if each in entry else 255 for each in range(8)))


def _deep() -> bytes:
    """Sixteen bits for each sample, as Pillow cannot write it."""
    rgb, alpha = _drawing().tobytes(), _alpha().tobytes()
    dots = [bytes(2 * [*rgb[3 * at : 3 * at + 3], alpha[at]]) for at in range(len(alpha))]
    wide = [b"".join(bytes([each, each]) for each in dot[:4]) for dot in dots]
    rows = [b"\0" + b"".join(wide[top * _SIZE[0] : (top + 1) * _SIZE[0]]) for top in range(_SIZE[1])]
    head = struct.pack(">IIBBBBB", *_SIZE, 16, 6, 0, 0, 0)
    parts = (("IHDR", head), ("IDAT", zlib.compress(b"".join(rows))), ("IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in parts)


_ERASED: Mapping[str, Callable[[], bytes]] = {
    "RGBA": lambda: _saved(_with_alpha("RGBA")),
    "LA": lambda: _saved(_with_alpha("LA")),
    "palette": _of_palette,
    "16 bits": _deep,
}


@pytest.mark.parametrize("what", _ERASED)
def test_no_erased_part_of_a_photo_tells(attempts: Attempts, what: str) -> None:
    data = _ERASED[what]()
    with Image.open(io.BytesIO(data)) as given:
        before = given.convert("RGBA")
    right = (_HALF, 0, *_SIZE)
    assert len(before.crop(right).getcolors() or ()) == 2, "nothing to find"
    with Image.open(io.BytesIO(clean_picture(data, FileKind.PNG))) as made:
        after = made.convert("RGBA")
    assert after.crop((0, 0, _HALF, _SIZE[1])).tobytes() == before.crop((0, 0, _HALF, _SIZE[1])).tobytes()
    attempts.record("erased part of a photo", succeeded=set(after.crop(right).tobytes()) != {0})


def test_a_webp_that_kept_its_erased_part_does_not_tell(attempts: Attempts) -> None:
    data = _saved(_with_alpha("RGBA"), "WEBP", lossless=True, exact=True)
    with Image.open(io.BytesIO(clean_picture(data, FileKind.WEBP))) as made:
        erased = made.convert("RGBA").crop((_HALF + 8, 0, *_SIZE)).convert("RGB")
    attempts.record("erased part of a photo", succeeded=_spread(erased) > 12)


@pytest.mark.parametrize("key", [_ONE, 0x1234])
def test_a_colour_that_is_left_out_stays_out(key: tuple[int, int, int] | int) -> None:
    image = Image.new("I;16", _SIZE, key) if isinstance(key, int) else _drawing()
    with Image.open(io.BytesIO(clean_picture(_saved(image, transparency=key), FileKind.PNG))) as made:
        unseen = made.convert("RGBA").crop((_HALF + 1, 0, _HALF + 2, _SIZE[1]))
    assert len(unseen.getcolors() or ()) == 1


def test_what_is_seen_a_little_stays() -> None:
    image = _drawing().convert("RGBA")
    image.putalpha(1)
    with Image.open(io.BytesIO(clean_picture(_saved(image), FileKind.PNG))) as made:
        assert made.tobytes() == image.tobytes()


def _mask(data: bytes, coding: Name | None = None, **told: Any) -> Callable[[pikepdf.Pdf], object]:
    def make(made: pikepdf.Pdf) -> object:
        usual = {"Width": _SIZE[0], "Height": _SIZE[1], "BitsPerComponent": 8, "ColorSpace": Name.DeviceGray}
        mask = Stream(made, b"", Type=Name.XObject, Subtype=Name.Image, **{**usual, **told})
        mask.write(data, filter=coding, decode_parms=told.get("DecodeParms"))
        return made.make_indirect(mask)

    return make


def _stencil() -> bytes:
    return ImageChops.invert(_alpha()).convert("1").tobytes()


def _large() -> bytes:
    return _alpha((640, 480)).tobytes()


_G4 = Dictionary(K=-1, Columns=_SIZE[0], Rows=_SIZE[1])
_MASKS: Mapping[str, tuple[str, Callable[[pikepdf.Pdf], object]]] = {
    "soft mask": ("SMask", _mask(_alpha().tobytes())),
    "soft mask turned round": (
        "SMask",
        _mask(ImageChops.invert(_alpha()).tobytes(), Decode=Array([1, 0])),
    ),
    "soft mask of one bit": ("SMask", _mask(_alpha().convert("1").tobytes(), BitsPerComponent=1)),
    "soft mask as a JPEG": ("SMask", _mask(_saved(_alpha(), "JPEG"), Name.DCTDecode)),
    "larger soft mask": ("SMask", _mask(_large(), Width=640, Height=480)),
    "smaller soft mask": ("SMask", _mask(b"\xff\0" * 2, Width=2, Height=2)),
    "stencil": ("Mask", _mask(_stencil(), BitsPerComponent=1, ImageMask=True)),
    "stencil turned round": (
        "Mask",
        _mask(_alpha().convert("1").tobytes(), BitsPerComponent=1, ImageMask=True, Decode=Array([1, 0])),
    ),
    "stencil as a fax": (
        "Mask",
        _mask(fax(_alpha()), Name.CCITTFaxDecode, BitsPerComponent=1, ImageMask=True, DecodeParms=_G4),
    ),
    "colours that are left out": ("Mask", lambda _: Array([0, 255, 70, 255, 0, 255])),
}


def _with_mask(key: str, make: Callable[[pikepdf.Pdf], object], coding: str) -> Change:
    samples = _saved(_drawing(), "JPEG", quality=95, subsampling=0) if coding else _drawing().tobytes()

    def change(made: pikepdf.Pdf) -> None:
        with_picture(samples, (coding,) if coding else ())(made)
        made.pages[0].Resources.XObject.Shown[f"/{key}"] = make(made)

    return change


@pytest.mark.parametrize("coding", ["", "DCTDecode"])
@pytest.mark.parametrize("what", _MASKS)
def test_no_masked_part_of_a_picture_in_a_document_tells(attempts: Attempts, what: str, coding: str) -> None:
    cleaned = clean_document(written(_with_mask(*_MASKS[what], coding)))
    with pikepdf.open(io.BytesIO(cleaned)) as made:
        shown = made.pages[0].Resources.XObject.X1
        assert isinstance(shown, Stream)
        assert ("/SMask" in shown) != ("/Mask" in shown), "it is still masked"
        after = pikepdf.PdfImage(Stream(made, shown.read_raw_bytes(), **_bare(shown))).as_pil_image()
    seen, unseen = (0, 0, _HALF - 8, _SIZE[1]), (_HALF + 8, 0, *_SIZE)
    assert _spread(ImageChops.difference(after.crop(seen), _drawing().crop(seen))) < 12
    assert _spread(_drawing().crop(unseen)) > 90
    attempts.record(f"masked part: {what}", succeeded=_spread(after.crop(unseen)) > 12)


def _bare(shown: Stream) -> dict[str, object]:
    """A picture without its masks."""
    return {key[1:]: value for key, value in shown.items() if key not in {"/Mask", "/SMask", "/Length"}}


def _spread(image: Image.Image) -> int:
    """How far its samples lie apart, at the most."""
    ends = [each.getextrema() for each in image.split()]
    return max(int(str(most)) - int(str(least)) for least, most in ends)


def test_a_deep_picture_is_blanked_too(attempts: Attempts) -> None:
    samples = b"".join(each.to_bytes(2) for each in range(_SIZE[0] * _SIZE[1]))

    def change(made: pikepdf.Pdf) -> None:
        with_picture(samples, (), ColorSpace=Name.DeviceGray, BitsPerComponent=16)(made)
        made.pages[0].Resources.XObject.Shown.SMask = _mask(_alpha().tobytes())(made)

    with pikepdf.open(io.BytesIO(clean_document(written(change)))) as made:
        after = made.pages[0].Resources.XObject.X1.read_bytes()
    rows = [after[at : at + 2 * _SIZE[0]] for at in range(0, len(after), 2 * _SIZE[0])]
    assert all(row[: _SIZE[0]] == samples[at * 2 * _SIZE[0] :][: _SIZE[0]] for at, row in enumerate(rows))
    attempts.record("masked part of 16 bits", succeeded=any(any(row[_SIZE[0] :]) for row in rows))


def test_a_mask_that_readers_take_in_different_ways_is_refused(attempts: Attempts) -> None:
    for make in (
        _mask(_stencil(), BitsPerComponent=1),
        lambda _: Array([1, 2, 3]),
        lambda _: Array([Name.X]),
    ):
        with pytest.raises(NotTaken):
            clean_document(written(_with_mask("Mask", make, "")))
        attempts.record("mask that is none", succeeded=False)
