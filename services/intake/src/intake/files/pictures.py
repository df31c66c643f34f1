"""Photos, drawn anew: what comes out holds pixels and nothing else. Runs in the cleaning process only."""

import io
import struct
import warnings
from importlib import import_module

from PIL import Image

from intake.files.kinds import FileKind, NotTaken
from intake.files.stills import LEAST_MILLISECONDS, Still, still

MAX_PIXELS = 50_000_000  # what is decoded at once; a larger JPEG is decoded at a half or less
MAX_JPEG_PIXELS = 200_000_000
KEPT_PIXELS = 24_000_000  # a larger photo is scaled down to this
_LONGEST_SIDE = 32_000
_FORMATS = {FileKind.JPEG: "JPEG", FileKind.PNG: "PNG", FileKind.WEBP: "WEBP"}
_SAVING: dict[FileKind, dict[str, int]] = {
    FileKind.JPEG: {"quality": 90},
    FileKind.PNG: {"compress_level": 6},
    FileKind.WEBP: {"quality": 90},
}
#: The formats that are read, and what Pillow loads when it comes to it.
_MODULES = (
    *("JpegImagePlugin", "MpoImagePlugin", "PngImagePlugin", "WebPImagePlugin"),
    *("Jpeg2KImagePlugin", "TiffImagePlugin"),
    *("ExifTags", "ImageChops", "ImageFile", "ImageMode", "ImagePalette", "ImageSequence", "TiffTags"),
)
_ORIENTATION = 0x0112  # EXIF 2.3, 4.6.4 A
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_formats() -> None:
    """Load what opening, drawing and coding pictures may need, so that nothing is looked for later."""
    for name in _MODULES:
        import_module(f"PIL.{name}")
    Image.preinit()


def clean_picture(data: bytes, kind: FileKind) -> bytes:
    """The same picture, as a browser shows it at first, and nothing else of the file; upright.

    So without metadata, thumbnails, other pictures or frames, trailing bytes or erased parts. Of a JPEG and a
    WebP it is the first picture, which the libraries of browsers give too; of a PNG see `still`.

    Raises `NotTaken`: damaged, unpacks too large, or moves at once. Colour profiles are dropped too: they
    name a camera.
    """
    Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of damaged metadata, which goes anyway
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return _cleaned(data, kind)


def _cleaned(data: bytes, kind: FileKind) -> bytes:
    try:
        seen = still(data) if kind is FileKind.PNG else Still(data)
        with Image.open(io.BytesIO(seen.data), formats=[_FORMATS[kind]]) as image:
            _refuse_bomb(*(seen.sheet or image.size), kind)
            return _encoded(_upright(_drawn(image, seen), _orientation(image)), kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotTaken("unpacks-too-large") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error) as error:
        raise NotTaken("unpacks-too-large" if "too large" in str(error) else "damaged") from error


def _refuse_bomb(width: int, height: int, kind: FileKind) -> None:
    most = MAX_JPEG_PIXELS if kind is FileKind.JPEG else MAX_PIXELS
    if width * height > most or max(width, height) > _LONGEST_SIDE:
        raise NotTaken("unpacks-too-large")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 -- whatever hostile EXIF makes of it, the photo stays as it lies
        return 1


def _drawn(image: Image.Image, seen: Still) -> Image.Image:
    """What is seen, in a plain mode, at most `KEPT_PIXELS`, without colours where nothing shows."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        image.draft(None, (width // 2, height // 2))
    image.load()
    _refuse_flash(image)
    plain = seen.laid(image.convert(_mode(image)) if image.mode != "I;16" else _eight_bits(image))
    if plain.width * plain.height > KEPT_PIXELS:
        share = (KEPT_PIXELS / (plain.width * plain.height)) ** 0.5
        plain.thumbnail((int(plain.width * share), int(plain.height * share)))
    plain.info = {}  # what a writer would otherwise carry over: comments, profiles, resolution
    if plain.mode == "RGBA":
        _erase_unseen(plain)
    return plain


def _refuse_flash(image: Image.Image) -> None:
    """A WebP of which the first frame is gone before anybody saw it; of a PNG there is one frame here."""
    is_followed = image.format == "WEBP" and getattr(image, "n_frames", 1) > 1
    if is_followed and image.info["duration"] < LEAST_MILLISECONDS:
        raise NotTaken("moving-picture")


def _erase_unseen(image: Image.Image) -> None:
    """Black where nothing shows through: an eraser leaves the colours there as they were."""
    unseen = image.getchannel("A").point(lambda alpha: 255 * (alpha == 0))
    image.paste((0, 0, 0, 0), None, unseen)


def _mode(image: Image.Image) -> str:
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        return "RGBA"
    return "L" if image.mode in {"1", "L"} else "RGB"


def _eight_bits(image: Image.Image) -> Image.Image:
    return image.convert("I").point(lambda value: value / 256).convert("L")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _encoded(image: Image.Image, kind: FileKind) -> bytes:
    if kind is FileKind.JPEG and image.mode == "RGBA":
        image = image.convert("RGB")
    out = io.BytesIO()
    image.save(out, _FORMATS[kind], **_SAVING[kind])
    return out.getvalue()
