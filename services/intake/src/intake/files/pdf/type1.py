"""Type 1 fonts (Adobe Type 1 Font Format): glyph programs and hints; no notices, names or comments."""

import re

from intake.files.kinds import NotTaken
from intake.files.pdf.glyphs import Glyphs

_FILE_KEY, _C1, _C2 = 55665, 52845, 22719
_LEADING = 4
_MOST_BYTES = 4 * 1024 * 1024
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBERS = re.compile(_NUMBER)
_OF_FONT = {b"FontMatrix": 6, b"FontBBox": 4, b"PaintType": 1, b"StrokeWidth": 1}
_OF_PRIVATE = (
    *(b"BlueValues", b"OtherBlues", b"FamilyBlues", b"FamilyOtherBlues", b"BlueScale", b"BlueShift"),
    *(b"BlueFuzz", b"StdHW", b"StdVW", b"StemSnapH", b"StemSnapV", b"LanguageGroup", b"ExpansionFactor"),
)
_ONE = frozenset(
    {b"BlueScale", b"BlueShift", b"BlueFuzz", b"LanguageGroup", b"ExpansionFactor", b"PaintType"}
)
_TAIL = b"""end
end
readonly put
noaccess put
dup/FontName get exch definefont pop
mark currentfile closefile
"""
_GAP = 120  # bytes between two lines of a list, at the most
_BEGIN = re.compile(rb"/CharStrings\s+\d+\s+dict\s+dup\s+begin")
_CODE = re.compile(rb"dup\s+(\d{1,3})\s*/([^\s/{}\[\]()<>%]+)\s+put")
_SUBR = re.compile(rb"dup\s+(\d{1,5})\s+(\d{1,6})\s+(?:RD|-\||[^\s/{}\[\]()]{1,12}) ")
_GLYPH = re.compile(rb"/([^\s/{}\[\]()<>%]+)\s+(\d{1,6})\s+(?:RD|-\||[^\s/{}\[\]()]{1,12}) ")


def bare_type1(data: bytes, glyphs: Glyphs) -> tuple[bytes, int]:
    """The same glyphs in a new font named F, and how long its clear part is. `NotTaken` when unreadable."""
    if len(data) > _MOST_BYTES:
        raise NotTaken("font-in-pdf")
    data = _joined(data)
    clear, mark, coded = data.partition(b"eexec")
    if not mark:
        raise NotTaken("font-in-pdf")
    private = _decrypted(_binary(coded.lstrip(b" \t\r\n") if coded[:1] in b" \t\r\n" else coded))
    begin = _BEGIN.search(private)
    programs = _programs(private, _GLYPH, begin.end()) if begin else []
    if begin is None or not programs:
        raise NotTaken("font-in-pdf")
    shared = private.find(b"/Subrs")
    subrs = _programs(private[: begin.start()], _SUBR, shared) if shared >= 0 else []
    head = _head(clear, glyphs)
    return head + _encrypted(_private(private, subrs, programs, glyphs)), len(head)


def _head(clear: bytes, glyphs: Glyphs) -> bytes:
    told = [b"%!PS-AdobeFont-1.0: F", b"11 dict begin", b"/FontType 1 def", b"/FontName /F def"]
    values = {name: _values(clear, name) for name in _OF_FONT}
    for name, count in _OF_FONT.items():
        found = values[name]
        if len(found) >= count:
            shown = found[0] if count == 1 else b"[%s]" % b" ".join(found[:count])
            told.append(b"/%s %s readonly def" % (name, shown))
    if b"PaintType" not in b"".join(told):
        told.append(b"/PaintType 0 def")
    told += _encoding(clear, glyphs)
    told += [b"currentdict end", b"currentfile eexec", b""]
    return b"\n".join(told)


def _encoding(clear: bytes, glyphs: Glyphs) -> list[bytes]:
    codes = _CODE.findall(clear)
    if not codes:
        return [b"/Encoding StandardEncoding def"]
    lines = [b"/Encoding 256 array", b"0 1 255 {1 index exch /.notdef put} for"]
    lines += [b"dup %s /%s put" % (code, _named(name, glyphs)) for code, name in codes]
    return [*lines, b"readonly def"]


