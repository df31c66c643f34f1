"""Files with several pictures: one that a browser shows at first (green), and others (red)."""

import io
import struct
import zlib
from collections.abc import Mapping

from PIL import Image

from tests.support.files import chunk

SIZE = (64, 48)
SEEN, HIDDEN = (0, 120, 0), (200, 0, 0)
_SMALL, _AT = (32, 24), (16, 12)
_Pair = tuple[int, int]
_LONG, _SHORT = (60_000, 1000), (999, 1000)  # how long a frame stays, in parts of a second


def _png(*parts: bytes, kind: int = 2, depth: int = 8, woven: int = 0) -> bytes:
    head = struct.pack(">LLBBBBB", *SIZE, depth, kind, 0, 0, woven)
    return b"\x89PNG\r\n\x1a\n" + chunk("IHDR", head) + b"".join(parts) + chunk("IEND", b"")


def _packed(dot: bytes, size: tuple[int, int] = SIZE) -> bytes:
    return zlib.compress((b"\0" + dot * size[0]) * size[1])


def _data(dot: tuple[int, ...]) -> bytes:
    return chunk("IDAT", _packed(bytes(dot)))


def _moves(frames: int) -> bytes:
    return chunk("acTL", struct.pack(">LL", frames, 1))


def _control(
    number: int, size: _Pair = SIZE, place: _Pair = (0, 0), how: _Pair = (0, 0), time: _Pair = _LONG
) -> bytes:
    return chunk("fcTL", struct.pack(">LLLLLHHBB", number, *size, *place, *time, *how))


def _more(number: int, dot: tuple[int, ...], size: tuple[int, int] = SIZE) -> bytes:
    return chunk("fdAT", struct.pack(">L", number) + _packed(bytes(dot), size))


def _shown(
    number: int = 0, *, dot: tuple[int, ...] = SEEN, how: _Pair = (0, 0), time: _Pair = _LONG
) -> bytes:
    return _control(number, how=how, time=time) + _more(number + 1, dot)


_HALVES = (_packed(bytes(SEEN))[:9], _packed(bytes(SEEN))[9:])
_IN_TWO = b"".join(chunk("fdAT", struct.pack(">L", 1 + at) + each) for at, each in enumerate(_HALVES))
_ALPHA, _COLOURS = (0, 120, 0, 128), chunk("PLTE", bytes(HIDDEN + SEEN))
_KEPT, _GONE = _data(SEEN), _data(HIDDEN)
_PLACED = _control(0, _SMALL, _AT) + _more(1, SEEN, _SMALL)
_BADLY = _control(0)[:-1] + bytes([_control(0)[-1] ^ 1])
_HEAD_AGAIN = chunk("IHDR", struct.pack(">LLBBBBB", *SIZE, 8, 2, 0, 0, 0))
_WORDS, _CLEAR = chunk("tEXt", b"a\0b"), chunk("tRNS", bytes(6))

