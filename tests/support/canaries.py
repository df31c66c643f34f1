"""Files with a canary in one place each, and a search that finds it wherever it lies packed."""

import base64
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pikepdf
from pikepdf import Array, Name, Stream
from PIL import Image

from tests.support.files import CANARY, chunk, picture

WORD = CANARY.encode()
_ADOBE = 14  # its segment decides on colours
STRIP_AT, STRIP_BYTES, _ROWS = 273, 279, 278


def is_told(data: bytes) -> bool:
    """Whether the canary is in these bytes, as text, wide text or hexadecimal digits, packed or not."""
    return any(_holds(each) for each in _layers(data))


def _holds(data: bytes) -> bool:
    wide = CANARY.encode("utf-16-be")
    lowered = re.sub(rb"\s", b"", data).lower()
    return any(
        each in data or each.hex().encode() in lowered for each in (WORD, wide, CANARY.encode("utf-16-le"))
    )


def _layers(data: bytes) -> Iterator[bytes]:
    yield data
    if data.startswith(b"%PDF"):
        with pikepdf.open(io.BytesIO(data)) as opened:
            plain = io.BytesIO()
            opened.save(
                plain,
                stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
                compress_streams=False,
                object_stream_mode=pikepdf.ObjectStreamMode.disable,
            )
            yield plain.getvalue()
            for each in opened.objects:
                if isinstance(each, Stream):
                    yield from _unpacked(each)
    for found in re.finditer(rb"x[\x01\x5e\x9c\xda]", data):  # zlib's first bytes
        try:
            yield zlib.decompressobj().decompress(data[found.start() :])
        except zlib.error:
            continue


def _unpacked(stream: Stream) -> Iterator[bytes]:
    named = stream.get("/Filter", Array([]))
    data = stream.read_raw_bytes()
    for each in [str(name) for name in (named if isinstance(named, Array) else [named])]:
        if each in _UNPACK:
            data = _UNPACK[each](data)
        yield data
    if data.startswith(b"%!") and b"eexec" in data:
        yield eexec(data.partition(b"eexec")[2].lstrip(), decrypt=True)


def _unrun(data: bytes) -> bytes:
    made, at = bytearray(), 0
    while at < len(data) and data[at] != 128:
        made += (
            data[at + 1 : at + 2 + data[at]] if data[at] < 128 else data[at + 1 : at + 2] * (257 - data[at])
        )
        at += 2 + data[at] if data[at] < 128 else 2
    return bytes(made)


def _unlzw(data: bytes) -> bytes:
    apart = pikepdf.new()
    packed = Stream(apart, b"")
    packed.write(data, filter=Name.LZWDecode)
    return packed.read_bytes()


_UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    "/FlateDecode": lambda data: zlib.decompressobj().decompress(data),
    "/ASCIIHexDecode": lambda data: bytes.fromhex(data.decode("ascii").strip().rstrip(">")),
    "/ASCII85Decode": lambda data: base64.a85decode(data.rstrip().removesuffix(b"~>")),
    "/RunLengthDecode": _unrun,
    "/LZWDecode": _unlzw,
}


def eexec(data: bytes, *, decrypt: bool) -> bytes:
    """The cipher of Type 1 fonts, both ways (Adobe Type 1 Font Format, 7.1)."""
    key, made = 55665, bytearray()
    for each in data if decrypt else bytes(4) + data:
        out = each ^ (key >> 8)
        made.append(out)
        key = (((each if decrypt else out) + key) * 52845 + 22719) & 0xFFFF
    return bytes(made[4:] if decrypt else made)


def saved(kind: str, **how: Any) -> bytes:
    """A small picture of this format without a canary."""
    out = io.BytesIO()
    picture((64, 48)).save(out, kind, **how)
    return out.getvalue()


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


def _jpeg_with(segment: bytes) -> bytes:
    data = saved("JPEG")
    return data[:2] + segment + data[2:]


def _told_in(number: int) -> bytes:
    return _jpeg_with(_segment(0xE0 + number, b"Exif\0\0" + WORD))


def _between_scans() -> bytes:
    data = saved("JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    start = max(data.rindex(b"\xff\xc4", 0, second), data.index(b"\xff\xda") + 10)
    return data[:start] + _segment(0xFE, WORD) + data[start:]


def _two_pictures() -> bytes:
    out = io.BytesIO()
    second = picture((64, 48))
    exif = Image.Exif()
    exif[0x010E] = CANARY
    picture((64, 48)).save(out, "MPO", save_all=True, append_images=[second], exif=exif)
    return out.getvalue()


JPEGS: Mapping[str, Callable[[], bytes]] = {
    **{f"JPEG APP{number}": partial(_told_in, number) for number in range(16) if number != _ADOBE},
    "JPEG APP14 behind Adobe's": lambda: _jpeg_with(_segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + WORD)),
    "JPEG comment": lambda: _jpeg_with(_segment(0xFE, WORD)),
    "JPEG comment between scans": _between_scans,
    "JPEG behind its end": lambda: saved("JPEG") + WORD,
    "JPEG with a second picture (MPF)": _two_pictures,
    "JPEG application segment between scans": lambda: _between_scans().replace(
        _segment(0xFE, WORD), _segment(0xE1, b"Exif\0\0" + WORD)
    ),
}


