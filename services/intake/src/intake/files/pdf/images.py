"""Pictures on a page: every one is decoded to its samples and coded anew, or the document is refused."""

import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pikepdf import Array, Dictionary, Name, Object, Stream
from PIL import Image, ImageChops, JpegImagePlugin

from intake.files.kinds import NotTaken
from intake.files.pdf.codecs import coding_of, unpacked
from intake.files.pdf.colours import only_used, space
from intake.files.pdf.fax import fax_of, samples_of_fax
from intake.files.pdf.making import Making, kept, numbers, one_of, plain_numbers, truth
from intake.files.pdf.samples import (
    DRAWN_PIXELS,
    FAX,
    JPEG_2000,
    Told,
    is_stencil_of,
    keys_of,
    opened,
    plain,
    require_plain_mask,
    told_of,
    whole_samples,
)
from intake.files.pdf.veils import blank, blanked, by_keys, by_opacity, components_of, without_padding

_KEPT = {
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
    is_stencil, coded_as = is_stencil_of(given), coding_of(given)
    colours = None if is_stencil else space(making, given.get("/ColorSpace"))
    if is_mask or is_stencil:
        require_plain_mask(given, coded_as, colours)
    if is_mask:
        colours = Name.DeviceGray
    told = told_of(given, coded_as, colours, is_mask=is_mask)
    masks: Mapping[str, object] = {}
    veil = None
    if not is_stencil and not is_mask:
        masks, veil = _masks(making, given)
        told = told if masks else replace(told, keys=keys_of(given))
    coded = _coded(making, given, told, veil)
    shown: dict[str, object] = {"/ImageMask": True} if is_stencil else {}
    if told.span:
        shown["/Decode"] = Array(list(plain_numbers(given.Decode) or ())[: len(told.span)])
    elif colours is not None and coded.counts:
        colours = only_used(colours, coded.counts)
    if not is_stencil:
        shown["/ColorSpace"] = colours if colours is not None else coded.colours
    if is_mask and (matte := given.get("/Matte")) is not None:
        shown["/Matte"] = _matte(matte)
    return _image(making, coded, {**kept(given, _KEPT), **shown, **masks, **coded.masks})


def _matte(given: Object) -> Object:
    made = numbers(given)
    if made is None or len(made) not in _MODES:
        raise NotTaken("picture-in-pdf")
    return made


def _image(making: Making, coded: _Coded, told: dict[str, object]) -> Object:
    width, height = coded.size
    usual = {"/Type": Name.XObject, "/Subtype": Name.Image, "/Width": width, "/Height": height}
    about = {**usual, "/BitsPerComponent": coded.bits, **told}
    return making.packed(coded.content, about, coded.filter, coded.parameters)


def _masks(making: Making, given: Stream) -> tuple[Mapping[str, object], Image.Image | None]:
    """The mask that is a picture of its own, made anew, and what it lets through."""
    soft, hard = given.get("/SMask"), given.get("/Mask")
    key, mask = ("/SMask", soft) if isinstance(soft, Stream) else ("/Mask", hard)
    if not isinstance(mask, Stream):
        return {}, None
    is_stencil = key == "/Mask"
    if is_stencil_of(mask) is not is_stencil:
        raise NotTaken("picture-in-pdf")
    made = picture(making, mask, is_mask=not is_stencil)
    if made is None:
        raise NotTaken("picture-in-pdf")
    return {key: made}, _veil(making, mask)


def _veil(making: Making, given: Stream) -> Image.Image:
    """What a mask lets through."""
    data, coding, parameters = unpacked(given)
    told = told_of(given, coding, Name.DeviceGray, is_mask=True)
    size = (told.width, told.height)
    if not making.is_first(given, "veil"):
        making.work.take_dots(*size)
    if coding is None:
        mask = components_of(whole_samples(making, data, told), size, told.bits, 1)[0]
        highest = (1 << min(told.bits, _BYTE)) - 1
        mask = mask.point([min(each, highest) * 255 // highest for each in range(256)])
    elif coding == FAX:
        mask = samples_of_fax(data, parameters, size).convert("L")
    else:
        mask = plain(opened(data, coding, told))
    if mask.mode != "L":
        raise NotTaken("picture-in-pdf")
    at_zero, at_full = told.span or (0, 1)
    if is_stencil_of(given):  # a sample of 0 paints, unless it is told to be the other way round
        return by_opacity(mask, at_full, at_zero)
    return by_opacity(mask, at_zero, at_full)


def _coded(making: Making, given: Stream, told: Told, veil: Image.Image | None) -> _Coded:
    data, coding, parameters = unpacked(given)
    if coding is None:
        return _of_samples(making, data, told, veil)
    if coding == FAX:
        size = (told.width, told.height)
        image = samples_of_fax(data, parameters, size)
        if told.keys is not None:
            return _of_samples(making, image.tobytes(), replace(told, bits=1, count=1), None)
        if (veil := _all_or(told, veil)) is not None:
            blank(image, veil, is_exact=True)
        content, about = fax_of(image, size)
        return _Coded(content, Name.CCITTFaxDecode, size, bits=1, parameters=about)
    return _of_drawing(making, data, coding, told, veil, shows_through=_shows_through(given, coding))


def _shows_through(given: Stream, coding: str) -> bool:
    """Whether a JPEG 2000 holds its own mask."""
    found = given.get("/SMaskInData")
    if coding != JPEG_2000 or found is None or found == 0:
        return False
    if found != 1 or any(isinstance(given.get(key), (Stream, Array)) for key in ("/SMask", "/Mask")):
        raise NotTaken("picture-in-pdf")
    return True


def _all_or(told: Told, veil: Image.Image | None) -> Image.Image | None:
    """The veil; one that lets nothing through where all samples look alike."""
    return Image.new("L", (1, 1), 0) if told.is_flat else veil


def _of_samples(making: Making, data: bytes, told: Told, veil: Image.Image | None) -> _Coded:
    """Plain samples, exactly as many as the picture has."""
    size, samples = (told.width, told.height), whole_samples(making, data, told)
    masks: Mapping[str, object] = {}
    if told.keys is not None:
        if told.bits > _BYTE:
            raise NotTaken("picture-in-pdf")
        veil = by_keys(components_of(samples, size, told.bits, told.count), told.keys)
        masks = _stencil(making, veil)
    veil = _all_or(told, veil)
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


def _of_drawing(
    making: Making, data: bytes, coding: str, told: Told, veil: Image.Image | None, *, shows_through: bool
) -> _Coded:
    """A JPEG or JPEG 2000, coded anew from its samples."""
    drawing = opened(data, coding, told)
    masks: Mapping[str, object] = {}
    if shows_through and drawing.mode in {"RGBA", "LA"}:
        through = drawing.getchannel("A")
        if through.width * through.height > DRAWN_PIXELS:
            raise NotTaken("unpacks-too-large")
        masks, veil = {"/SMask": _mask_of(making, through)}, by_opacity(through)
    image = plain(drawing)
    if told.count and len(image.getbands()) != told.count:
        raise NotTaken("picture-in-pdf")
    if told.keys is not None and not masks:
        if image.mode == "CMYK":
            raise NotTaken("picture-in-pdf")  # whether its samples are turned round, nobody agrees
        veil = by_keys(image.split(), told.keys)
        masks = _stencil(making, veil)
    if (veil := _all_or(told, veil)) is not None:
        blank(image, veil, is_exact=told.is_listed)
    if told.is_listed:
        coded = replace(_exactly(image), counts=image.histogram())
    else:
        coded = _nearly(image, _subsampling(drawing))
    return replace(coded, colours=Name(_DEVICES[image.mode]), masks=masks)


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