#: Whole PNG files of which a browser shows the green picture.
PNGS: Mapping[str, bytes] = {
    "default picture that is no frame": _png(_moves(1), _GONE, _shown()),
    "more frames": _png(_moves(2), _GONE, _shown(), _shown(2, dot=HIDDEN)),
    "a frame before the other": _png(_moves(2), _control(0), _KEPT, _shown(1, dot=HIDDEN)),
    "one frame, the default": _png(_moves(1), _control(0), _KEPT),
    "a small frame": _png(_moves(1), _GONE, _PLACED),
    "a frame laid over": _png(_moves(1), _data((*HIDDEN, 255)), _shown(dot=_ALPHA, how=(0, 1)), kind=6),
    "a frame that goes back": _png(_moves(2), _GONE, _shown(how=(2, 1)), _shown(2, dot=HIDDEN)),
    "a frame in two parts": _png(_moves(1), _GONE, _control(0), _IN_TWO),
    "a list of colours": _png(_moves(1), _COLOURS, _data((0,)), _shown(dot=(1,)), kind=3),
    "sixteen bits": _png(_moves(1), _data((200, 0) * 3), _shown(dot=(0, 0, 120, 0, 0, 0)), depth=16),
    "words before the data": _png(_moves(1), _GONE, _WORDS, _shown(), _WORDS),
    "a frame of no time": _png(_moves(1), _GONE, _shown(time=(0, 0))),
    "a frame of a second": _png(_moves(2), _GONE, _shown(time=(100, 0)), _shown(2)),
    "two files": _png(_KEPT) + _png(_GONE),
    "too much data": _png(chunk("IDAT", _packed(bytes(SEEN)) + _packed(bytes(HIDDEN)))),
    "data in two parts": _png(*(chunk("IDAT", each) for each in _HALVES)),
}
#: PNG files against the rules, of which readers show one picture or the other, or none.
BROKEN_PNGS: Mapping[str, bytes] = {
    "no frames": _png(_moves(0), _GONE, _shown()),
    "frames are told of behind the picture": _png(_GONE, _moves(1), _shown()),
    "frames are told of twice": _png(_moves(1), _moves(1), _GONE, _shown()),
    "frames are told of differently": _png(_moves(2), _moves(1), _GONE, _shown()),
    "frames are not told of": _png(_GONE, _shown()),
    "a default frame is not told of": _png(_control(0), _GONE, _shown(1)),
    "too few frames": _png(_moves(2), _GONE, _shown()),
    "too many frames": _png(_moves(1), _GONE, _shown(), _shown(2, dot=HIDDEN)),
    "a number is missing": _png(_moves(1), _GONE, _control(0), _more(2, SEEN)),
    "numbers begin with one": _png(_moves(1), _GONE, _shown(1)),
    "a frame before frames are told of": _png(_control(0), _moves(1), _GONE, _shown(1)),
    "two controls": _png(_moves(2), _control(0), _control(1), _GONE, _more(2, SEEN)),
    "two controls behind": _png(_moves(2), _GONE, _control(0), _control(1), _more(2, SEEN)),
    "a control without data": _png(_moves(2), _GONE, _control(0, _SMALL), _shown(1)),
    "data of a frame before the picture": _png(_moves(1), _control(0), _more(1, SEEN), _GONE),
    "a small default frame": _png(_moves(1), _control(0, _SMALL), _GONE),
    "a placed default frame": _png(_moves(1), _control(0, _SMALL, _AT), _GONE),
    "a frame outside": _png(_moves(1), _GONE, _control(0, SIZE, (1, 0)), _more(1, SEEN)),
    "a frame of no size": _png(_moves(1), _GONE, _control(0, (0, 48)), _more(1, SEEN)),
    "an unknown way to lay over": _png(_moves(1), _GONE, _shown(how=(0, 2))),
    "an unknown way to go on": _png(_moves(1), _GONE, _shown(how=(3, 0))),
    "a control with a false check": _png(_moves(1), _GONE, _BADLY, _more(1, SEEN)),
    "a short control": _png(_moves(1), _GONE, chunk("fcTL", bytes(25)), _more(1, SEEN)),
    "data in two places": _png(chunk("IDAT", _HALVES[0]), _WORDS, chunk("IDAT", _HALVES[1])),
    "two pictures": _png(_KEPT, _WORDS, _GONE),
    "two heads": _png(_HEAD_AGAIN, _KEPT),
    "two lists of colours": _png(_COLOURS, _COLOURS, _data((1,)), kind=3),
    "colours behind the picture": _png(_COLOURS, _data((1,)), _COLOURS, kind=3),
    "two colours that are left out": _png(_CLEAR, _CLEAR, _KEPT),
    "an unknown part that matters": _png(chunk("ABCD", b""), _KEPT),
    "no end": _png(_KEPT)[:-12],
}


