"""Pictures on a page: every one is decoded to its samples and coded anew, or the document is refused."""

import io
import zlib
from dataclasses import dataclass, replace

from pikepdf import Array, Dictionary, Name, Object, Stream
from PIL import Image, JpegImagePlugin

from intake.files.kinds import NotTaken
from intake.files.pdf.codecs import MAX_STREAM_BYTES, unpacked
from intake.files.pdf.colours import components, space
from intake.files.pdf.fax import fax_of, samples_of_fax
from intake.files.pdf.making import Making, kept, numbers, one_of, truth, whole

MAX_IMAGE_PIXELS = 200_000_000
_DRAWN_PIXELS = 50_000_000  # a larger JPEG is decoded at a half or less
_BIT_DEPTHS = frozenset({1, 2, 4, 8, 16})
_KEPT = {
    "/Decode": numbers,
    "/Interpolate": truth,
    "/Intent": one_of("AbsoluteColorimetric", "RelativeColorimetric", "Saturation", "Perceptual"),
}
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_DEVICES = {"L": "/DeviceGray", "RGB": "/DeviceRGB", "CMYK": "/DeviceCMYK"}
_BYTE = 8
_QUALITY = 90
_USUAL_SUBSAMPLING = 2  # 4:2:0, as Pillow names it
_SUBSAMPLINGS = {0, 1, _USUAL_SUBSAMPLING}  # 4:4:4 and 4:2:2 besides


@dataclass(frozen=True)
class _Told:
    """What the document says of a picture."""

    width: int
    height: int
    bits: int
    count: int  # samples of a pixel; 0 when only the coded picture knows
    is_exact: bool  # a sample is no shade but a number in a list, or a key: it must not change


@dataclass(frozen=True)
class _Coded:
    """A picture coded anew."""

    content: bytes
    filter: Name
    size: tuple[int, int]
    bits: int = _BYTE
    parameters: Dictionary | None = None
    colours: Object | None = None  # where only the picture knew them
    alpha: Object | None = None  # what the picture said itself of how much shows through


def picture(making: Making, given: Stream, *, is_mask: bool = False) -> Object | None:
    """An image made anew with the masks that belong to it. `NotTaken` for a coding that we cannot undo."""
    return making.once(given, ("picture", is_mask), lambda: _made(making, given, is_mask=is_mask))


def _made(making: Making, given: Stream, *, is_mask: bool) -> Object:
    is_stencil = truth(given.get("/ImageMask")) is True
    colours = Name.DeviceGray if is_mask else space(making, given.get("/ColorSpace"))
    coded = _coded(making, given, _told(given, None if is_stencil else colours, is_stencil=is_stencil))
    shown: dict[str, object] = {"/ImageMask": True} if is_stencil else {}
    if not is_stencil:
        shown["/ColorSpace"] = colours if colours is not None else coded.colours
    if not is_stencil and not is_mask:
        shown |= _masks(making, given)
    if coded.alpha is not None:
        shown["/SMask"] = coded.alpha
    if is_mask and (matte := numbers(given.get("/Matte"))) is not None:
        shown["/Matte"] = matte
    return _image(making, coded, {**kept(given, _KEPT), **shown})


def _image(making: Making, coded: _Coded, told: dict[str, object]) -> Object:
    width, height = coded.size
    usual = {"/Type": Name.XObject, "/Subtype": Name.Image, "/Width": width, "/Height": height}
    made = making.stream(b"", {**usual, "/BitsPerComponent": coded.bits, **told})
    made.write(coded.content, filter=coded.filter, decode_parms=coded.parameters)
    return made


def _told(given: Stream, colours: Object | None, *, is_stencil: bool) -> _Told:
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
    return _Told(width, height, bits, count, is_listed or isinstance(given.get("/Mask"), Array))


def _masks(making: Making, given: Stream) -> dict[str, object]:
    soft, hard = given.get("/SMask"), given.get("/Mask")
    if isinstance(soft, Stream):
        made = picture(making, soft, is_mask=True)
        return {} if made is None else {"/SMask": made}
    if isinstance(hard, Stream):
        made = picture(making, hard) if truth(hard.get("/ImageMask")) else None
        return {} if made is None else {"/Mask": made}
    keys = numbers(hard)
    return {} if keys is None else {"/Mask": keys}


