"""Every way in which a PDF packs what it holds."""

import base64
import io
import zlib
from collections.abc import Callable, Mapping

from PIL import Image

from tests.support.canaries import STRIP_AT, STRIP_BYTES


def _lzw(data: bytes) -> bytes:
    out = io.BytesIO()
    Image.frombytes("L", (len(data), 1), data).save(out, "TIFF", compression="tiff_lzw")
    with Image.open(io.BytesIO(out.getvalue())) as made:
        at, size = (made.tag_v2[key][0] for key in (STRIP_AT, STRIP_BYTES))  # type: ignore[attr-defined]
    return out.getvalue()[at : at + size]


def _run(data: bytes) -> bytes:
    runs = [data[at : at + 128] for at in range(0, len(data), 128)]
    return b"".join(bytes([len(each) - 1]) + each for each in runs) + b"\x80"


_PACK: Mapping[str, Callable[[bytes], bytes]] = {
    "FlateDecode": zlib.compress,
    "ASCIIHexDecode": lambda data: data.hex().encode() + b">",
    "ASCII85Decode": lambda data: base64.a85encode(data) + b"~>",
    "LZWDecode": _lzw,
    "RunLengthDecode": _run,
}


#: Every general filter alone, and the pairs that programs write; the first is undone first.
PACKINGS: tuple[tuple[str, ...], ...] = (
    (),
    *((each,) for each in _PACK),
    *(
        (text, each)
        for text in ("ASCII85Decode", "ASCIIHexDecode")
        for each in ("FlateDecode", "LZWDecode", "RunLengthDecode")
    ),
)


def packed(data: bytes, packing: tuple[str, ...]) -> bytes:
    """What these filters turn into the data again."""
    for each in reversed(packing):
        data = _PACK[each](data)
    return data
