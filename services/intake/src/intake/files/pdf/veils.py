"""What the masks of a picture let through (ISO 32000-2, 8.9.6). The rest is blanked: no screen shows it.

A veil is a grey picture of 255 where anything shows, however little, and of 0 where nothing does.
"""

from collections.abc import Iterable, Sequence

from PIL import Image, ImageChops, ImageStat

from intake.files.kinds import NotTaken

#: Samples that are left out: the least and the greatest of each component.
Keys = Sequence[tuple[int, int]]

_ALL = 255
_BYTE = 8
_STEP = 8  # a dot in 64 is still more than nothing once it is rounded
_BITS_AT_ONCE = 8_000_000


def by_opacity(mask: Image.Image, at_zero: float = 0, at_full: float = 1) -> Image.Image:
    """The veil of a grey mask; the numbers say how opaque its samples of 0 and 255 are."""
    step = (at_full - at_zero) / _ALL
    return mask.point([_ALL * (at_zero + step * each > 0) for each in range(_ALL + 1)])


def by_keys(components: Sequence[Image.Image], keys: Keys) -> Image.Image:
    """The veil of a picture of which one range of colours is left out."""
    if not keys or len(components) != len(keys):
        raise NotTaken("picture-in-pdf")
    unseen = Image.new("L", components[0].size, _ALL)
    for component, (least, most) in zip(components, keys, strict=True):
        is_within = [_ALL * (least <= each <= most) for each in range(_ALL + 1)]
        unseen = ImageChops.darker(unseen, component.point(is_within))
    return ImageChops.invert(unseen)


def components_of(samples: bytes, size: tuple[int, int], bits: int, count: int) -> list[Image.Image]:
    """The components of plain samples, as they are numbered; of 16 bits the upper eight."""
    if bits < _BYTE:
        row = (size[0] * count, size[1])
        samples = Image.frombytes("P", row, samples, "raw", f"P;{bits}").tobytes()
    elif bits > _BYTE:
        samples = samples[::2]
    return [Image.frombytes("L", size, samples[each::count]) for each in range(count)]


def blank(image: Image.Image, veil: Image.Image, *, is_exact: bool = False) -> None:
    """Give what is not seen the mean colour of what is; zero where a sample is no shade."""
    veil = _fitted(veil, image.size)
    if _least_and_most(veil)[0]:
        return
    fill = [0] * len(image.getbands())
    if not is_exact and _least_and_most(veil)[1]:
        fill = [round(each) for each in ImageStat.Stat(image, veil).mean]
    image.paste(tuple(fill) if len(fill) > 1 else fill[0], None, ImageChops.invert(veil))


def blanked(samples: bytes, size: tuple[int, int], bits: int, veil: Image.Image) -> bytes:
    """Plain samples, with zeros where nothing is seen; `bits` are those of a whole dot."""
    (width, height), seen = size, _fitted(veil, size).convert("1", dither=Image.Dither.NONE)
    row_bytes, rows = (width * bits + 7) // 8, max(_BITS_AT_ONCE // (width * bits), 1)
    made = bytearray()
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        wide = seen.crop((0, top, width, bottom)).resize(
            (width * bits, bottom - top), Image.Resampling.NEAREST
        )
        given = samples[top * row_bytes : bottom * row_bytes]
        made += (int.from_bytes(given) & int.from_bytes(wide.tobytes())).to_bytes(len(given))
    return bytes(made)


def without_padding(samples: bytes, row_bits: int) -> bytes:
    """Plain samples, with zeros in the bits behind the last one of each row."""
    if not row_bits % _BYTE:
        return samples
    made, row_bytes, unused = bytearray(samples), (row_bits + 7) // _BYTE, -row_bits % _BYTE
    kept_bits = bytes(each >> unused << unused for each in range(_ALL + 1))
    made[row_bytes - 1 :: row_bytes] = made[row_bytes - 1 :: row_bytes].translate(kept_bits)
    return bytes(made)


def _fitted(veil: Image.Image, size: tuple[int, int]) -> Image.Image:
    """For a picture of this size: each dot is seen of which any part is."""
    while veil.width > _STEP * size[0] or veil.height > _STEP * size[1]:
        by = [min(max(have // want, 1), _STEP) for have, want in zip(veil.size, size, strict=True)]
        veil = by_opacity(veil.reduce((by[0], by[1])))
    for step in ((size[0], veil.height), size):
        is_smaller = step[0] < veil.width or step[1] < veil.height
        way = Image.Resampling.BILINEAR if is_smaller else Image.Resampling.NEAREST
        veil = veil if step == veil.size else by_opacity(veil.resize(step, way))
    return veil


def _least_and_most(veil: Image.Image) -> tuple[int, int]:
    found: Iterable[object] = veil.getextrema()
    least, most = (int(str(each)) for each in found)
    return least, most