def _coded(making: Making, given: Stream, told: _Told) -> _Coded:
    data, coding, parameters = unpacked(given)
    if coding is None:
        return _of_samples(data, told)
    if coding == "/CCITTFaxDecode":
        size = (told.width, told.height)
        content, about = fax_of(samples_of_fax(data, parameters, size), size)
        return _Coded(content, Name.CCITTFaxDecode, size, bits=1, parameters=about)
    if coding == "/JBIG2Decode":
        raise NotTaken("picture-in-pdf")  # no decoder is at hand that is kept as well as the others
    return _of_drawing(making, data, coding, told, shows_through=given.get("/SMaskInData") == 1)


def _of_samples(data: bytes, told: _Told) -> _Coded:
    """Plain samples, exactly as many as the picture has."""
    if not told.count:
        raise NotTaken("picture-in-pdf")
    size_bytes = (told.width * told.count * told.bits + 7) // 8 * told.height
    if size_bytes > MAX_STREAM_BYTES:
        raise NotTaken("unpacks-too-large")
    samples, size = data[:size_bytes].ljust(size_bytes, b"\0"), (told.width, told.height)
    mode = _MODES.get(told.count)
    if told.bits == _BYTE and mode in {"L", "RGB"}:
        return _exactly(Image.frombuffer(mode, size, samples, "raw", mode, 0, 1))
    return _Coded(zlib.compress(samples), Name.FlateDecode, size, bits=told.bits)


def _of_drawing(making: Making, data: bytes, coding: str, told: _Told, *, shows_through: bool) -> _Coded:
    """A JPEG or JPEG 2000, coded anew from its samples."""
    Image.MAX_IMAGE_PIXELS = MAX_IMAGE_PIXELS
    opened = Image.open(io.BytesIO(data), formats=["JPEG" if coding == "/DCTDecode" else "JPEG2000"])
    if opened.width * opened.height > MAX_IMAGE_PIXELS:
        raise NotTaken("unpacks-too-large")
    if opened.width * opened.height > _DRAWN_PIXELS and not told.is_exact:
        opened.draft(None, (opened.width // 2, opened.height // 2))
    opened.load()
    through = opened.getchannel("A") if shows_through and opened.mode in {"RGBA", "LA"} else None
    image = _plain(opened)
    if told.count and len(image.getbands()) != told.count:
        raise NotTaken("picture-in-pdf")
    coded = _exactly(image) if told.is_exact else _nearly(image, _subsampling(opened))
    alpha = None if through is None else _mask_of(making, through)
    return replace(coded, colours=Name(_DEVICES[image.mode]), alpha=alpha)


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in _DEVICES:
        return image
    if image.mode == "LA":
        return image.convert("L")
    if image.mode.startswith("I"):  # 16 bits
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGB")


def _subsampling(image: Image.Image) -> int:
    found = JpegImagePlugin.get_sampling(image) if image.format == "JPEG" else 0
    return found if found in _SUBSAMPLINGS else _USUAL_SUBSAMPLING


def _mask_of(making: Making, through: Image.Image) -> Object:
    made = _image(making, _exactly(through), {"/ColorSpace": Name.DeviceGray})
    return making.made.make_indirect(made)


def _exactly(image: Image.Image) -> _Coded:
    """Without any loss; predicted and packed as in a PNG, where that format knows the colours."""
    if image.mode == "CMYK":
        return _Coded(zlib.compress(image.tobytes()), Name.FlateDecode, image.size)
    out = io.BytesIO()
    image.info = {}
    image.save(out, "PNG", compress_level=3)  # in a third of the time of 6, a fifth larger
    told = Dictionary(Predictor=15, Colors=len(image.getbands()), BitsPerComponent=8, Columns=image.width)
    return _Coded(_chunks(out.getvalue()), Name.FlateDecode, image.size, parameters=told)


def _chunks(png: bytes) -> bytes:
    found, at = [], 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            found.append(png[at + 8 : at + 8 + size])
        at += size + 12
    return b"".join(found)


def _nearly(image: Image.Image, subsampling: int) -> _Coded:
    """As a JPEG, from tables of ours: those of a camera are known by its make."""
    out = io.BytesIO()
    image.info = {}
    image.save(out, "JPEG", quality=_QUALITY, subsampling=subsampling)
    return _Coded(out.getvalue(), Name.DCTDecode, image.size)