def _png_with(name: str, content: bytes, before: bytes = b"IDAT") -> bytes:
    data = saved("PNG")
    at = data.index(before) - 4
    return data[:at] + chunk(name, content) + data[at:]


def _moving_png() -> bytes:
    def control(number: int) -> bytes:
        return chunk("fcTL", struct.pack(">LLLLLHHBB", number, 64, 48, 0, 0, 2, 1, 0, 0))

    data = saved("PNG")
    start, end = data.index(b"IDAT") - 4, data.index(b"IEND") - 4
    second = control(1) + chunk("fdAT", struct.pack(">L", 2) + zlib.compress(WORD))
    return (
        data[:start]
        + chunk("acTL", struct.pack(">LL", 2, 0))
        + control(0)
        + data[start:end]
        + second
        + data[end:]
    )


PNGS: Mapping[str, Callable[[], bytes]] = {
    "PNG tEXt": lambda: _png_with("tEXt", b"Author\0" + WORD),
    "PNG zTXt": lambda: _png_with("zTXt", b"Author\0\0" + zlib.compress(WORD)),
    "PNG iTXt": lambda: _png_with("iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + WORD),
    "PNG packed iTXt": lambda: _png_with("iTXt", b"Author\0\1\0\0\0" + zlib.compress(WORD)),
    "PNG eXIf": lambda: _png_with("eXIf", b"MM\0*\0\0\0\x08\0\0" + WORD),
    "PNG iCCP": lambda: _png_with("iCCP", WORD + b"\0\0" + zlib.compress(WORD)),
    "PNG sPLT": lambda: _png_with("sPLT", WORD + b"\0\x08"),
    "PNG private chunk": lambda: _png_with("prVt", WORD),
    "PNG text behind the picture": lambda: _png_with("tEXt", b"Author\0" + WORD, b"IEND"),
    "PNG private chunk behind the picture": lambda: _png_with("prVt", WORD, b"IEND"),
    "PNG behind its end": lambda: saved("PNG") + WORD,
    "PNG frame of its own (APNG)": _moving_png,
}


def _webp_with(name: bytes, content: bytes, flags: int = 0) -> bytes:
    plain = saved("WEBP")
    head = b"VP8X" + struct.pack("<L", 10) + bytes([flags]) + bytes(3) + b"\x3f\0\0\x2f\0\0"
    extra = name + struct.pack("<L", len(content)) + content + bytes(len(content) % 2)
    before, after = (extra, b"") if name == b"ICCP" else (b"", extra)
    body = b"WEBP" + head + before + plain[12:] + after
    return b"RIFF" + struct.pack("<L", len(body)) + body


WEBPS: Mapping[str, Callable[[], bytes]] = {
    "WebP EXIF": lambda: _webp_with(b"EXIF", b"Exif\0\0MM\0*" + WORD, 8),
    "WebP XMP": lambda: _webp_with(b"XMP ", WORD, 4),
    "WebP ICCP": lambda: _webp_with(b"ICCP", WORD, 32),
    "WebP unknown chunk": lambda: _webp_with(b"prVt", WORD),
    "WebP behind its end": lambda: saved("WEBP") + WORD,
}


def _jp2_with(box: bytes) -> bytes:
    data = saved("JPEG2000")
    at = data.index(b"jp2c") - 4
    return data[:at] + box + data[at:]


def _box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4) + name + content


JPXS: Mapping[str, Callable[[], bytes]] = {
    "JPX xml box": lambda: _jp2_with(_box(b"xml ", WORD)),
    "JPX uuid box": lambda: _jp2_with(_box(b"uuid", bytes(16) + WORD)),
    "JPX comment": lambda: saved("JPEG2000", comment=CANARY),
    "JPX behind its end": lambda: saved("JPEG2000") + WORD,
}


def fax(image: Image.Image | None = None) -> bytes:
    """Black and white in group 4, as it stands in a PDF; of a picture of 64 by 48."""
    out = io.BytesIO()
    (image or picture((64, 48))).convert("1").save(out, "TIFF", compression="group4", tiffinfo={_ROWS: 48})
    data = out.getvalue()
    with Image.open(io.BytesIO(data)) as made:
        at, size = (made.tag_v2[key][0] for key in (STRIP_AT, STRIP_BYTES))  # type: ignore[attr-defined]
    return data[at : at + size]
