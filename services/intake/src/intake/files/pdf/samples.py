"""What a document says of a picture, and the samples of one that is coded (ISO 32000-2, 8.9.5).

`NotTaken` where readers make several pictures of it: one may show what another covers.
"""

import io
from dataclasses import dataclass

from pikepdf import Array, Name, Object, Stream
from PIL import Image

from intake.files.kinds import NotTaken
from intake.files.pdf.codecs import MAX_STREAM_BYTES
from intake.files.pdf.colours import components
from intake.files.pdf.making import Making, plain_numbers, truth, whole
from intake.files.pdf.veils import Keys

MAX_IMAGE_PIXELS = 200_000_000
DRAWN_PIXELS = 50_000_000  # a larger JPEG is decoded at a half or less
JPEG, JPEG_2000, FAX = "/DCTDecode", "/JPXDecode", "/CCITTFaxDecode"
_BIT_DEPTHS = frozenset({1, 2, 4, 8, 16})
_BYTE = 8
_MEASURED_GREY = "/CalGray"


@dataclass(frozen=True)
class Told:
    """What the document says of a picture."""

    width: int
    height: int
    bits: int
    count: int  # samples of a pixel; 0 when only the coded picture knows
    is_listed: bool = False  # a sample is no shade but a number in a list: it must not change
    keys: Keys | None = None  # colours that are left out
    span: tuple[float, ...] = ()  # what the least and the greatest sample of each component stand for
    needs_all: bool = False  # a sample that is not there may not be taken for another

    @property
    def is_flat(self) -> bool:
        """Whether all samples look alike."""
        return bool(self.span) and self.span[::2] == self.span[1::2]


def is_stencil_of(given: Stream) -> bool:
    """Whether it only says where paint goes."""
    return truth(given.get("/ImageMask")) is True


def told_of(given: Stream, coding: str | None, colours: Object | None, *, is_mask: bool = False) -> Told:
    """The shape of a picture in these colours (new ones); they are of no account for a stencil."""
    is_stencil = is_stencil_of(given)
    width, height = whole(given.get("/Width")) or 0, whole(given.get("/Height")) or 0
    if width < 1 or height < 1:
        raise NotTaken("damaged")
    if width * height > MAX_IMAGE_PIXELS:
        raise NotTaken("unpacks-too-large")
    bits = 1 if is_stencil else whole(given.get("/BitsPerComponent")) or _BYTE
    if bits not in _BIT_DEPTHS:
        raise NotTaken("damaged")
    is_listed = isinstance(colours, Array) and colours[0] == Name.Indexed
    count = 1 if is_stencil else (0 if colours is None else components(colours))
    span = _span(given, coding, count, is_mask=is_mask or is_stencil)
    if is_stencil and span not in {(), (0, 1), (1, 0)}:
        raise NotTaken("picture-in-pdf")
    needs_all = is_mask or is_stencil or span not in {(), (0, 1) * count}
    return Told(width, height, bits, count, is_listed, span=span, needs_all=needs_all)


def _span(given: Stream, coding: str | None, count: int, *, is_mask: bool) -> tuple[float, ...]:
    found = given.get("/Decode")
    if not isinstance(found, Array) or (coding == JPEG_2000 and not is_mask):  # where the standard has none
        return ()
    values = plain_numbers(found)
    if values is None or len(values) < 2 * count:
        raise NotTaken("picture-in-pdf")
    span = tuple(float(each) for each in values[: 2 * count])
    if coding == JPEG_2000 and span != (0, 1):
        raise NotTaken("picture-in-pdf")
    return span


def require_plain_mask(given: Stream, coding: str | None, colours: Object | None) -> None:
    """`NotTaken` for a mask or stencil that not all readers take for one, or that has a mask itself."""
    if any(isinstance(given.get(key), (Stream, Array)) for key in ("/SMask", "/Mask")):
        raise NotTaken("picture-in-pdf")
    if is_stencil_of(given):
        is_taken = coding in {None, FAX}
    elif colours is None:
        is_taken = coding == JPEG_2000
    else:
        is_taken = colours == Name.DeviceGray or (isinstance(colours, Array) and colours[0] == _MEASURED_GREY)
    if not is_taken:
        raise NotTaken("picture-in-pdf")


def keys_of(given: Stream) -> Keys | None:
    """The colours that are left out, where the document says so."""
    found = given.get("/Mask")
    if not isinstance(found, Array) or not len(found):
        return None
    values = plain_numbers(found)
    if values is None or len(values) % 2:
        raise NotTaken("picture-in-pdf")
    ends = [int(each) for each in values]
    return list(zip(ends[::2], ends[1::2], strict=True))


def whole_samples(making: Making, data: bytes, told: Told) -> bytes:
    """Plain samples, exactly as many as the picture has; zeros for those that are not there."""
    size_bytes = _size_bytes(told)
    lacking = max(size_bytes - len(data), 0)
    if lacking and (told.needs_all or told.keys is not None):
        raise NotTaken("picture-in-pdf")  # what is not there, is white to some readers
    making.work.take_bytes(lacking)
    return data[:size_bytes].ljust(size_bytes, b"\0")


def _size_bytes(told: Told) -> int:
    if not told.count:
        raise NotTaken("picture-in-pdf")
    size_bytes = (told.width * told.count * told.bits + 7) // 8 * told.height
    if size_bytes > MAX_STREAM_BYTES:
        raise NotTaken("unpacks-too-large")
    return size_bytes


def opened(data: bytes, coding: str, told: Told) -> Image.Image:
    """The picture that a JPEG or JPEG 2000 holds."""
    if coding == "/JBIG2Decode":
        raise NotTaken("picture-in-pdf")  # no decoder is at hand that is kept as well as the others
    Image.MAX_IMAGE_PIXELS = MAX_IMAGE_PIXELS
    image = Image.open(io.BytesIO(data), formats=["JPEG" if coding == JPEG else "JPEG2000"])
    if coding == JPEG_2000 and image.size != (told.width, told.height):
        raise NotTaken("picture-in-pdf")  # some readers cut off what others make to fit
    # What must be coded without loss swells: it may be as large only as what is decoded at once.
    if image.width * image.height > (DRAWN_PIXELS if told.is_listed else MAX_IMAGE_PIXELS):
        raise NotTaken("unpacks-too-large")
    if image.width * image.height > DRAWN_PIXELS:
        image.draft(None, (image.width // 2, image.height // 2))
    image.load()
    return image


def plain(image: Image.Image) -> Image.Image:
    """The same picture in grey, RGB or CMYK, without what shows through."""
    if image.mode in {"L", "RGB", "CMYK"}:
        return image
    if image.mode == "LA":
        return image.convert("L")
    if image.mode.startswith("I"):  # 16 bits
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGB")
