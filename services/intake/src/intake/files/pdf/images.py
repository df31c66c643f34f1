"""Pictures on a page: every one is decoded to its samples and coded anew, or the document is refused."""

import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pikepdf import Array, Dictionary, Name, Object, Stream
from PIL import Image, ImageChops, JpegImagePlugin

from intake.files.kinds import NotTaken
from intake.files.pdf.codecs import MAX_STREAM_BYTES, unpacked
from intake.files.pdf.colours import components, only_used, space
from intake.files.pdf.fax import fax_of, samples_of_fax
from intake.files.pdf.making import Making, kept, numbers, one_of, plain_numbers, truth, whole
from intake.files.pdf.veils import Keys, blank, blanked, by_keys, by_opacity, components_of, without_padding

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
    is_listed: bool = False  # a sample is no shade but a number in a list: it must not change
    keys: Keys | None = None  # colours that are left out


@dataclass(frozen=True)
class _Coded:
    """A picture coded anew."""

    content: bytes
    filter: Name
    size: tuple[int, int]
    bits: int = _BYTE
    parameters: Dictionary | None = None
    colours: Object | None = None  # where only the picture knew them
    counts: Sequence[int] = ()  # of numbers in a list of colours: how often each is there
    masks: Mapping[str, object] = field(default_factory=dict)  # what its own samples said of what shows


def picture(making: Making, given: Stream, *, is_mask: bool = False) -> Object | None:
    """An image made anew with the masks that belong to it. `NotTaken` for a coding that we cannot undo."""
    return making.once(given, ("picture", is_mask), lambda: _made(making, given, is_mask=is_mask))


def _made(making: Making, given: Stream, *, is_mask: bool) -> Object:
    is_stencil = truth(given.get("/ImageMask")) is True
    colours = Name.DeviceGray if is_mask else space(making, given.get("/ColorSpace"))
    told = _told(given, None if is_stencil else colours, is_stencil=is_stencil)
    masks: Mapping[str, object] = {}
    veil = None
    if not is_stencil and not is_mask:
        masks, veil = _masks(making, given)
        told = told if masks else replace(told, keys=_keys(given))
    coded = _coded(making, given, told, veil)
    shown: dict[str, object] = {"/ImageMask": True} if is_stencil else {}
    if colours is not None and coded.counts and "/Decode" not in given:
        colours = only_used(colours, coded.counts)
    if not is_stencil:
        shown["/ColorSpace"] = colours if colours is not None else coded.colours
    if is_mask and (matte := numbers(given.get("/Matte"))) is not None:
        shown["/Matte"] = matte
    return _image(making, coded, {**kept(given, _KEPT), **shown, **masks, **coded.masks})


def _image(making: Making, coded: _Coded, told: dict[str, object]) -> Object:
    width, height = coded.size
    usual = {"/Type": Name.XObject, "/Subtype": Name.Image, "/Width": width, "/Height": height}
    about = {**usual, "/BitsPerComponent": coded.bits, **told}
    return making.packed(coded.content, about, coded.filter, coded.parameters)


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
    return _Told(width, height, bits, count, is_listed)


def _masks(making: Making, given: Stream) -> tuple[Mapping[str, object], Image.Image | None]:
    """The mask that is a picture of its own, made anew, and what it lets through."""
    soft, hard = given.get("/SMask"), given.get("/Mask")
    key, mask = ("/SMask", soft) if isinstance(soft, Stream) else ("/Mask", hard)
    if not isinstance(mask, Stream):
        return {}, None
    is_stencil = key == "/Mask"
    made = picture(making, mask, is_mask=not is_stencil)
    if made is None or (is_stencil and truth(mask.get("/ImageMask")) is not True):
        raise NotTaken("picture-in-pdf")
    return {key: made}, _veil(making, mask, is_stencil=is_stencil)