def _solid(colour: tuple[int, int, int], size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.new("RGB", size, colour)


def _saved(image: Image.Image, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def _webp_part(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<L", len(content)) + content + bytes(len(content) % 2)


def _webp_data(colour: tuple[int, int, int], size: tuple[int, int] = SIZE) -> bytes:
    return _saved(_solid(colour, size), "WEBP", lossless=True)[12:]


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _webp(*parts: bytes, flags: int) -> bytes:
    head = bytes([flags, 0, 0, 0]) + _three(SIZE[0] - 1) + _three(SIZE[1] - 1)
    body = b"WEBP" + _webp_part(b"VP8X", head) + b"".join(parts)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def _webp_frame(
    colour: tuple[int, int, int], size: _Pair = SIZE, place: _Pair = (0, 0), how: int = 0, time: int = 60_000
) -> bytes:
    told = (place[0] // 2, place[1] // 2, size[0] - 1, size[1] - 1, time)
    return _webp_part(b"ANMF", b"".join(map(_three, told)) + bytes([how]) + _webp_data(colour, size))


_MOVES, _BACKGROUND = 2, _webp_part(b"ANIM", bytes((0, 0, 200, 255)) + b"\1\0")
_FIRST, _NEXT = _webp_frame(SEEN), _webp_frame(HIDDEN)
#: WebP files of which a browser shows the green picture.
WEBPS: Mapping[str, bytes] = {
    "two frames": _webp(_BACKGROUND, _FIRST, _NEXT, flags=_MOVES),
    "one frame": _webp(_BACKGROUND, _FIRST, flags=_MOVES),
    "a small frame": _webp(_BACKGROUND, _webp_frame(SEEN, _SMALL, _AT), _NEXT, flags=_MOVES),
    "a small frame, not laid over": _webp(
        _BACKGROUND, _webp_frame(SEEN, _SMALL, _AT, 3), _NEXT, flags=_MOVES
    ),
    "still, and another behind": _webp(_webp_data(SEEN), _webp_data(HIDDEN), flags=0),
    "still, and a frame behind": _webp(_webp_data(SEEN), _BACKGROUND, _NEXT, flags=0),
    "still, and a frame before": _webp(_BACKGROUND, _NEXT, _webp_data(SEEN), flags=0),
    "moves, and a still one before": _webp(_webp_data(HIDDEN), _BACKGROUND, _FIRST, flags=_MOVES),
    "moves, and a still one behind": _webp(_BACKGROUND, _FIRST, _webp_data(HIDDEN), flags=_MOVES),
    "two files": _saved(_solid(SEEN), "WEBP") + _saved(_solid(HIDDEN), "WEBP"),
}
#: Of which a flash comes before what stays.
FLASHES: Mapping[str, bytes] = {
    "PNG, the default": _png(_moves(2), _control(0, time=_SHORT), _GONE, _shown(1)),
    "PNG, the default, of no time": _png(_moves(2), _control(0, time=(0, 0)), _GONE, _shown(1)),
    "PNG": _png(_moves(2), _KEPT, _shown(dot=HIDDEN, time=(99, 0)), _shown(2)),
    "WebP": _webp(_BACKGROUND, _webp_frame(HIDDEN, time=999), _FIRST, flags=_MOVES),
    "WebP, of no time": _webp(_BACKGROUND, _webp_frame(HIDDEN, time=0), _FIRST, flags=_MOVES),
}
_JPEG, _OTHER = _saved(_solid(SEEN), "JPEG"), _saved(_solid(HIDDEN), "JPEG")


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


#: JPEG files of which a browser shows the green picture, or none.
JPEGS: Mapping[str, bytes] = {
    "two pictures (MPF)": _saved(_solid(SEEN), "MPO", save_all=True, append_images=[_solid(HIDDEN)]),
    "two files": _JPEG + _OTHER,
    "a thumbnail": _saved(_solid(SEEN), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + _OTHER),
    "two starts": _JPEG[:2] + _JPEG,
    "a whole one within": _JPEG[:2] + _OTHER + _JPEG[2:],
    "without an end, and another": _JPEG[:-2] + _OTHER,
    "another within a part": _JPEG[:2] + _segment(0xE5, _OTHER) + _JPEG[2:],
    "a head before the head": _JPEG[:2] + _OTHER[2 : _OTHER.index(b"\xff\xda")] + _JPEG[2:],
    "another scan": _JPEG[:-2] + _OTHER[_OTHER.index(b"\xff\xda") :],
    "tables and another scan": _JPEG[:-2] + _OTHER[2:],
}
