"""TrueType and OpenType fonts: the tables that draw, and nothing that tells of makers, licences or days.

Tables and their fields: OpenType 1.9, chapters of the same names.
"""

import itertools
import struct
from collections.abc import Mapping

from intake.files.kinds import NotTaken
from intake.files.pdf.cff import bare_cff
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.work import Work

_AS_THEY_ARE = ("cvt ", "fpgm", "prep", "vmtx")
_LENGTHS = {"hhea": 36, "vhea": 36}
_MAC_NAMES = 258
_MOST_TABLES = 64
_CHECKSUM = 0xB1B0AFBA
_HEAD_BYTES = 54
_SUBTABLES = frozenset({0, 2, 4, 6, 10, 12})
_WIDE = 8  # from this format on, a subtable's length has four bytes


def bare_font(data: bytes, glyphs: Glyphs, work: Work) -> bytes:
    """The same outlines, hints and maps in a new file; `NotTaken` when they cannot be read."""
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
    kept = {tag: tables[tag] for tag in _AS_THEY_ARE if tag in tables}
    kept |= {tag: tables[tag][:size] for tag, size in _LENGTHS.items() if tag in tables}
    if "CFF " in tables:
        kept["CFF "] = bare_cff(tables["CFF "], glyphs, work)
    if "cmap" in tables:
        kept["cmap"] = _cmap(tables["cmap"])
    if "post" in tables:
        kept["post"] = _post(tables["post"], glyphs, work)
    if "head" not in tables:
        return kept
    kept["head"] = _head(tables["head"])
    if "glyf" in tables:
        is_long = struct.unpack_from(">h", tables["head"], 50)[0]
        kept["glyf"], kept["loca"] = _outlines(tables, bool(is_long), work)
    if "maxp" in tables:
        kept["maxp"] = tables["maxp"][: 32 if tables["maxp"][:4] == b"\0\1\0\0" else 6]
    if "hmtx" in tables:
        kept["hmtx"] = tables["hmtx"]
    return kept


def _head(table: bytes) -> bytes:
    """Without the days on which it was made and changed; its outlines get long places."""
    head = bytearray(table[:_HEAD_BYTES].ljust(_HEAD_BYTES, b"\0"))
    head[8:12], head[20:36], head[50:52] = bytes(4), bytes(16), b"\0\1"
    return bytes(head)


def _outlines(tables: Mapping[str, bytes], is_long: bool, work: Work) -> tuple[bytes, bytes]:
    """Every outline once more, without what lies between or behind them."""
    loca, outlines = tables["loca"], tables["glyf"]
    count = len(loca) // (4 if is_long else 2)
    places = struct.unpack_from(f">{count}{'L' if is_long else 'H'}", loca)
    if not is_long:
        places = tuple(2 * each for each in places)
    made, new_places = bytearray(), [0]
    for start, end in itertools.pairwise(places):
        work.take(1)
        work.take_bytes(max(end - start, 0))
        made += outlines[start:end] if start < end else b""
        made += bytes(-len(made) % 4)
        new_places.append(len(made))
    return bytes(made), struct.pack(f">{len(new_places)}L", *new_places)


def _cmap(table: bytes) -> bytes:
    (count,) = struct.unpack_from(">H", table, 2)
    parts: dict[int, bytes] = {}
    entries = []
    for each in range(min(count, _MOST_TABLES)):
        platform, encoding, at = struct.unpack_from(">HHL", table, 4 + 8 * each)
        kind = struct.unpack_from(">H", table, at)[0]
        if kind not in _SUBTABLES:
            continue
        size = struct.unpack_from(">L" if kind >= _WIDE else ">H", table, at + (4 if kind >= _WIDE else 2))[0]
        parts[at] = table[at : at + size]
        entries.append((platform, encoding, at))
    made = bytearray(struct.pack(">HH", 0, len(entries)))
    new_places: dict[int, int] = {}
    at = 4 + 8 * len(entries)
    for place, part in parts.items():
        new_places[place] = at
        at += len(part)
    for platform, encoding, place in entries:
        made += struct.pack(">HHL", platform, encoding, new_places[place])
    return bytes(made) + b"".join(parts.values())


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