def _veil(making: Making, given: Stream, *, is_stencil: bool) -> Image.Image:
    """What a mask lets through."""
    told = _told(given, None if is_stencil else Name.DeviceGray, is_stencil=is_stencil)
    size = (told.width, told.height)
    if not making.is_first(given, "veil"):
        making.work.take_dots(*size)
    data, coding, parameters = unpacked(given)
    if coding is None:
        whole_bytes = _size_bytes(told)
        samples = data[:whole_bytes].ljust(whole_bytes, b"\0")
        mask = components_of(samples, size, told.bits, 1)[0]
        highest = (1 << min(told.bits, _BYTE)) - 1
        mask = mask.point([min(each, highest) * 255 // highest for each in range(256)])
    elif coding == "/CCITTFaxDecode":
        mask = samples_of_fax(data, parameters, size).convert("L")
    else:
        mask = _plain(_opened(data, coding, told))
    if mask.mode != "L":
        raise NotTaken("picture-in-pdf")
    decode = [float(each) for each in plain_numbers(given.get("/Decode")) or (0, 1)]
    if is_stencil:  # a sample of 0 paints, unless it is told to be the other way round
        return by_opacity(mask, 0, 1) if decode[0] == 1 else by_opacity(mask, 1, 0)
    return by_opacity(mask, decode[0], decode[1])


def _keys(given: Stream) -> Keys | None:
    found = given.get("/Mask")
    if not isinstance(found, Array) or not len(found):
        return None
    values = plain_numbers(found)
    if values is None or len(values) % 2:
        raise NotTaken("picture-in-pdf")
    ends = [int(each) for each in values]
    return list(zip(ends[::2], ends[1::2], strict=True))


def _coded(making: Making, given: Stream, told: _Told, veil: Image.Image | None) -> _Coded:
    data, coding, parameters = unpacked(given)
    if coding is None:
        return _of_samples(making, data, told, veil)
    if coding == "/CCITTFaxDecode":
        size = (told.width, told.height)
        image = samples_of_fax(data, parameters, size)
        if told.keys is not None:
            return _of_samples(making, image.tobytes(), replace(told, bits=1, count=1), None)
        if veil is not None:
            blank(image, veil, is_exact=True)
        content, about = fax_of(image, size)
        return _Coded(content, Name.CCITTFaxDecode, size, bits=1, parameters=about)
    return _of_drawing(making, data, coding, told, veil, shows_through=given.get("/SMaskInData") in {1, 2})


def _of_samples(making: Making, data: bytes, told: _Told, veil: Image.Image | None) -> _Coded:
    """Plain samples, exactly as many as the picture has."""
    size_bytes, size = _size_bytes(told), (told.width, told.height)
    making.work.take_bytes(max(size_bytes - len(data), 0))  # what the document does not hold
    samples = data[:size_bytes].ljust(size_bytes, b"\0")
    masks: Mapping[str, object] = {}
    if told.keys is not None:
        if told.bits > _BYTE:
            raise NotTaken("picture-in-pdf")
        veil = by_keys(components_of(samples, size, told.bits, told.count), told.keys)
        masks = _stencil(making, veil)
    samples = without_padding(samples, told.width * told.count * told.bits)
    mode = _MODES.get(told.count)
    if told.bits == _BYTE and mode in {"L", "RGB"}:
        image = Image.frombuffer(mode, size, samples, "raw", mode, 0, 1)
        if veil is not None:
            blank(image, veil, is_exact=told.is_listed)
        counts = image.histogram() if told.is_listed else ()
        return replace(_exactly(image), masks=masks, counts=counts)
    if veil is not None:
        samples = blanked(samples, size, told.count * told.bits, veil)
    counts = components_of(samples, size, told.bits, 1)[0].histogram() if told.is_listed else ()
    content = zlib.compress(samples)
    return _Coded(content, Name.FlateDecode, size, bits=told.bits, masks=masks, counts=counts)


def _size_bytes(told: _Told) -> int:
    if not told.count:
        raise NotTaken("picture-in-pdf")
    size_bytes = (told.width * told.count * told.bits + 7) // 8 * told.height
    if size_bytes > MAX_STREAM_BYTES:
        raise NotTaken("unpacks-too-large")
    return size_bytes


def _of_drawing(
    making: Making, data: bytes, coding: str, told: _Told, veil: Image.Image | None, *, shows_through: bool
) -> _Coded:
    """A JPEG or JPEG 2000, coded anew from its samples."""
    opened = _opened(data, coding, told)
    masks: Mapping[str, object] = {}
    if shows_through and opened.mode in {"RGBA", "LA"}:
        through = opened.getchannel("A")
        if through.width * through.height > _DRAWN_PIXELS:
            raise NotTaken("unpacks-too-large")
        masks, veil = {"/SMask": _mask_of(making, through)}, by_opacity(through)
    image = _plain(opened)
    if told.count and len(image.getbands()) != told.count:
        raise NotTaken("picture-in-pdf")
    if told.keys is not None and not masks:
        if image.mode == "CMYK":
            raise NotTaken("picture-in-pdf")  # whether its samples are turned round, nobody agrees
        veil = by_keys(image.split(), told.keys)
        masks = _stencil(making, veil)
    if veil is not None:
        blank(image, veil, is_exact=told.is_listed)
    if told.is_listed:
        coded = replace(_exactly(image), counts=image.histogram())
    else:
        coded = _nearly(image, _subsampling(opened))
    return replace(coded, colours=Name(_DEVICES[image.mode]), masks=masks)


def _opened(data: bytes, coding: str, told: _Told) -> Image.Image:
    if coding == "/JBIG2Decode":
        raise NotTaken("picture-in-pdf")  # no decoder is at hand that is kept as well as the others
    Image.MAX_IMAGE_PIXELS = MAX_IMAGE_PIXELS
    opened = Image.open(io.BytesIO(data), formats=["JPEG" if coding == "/DCTDecode" else "JPEG2000"])
    # What must be coded without loss swells: it may be as large only as what is decoded at once.
    if opened.width * opened.height > (_DRAWN_PIXELS if told.is_listed else MAX_IMAGE_PIXELS):
        raise NotTaken("unpacks-too-large")
    if opened.width * opened.height > _DRAWN_PIXELS:
        opened.draft(None, (opened.width // 2, opened.height // 2))
    opened.load()
    return opened


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


def _stencil(making: Making, veil: Image.Image) -> Mapping[str, object]:
    """A mask of its own for colours that are left out, so that they need not be told from others."""
    unseen = ImageChops.invert(veil).convert("1", dither=Image.Dither.NONE)
    coded = _Coded(zlib.compress(unseen.tobytes()), Name.FlateDecode, unseen.size, bits=1)
    return {"/Mask": making.made.make_indirect(_image(making, coded, {"/ImageMask": True}))}


def _exactly(image: Image.Image) -> _Coded:
    """Without any loss; predicted and packed as in a PNG."""
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
