"""The cmap table of a font (OpenType 1.9): which code is which glyph, written anew."""

import struct
from collections.abc import Iterable, Mapping

from intake.files.pdf.work import Work

_MOST_TABLES = 64
_MOST_GROUPS = 70_000
_MOST_SEGMENTS = 8_000  # their length has two bytes
_LAST_CODE = 0xFFFF
_BYTE = 256
#: Platforms and encodings that readers look for.
_KNOWN = frozenset({(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 6), (1, 0), (3, 0), (3, 1), (3, 10)})

#: The first code, the last, and the glyph of the first; the others follow it.
_Run = tuple[int, int, int]


def bare_cmap(table: bytes, glyph_count: int, work: Work) -> bytes:
    """The same maps; those of glyphs that are not there, and of kinds that nobody reads, are left out."""
    (count,) = struct.unpack_from(">H", table, 2)
    found: dict[tuple[int, int], bytes] = {}
    for each in range(min(count, _MOST_TABLES)):
        platform, encoding, at = struct.unpack_from(">HHL", table, 4 + 8 * each)
        kind = struct.unpack_from(">H", table, at)[0]
        if (platform, encoding) not in _KNOWN or kind not in _READ:
            continue
        runs = _merged(_READ[kind](table[at:], work), glyph_count, work)
        found[platform, encoding] = _written(runs, is_short=platform == 1)
    made, body, at = bytearray(struct.pack(">HH", 0, len(found))), b"", 4 + 8 * len(found)
    for (platform, encoding), part in sorted(found.items()):
        made += struct.pack(">HHL", platform, encoding, at + len(body))
        body += part
    return bytes(made) + body


def _bytes(table: bytes, _: Work) -> Iterable[_Run]:
    return [(code, code, glyph) for code, glyph in enumerate(table[6 : 6 + _BYTE])]


def _segments(table: bytes, work: Work) -> Iterable[_Run]:
    count = struct.unpack_from(">H", table, 6)[0] // 2
    ends, starts, steps, places = (
        struct.unpack_from(f">{count}H", table, at)
        for at in (14, 16 + 2 * count, 16 + 4 * count, 16 + 6 * count)
    )
    for number, (start, end, step, place) in enumerate(zip(starts, ends, steps, places, strict=True)):
        if start > end or start == _LAST_CODE:
            continue
        work.take(1 + (end - start) // 2)
        first = 16 + 6 * count + 2 * number + place
        for code in range(start, end + 1):
            if not place:
                yield code, code, (code + step) & _LAST_CODE
            elif (at := first + 2 * (code - start)) + 2 <= len(table):
                glyph = struct.unpack_from(">H", table, at)[0]
                yield code, code, (glyph + step) & _LAST_CODE if glyph else 0


def _trimmed(table: bytes, _: Work) -> Iterable[_Run]:
    first, count = struct.unpack_from(">HH", table, 6)
    glyphs = struct.unpack_from(f">{count}H", table, 10)
    return [(first + at, first + at, glyph) for at, glyph in enumerate(glyphs)]


def _groups(table: bytes, work: Work) -> Iterable[_Run]:
    count = min(struct.unpack_from(">L", table, 12)[0], _MOST_GROUPS)
    work.take(count)
    return [struct.unpack_from(">LLL", table, 16 + 12 * each) for each in range(count)]


_READ = {0: _bytes, 4: _segments, 6: _trimmed, 12: _groups}


def _merged(runs: Iterable[_Run], glyph_count: int, work: Work) -> list[_Run]:
    """In order and once each; runs that follow each other are one."""
    made: list[_Run] = []
    for start, end, glyph in sorted(runs):
        last = made[-1] if made else (-2, -2, 0)
        if start > end or start <= last[1] or not 0 < glyph < glyph_count or end > 0x10FFFF:
            continue
        run = (start, min(end, start + glyph_count - 1 - glyph), glyph)
        follows = start == last[1] + 1 and glyph == last[2] + start - last[0]
        made[-1 if follows else len(made) :] = [(last[0], run[1], last[2]) if follows else run]
    work.take(len(made))
    return made


def _written(runs: list[_Run], *, is_short: bool) -> bytes:
    """Format 0 or 6 for old Macintosh maps, else 4, or 12 where that is too small."""
    if is_short:
        codes = ((run, code) for run in runs for code in range(run[0], min(run[1] + 1, _BYTE)))
        return _as_bytes({code: run[2] + code - run[0] for run, code in codes})
    if len(runs) > _MOST_SEGMENTS or (runs and runs[-1][1] > _LAST_CODE):
        body = b"".join(struct.pack(">LLL", *run) for run in runs)
        return struct.pack(">HHLLL", 12, 0, 16 + len(body), 0, len(runs)) + body
    runs = [run for run in runs if run[1] < _LAST_CODE]
    ends, starts = [run[1] for run in runs] + [_LAST_CODE], [run[0] for run in runs] + [_LAST_CODE]
    steps = [(run[2] - run[0]) & _LAST_CODE for run in runs] + [1]
    count = len(ends)
    power = count.bit_length() - 1
    search = 2 << power
    head = struct.pack(">7H", 4, 16 + 8 * count, 0, 2 * count, search, power, 2 * count - search)
    lists = [struct.pack(f">{count}H", *each) for each in (ends, starts, steps)]
    return head + lists[0] + bytes(2) + lists[1] + lists[2] + bytes(2 * count)


def _as_bytes(glyphs: Mapping[int, int]) -> bytes:
    listed = [glyphs.get(code, 0) for code in range(_BYTE)]
    if max(listed) < _BYTE:
        return struct.pack(">HHH", 0, 6 + _BYTE, 0) + bytes(listed)
    return struct.pack(">HHHHH", 6, 10 + 2 * _BYTE, 0, 0, _BYTE) + struct.pack(f">{_BYTE}H", *listed)
