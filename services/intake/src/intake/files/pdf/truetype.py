"""TrueType and OpenType fonts: the tables that draw, and nothing that tells of makers, licences or days.

Tables and their fields: OpenType 1.9, chapters of the same names.
"""

import itertools
import struct
from collections.abc import Mapping

from intake.files.kinds import NotTaken
from intake.files.pdf.cff import bare_cff
from intake.files.pdf.charmaps import bare_cmap
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.outlines import bare_outline
from intake.files.pdf.work import Work

#: Tables of widths, by the table that says how many there are.
_WIDTHS = {"hhea": "hmtx", "vhea": "vmtx"}
_COUNT_AT = 34
_MAXP_BYTES = 32
_MAC_NAMES = 258
_MOST_TABLES = 64
_CHECKSUM = 0xB1B0AFBA
_HEAD_BYTES = 54
_MOST_GLYPHS = 0xFFFF


def bare_font(data: bytes, glyphs: Glyphs, work: Work) -> bytes:
    """The same outlines and maps in a new file, without hints; `NotTaken` when they cannot be read."""
    tables = _tables(data, work)
    try:
        kept = _kept(tables, glyphs, work)
    except (struct.error, KeyError, IndexError) as error:
        raise NotTaken("font-in-pdf") from error
    return _written(data[:4], kept)


def _tables(data: bytes, work: Work) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">H", data, 4)
    if count > _MOST_TABLES:
        raise NotTaken("font-in-pdf")
    found = {}
    for each in range(count):
        tag, _, at, size = struct.unpack_from(">4sLLL", data, 12 + 16 * each)
        found[tag.decode("latin-1")] = data[at : at + size]
        work.take_bytes(len(data[at : at + size]))  # several may lie in one place
    return found


def _kept(tables: Mapping[str, bytes], glyphs: Glyphs, work: Work) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    count = struct.unpack_from(">H", tables["maxp"], 4)[0] if "maxp" in tables else _MOST_GLYPHS
    for told, widths in _WIDTHS.items():
        if told in tables and widths in tables:
            kept[told], kept[widths] = _widths(tables[told], tables[widths], count)
    if "CFF " in tables:
        kept["CFF "] = bare_cff(tables["CFF "], glyphs, work)
    if "cmap" in tables:
        kept["cmap"] = bare_cmap(tables["cmap"], count, work)
    if "post" in tables:
        kept["post"] = _post(tables["post"], glyphs, work)
    if "head" not in tables:
        return kept
    kept["head"] = _head(tables["head"])
    if "glyf" in tables:
        is_long = struct.unpack_from(">h", tables["head"], 50)[0]
        kept["glyf"], kept["loca"] = _outlines(tables, bool(is_long), work)
    if "maxp" in tables:
        kept["maxp"] = _maxp(tables["maxp"])
    return kept


def _widths(told: bytes, widths: bytes, glyph_count: int) -> tuple[bytes, bytes]:
    """As many as there are glyphs, and how many of them are whole; without what is reserved."""
    (given,) = struct.unpack_from(">H", told, _COUNT_AT)
    count = min(given, glyph_count)
    size = 4 * count + 2 * (glyph_count - count)
    return told[:24] + bytes(8) + told[32:34] + struct.pack(">H", count), widths[:size]


def _maxp(table: bytes) -> bytes:
    """How many glyphs and points there are; nothing of instructions."""
    if table[:4] != b"\0\1\0\0":
        return table[:6]
    return table[:14] + b"\0\1" + bytes(12) + table[28:_MAXP_BYTES]


def _head(table: bytes) -> bytes:
    """Without its revision and the days on which it was made and changed; its outlines get long places."""
    head = bytearray(table[:_HEAD_BYTES].ljust(_HEAD_BYTES, b"\0"))
    head[4:12], head[20:36], head[50:52] = b"\0\1\0\0" + bytes(4), bytes(16), b"\0\1"
    return bytes(head)


def _outlines(tables: Mapping[str, bytes], is_long: bool, work: Work) -> tuple[bytes, bytes]:
    """Every outline once more, without its instructions and what lies between or behind them."""
    loca, outlines = tables["loca"], tables["glyf"]
    count = len(loca) // (4 if is_long else 2)
    places = struct.unpack_from(f">{count}{'L' if is_long else 'H'}", loca)
    if not is_long:
        places = tuple(2 * each for each in places)
    made, new_places = bytearray(), [0]
    for start, end in itertools.pairwise(places):
        work.take(1)
        work.take_bytes(max(end - start, 0))
        made += bare_outline(outlines[start:end], work) if start < end else b""
        made += bytes(-len(made) % 4)
        new_places.append(len(made))
    return bytes(made), struct.pack(f">{len(new_places)}L", *new_places)


def _post(table: bytes, glyphs: Glyphs, work: Work) -> bytes:
    """The names of glyphs that others know too; of any other format than 2 only the head."""
    version = table[:4]
    if version != b"\0\2\0\0":
        return (version if version == b"\0\1\0\0" else b"\0\3\0\0") + table[4:32].ljust(28, b"\0")
    (count,) = struct.unpack_from(">H", table, 32)
    places = struct.unpack_from(f">{count}H", table, 34)
    names, at = [], 34 + 2 * count
    while at < len(table):
        work.take(1)
        size = table[at]
        names.append(table[at + 1 : at + 1 + size].decode("latin-1"))
        at += 1 + size
    used = [names[each - _MAC_NAMES] for each in places if each >= _MAC_NAMES]
    order = {name: number for number, name in enumerate(dict.fromkeys(used))}
    new_places = [
        each if each < _MAC_NAMES else _MAC_NAMES + order[names[each - _MAC_NAMES]] for each in places
    ]
    packed = b"".join(bytes([len(name)]) + name for name in (glyphs.name(each).encode() for each in order))
    return table[:32] + struct.pack(f">{count + 1}H", count, *new_places) + packed


def _written(version: bytes, tables: Mapping[str, bytes]) -> bytes:
    count = len(tables)
    power = max(count.bit_length() - 1, 0)
    head = struct.pack(">4sHHHH", version, count, 16 << power, power, max(16 * count - (16 << power), 0))
    entries, body, at = bytearray(), bytearray(), 12 + 16 * count
    for tag in sorted(tables):
        content = tables[tag]
        entries += struct.pack(">4sLLL", tag.encode("latin-1"), _checksum(content), at, len(content))
        padded = content + bytes(-len(content) % 4)
        body += padded
        at += len(padded)
    made = bytearray(head + entries + body)
    if "head" in tables:
        place = bytes(made).index(b"head", 12)
        at = struct.unpack_from(">L", made, place + 8)[0]
        struct.pack_into(">L", made, at + 8, (_CHECKSUM - _checksum(bytes(made))) % 2**32)
    return bytes(made)


def _checksum(content: bytes) -> int:
    padded = content + bytes(-len(content) % 4)
    return int(sum(struct.unpack(f">{len(padded) // 4}L", padded))) % 2**32