def _private(
    private: bytes, subrs: list[tuple[bytes, bytes]], programs: list[tuple[bytes, bytes]], glyphs: Glyphs
) -> bytes:
    leading = _values(private, b"lenIV")
    told = [
        b"dup /Private 17 dict dup begin",
        b"/RD {string currentfile exch readstring pop} executeonly def",
    ]
    told += [b"/ND {noaccess def} executeonly def", b"/NP {noaccess put} executeonly def"]
    told += [b"/MinFeature{16 16} def", b"/password 5839 def"]
    if leading and leading[0].isdigit():
        told.append(b"/lenIV %s def" % leading[0])
    for name in _OF_PRIVATE:
        found = _values(private, name)
        if found:
            told.append(b"/%s %s def" % (name, found[0] if name in _ONE else b"[%s]" % b" ".join(found[:14])))
    told.append(b"/ForceBold %s def" % (b"true" if re.search(rb"/ForceBold\s+true", private) else b"false"))
    told.append(b"")
    out = bytearray(b"\n".join(told))
    if subrs:
        count = max(int(number) for number, _ in subrs) + 1
        out += b"/OtherSubrs [{} {} {} {}] def\n/Subrs %d array\n" % count
        for number, code in subrs:
            out += b"dup %s %d RD " % (number, len(code)) + code + b" NP\n"
        out += b"ND\n"
    out += b"2 index /CharStrings %d dict dup begin\n" % len(programs)
    for name, code in programs:
        out += b"/%s %d RD " % (_named(name, glyphs), len(code)) + code + b" ND\n"
    return bytes(out) + _TAIL


def _named(given: bytes, glyphs: Glyphs) -> bytes:
    return glyphs.name(given.decode("latin-1")).encode("latin-1")


def _values(text: bytes, name: bytes) -> list[bytes]:
    """The number or list of numbers that follows a name; empty when there is none."""
    found = re.search(rb"/%s\s*[\[{]?\s*((?:%s\s*)*)" % (name, _NUMBER), text)
    return _NUMBERS.findall(found[1])[:16] if found else []


def _programs(private: bytes, line: re.Pattern[bytes], at: int) -> list[tuple[bytes, bytes]]:
    """What each line of a list holds, from this place to the first gap."""
    found: list[tuple[bytes, bytes]] = []
    while (match := line.search(private, at, at + _GAP)) is not None:
        at = match.end() + int(match[2])
        found.append((match[1], private[match.end() : at]))
    return found


def _joined(data: bytes) -> bytes:
    """Without the marks of a PFB file, where it is one."""
    parts, at = [], 0
    while data[at : at + 1] == b"\x80" and data[at + 1 : at + 2] in {b"\1", b"\2"}:
        size = int.from_bytes(data[at + 2 : at + 6], "little")
        parts.append(data[at + 6 : at + 6 + size])
        at += 6 + size
    return b"".join(parts) or data


def _binary(coded: bytes) -> bytes:
    if not re.match(rb"[0-9A-Fa-f\s]{8}", coded):
        return coded
    digits = b"".join(re.match(rb"[0-9A-Fa-f\s]*", coded)[0].split())  # type: ignore[index]
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))


def _decrypted(coded: bytes) -> bytes:
    key, out = _FILE_KEY, bytearray()
    for each in coded:
        out.append(each ^ (key >> 8))
        key = ((each + key) * _C1 + _C2) & 0xFFFF
    return bytes(out[_LEADING:])


def _encrypted(plain: bytes) -> bytes:
    key, out = _FILE_KEY, bytearray()
    for each in bytes(_LEADING) + plain:
        coded = each ^ (key >> 8)
        out.append(coded)
        key = ((coded + key) * _C1 + _C2) & 0xFFFF
    return bytes(out)
