"""Outlines of TrueType (OpenType 1.9, glyf): points and parts, no instructions and nothing behind them."""

import re
import struct

from intake.files.pdf.work import Work

_HEAD_BYTES = 10  # contours and box
_REPEATED = 8
_RUN = re.compile(rb"(.)\1{1,255}+", re.DOTALL)
#: How many bytes a point of each flag takes: one for a short step, none for the same place, else two.
_POINT_BYTES = [
    sum(1 if flag & short else 0 if flag & same else 2 for short, same in ((2, 16), (4, 32)))
    for flag in range(256)
]
_FLAGS_KEPT = 0x3F  # the last two bits say nothing
_WORDS, _SCALE, _MORE, _TWO_SCALES, _MATRIX, _INSTRUCTIONS = 1, 8, 32, 64, 128, 256
_PART_FLAGS = 0xFFFF & ~_INSTRUCTIONS & ~0xE010  # reserved bits say nothing either


def bare_outline(given: bytes, work: Work) -> bytes:
    """The same outline; nothing where it is broken, as readers have it."""
    try:
        return _bare(given, work) if given else b""
    except (IndexError, struct.error):
        return b""


def _bare(given: bytes, work: Work) -> bytes:
    (contours,) = struct.unpack_from(">h", given)
    if contours < 0:
        return given[:_HEAD_BYTES] + _parts(given, work)
    if not contours:
        return b""
    ends = _HEAD_BYTES + 2 * contours
    work.take_bytes(2 * contours)
    last = struct.unpack_from(f">{contours}H", given, _HEAD_BYTES)
    if list(last) != sorted(last):
        raise IndexError
    points = last[-1] + 1
    work.take_bytes(points)  # also those that are told at one blow
    start = ends + 2 + struct.unpack_from(">H", given, ends)[0]
    flags, at, size = bytearray(), start, 0
    while len(flags) < points:
        work.take(1)
        flag = given[at]
        times = min(1 + (given[at + 1] if flag & _REPEATED else 0), points - len(flags))
        at += 2 if flag & _REPEATED else 1
        flags += bytes([flag & _FLAGS_KEPT & ~_REPEATED]) * times
        size += times * _POINT_BYTES[flag]
    if at + size > len(given):
        raise IndexError
    return given[:ends] + b"\0\0" + _packed(bytes(flags)) + given[at : at + size]


def _packed(flags: bytes) -> bytes:
    """Each flag with how often it is repeated, where it is."""
    return _RUN.sub(lambda run: bytes([run[0][0] | _REPEATED, len(run[0]) - 1]), flags)


def _parts(given: bytes, work: Work) -> bytes:
    """The glyphs that this one is put together from."""
    made, at, flags = bytearray(), _HEAD_BYTES, _MORE
    while flags & _MORE:
        work.take(2)
        flags, glyph = struct.unpack_from(">HH", given, at)
        size = 4 if flags & _WORDS else 2
        size += 2 if flags & _SCALE else 4 if flags & _TWO_SCALES else 8 if flags & _MATRIX else 0
        if at + 4 + size > len(given):
            raise IndexError
        made += struct.pack(">HH", flags & _PART_FLAGS, glyph) + given[at + 4 : at + 4 + size]
        at += 4 + size
    return bytes(made)
