"""What a font tells: its names, its text map, and the program that is embedded."""

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream
from PIL import ImageFont

from tests.support.canaries import WORD, eexec
from tests.support.canary_places.marks import Change, draw, on_font, stream, text, with_resource
from tests.support.files import CANARY


def _type_3(made: pikepdf.Pdf) -> Dictionary:
    glyph = made.make_indirect(Stream(made, b"9 0 d0 % " + WORD + b"\n0 0 5 5 re f"))
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, 9, 9]),
        FontMatrix=Array([0.1, 0, 0, 0.1, 0, 0]),
        FirstChar=97,
        LastChar=97,
        Widths=Array([9]),
        CharProcs=Dictionary({f"/{CANARY}": glyph}),
        Encoding=Dictionary(Differences=Array([97, Name(f"/{CANARY}")])),
        Resources=Dictionary(),
        Name=Name(f"/{CANARY}"),
    )


def _family(_: pikepdf.Pdf) -> Dictionary:
    named = Dictionary(Type=Name.FontDescriptor, FontFamily=text(), CharSet=text(), Flags=32)
    named.FontName, named.Lang = Name(f"/{CANARY}"), Name(f"/{CANARY}")
    return named


def _text_map(made: pikepdf.Pdf, content: bytes) -> Stream:
    return Stream(made, b"1 beginbfchar <41> <0041> endbfchar " + content)


def embedded(name: str, outlines: bytes, **told: Any) -> Change:
    """Show a word in an embedded font."""

    def change(made: pikepdf.Pdf) -> None:
        file = Stream(made, b"", **told)
        file.write(zlib.compress(outlines), filter=Name.FlateDecode)
        described = Dictionary(
            Type=Name.FontDescriptor, FontName=Name.Own, Flags=32, FontBBox=Array([0, 0, 9, 9])
        )
        described[f"/{name}"] = made.make_indirect(file)
        kind = Name.TrueType if name == "FontFile2" else Name.Type1
        own = Dictionary(Type=Name.Font, Subtype=kind, BaseFont=Name.Own, FirstChar=65, LastChar=65)
        own.Widths, own.FontDescriptor, own.Encoding = Array([600]), described, Name.WinAnsiEncoding
        made.pages[0].Resources.Font.Own = own
        draw(made, b"BT /Own 20 Tf 100 20 Td (A) Tj ET")

    return change


_Tables = dict[bytes, bytes]


def _with_programs(tables: _Tables) -> None:
    tables[b"fpgm"], tables[b"prep"], tables[b"cvt "] = WORD, WORD, WORD


def _with_widths(tables: _Tables) -> None:
    tables[b"hmtx"] += WORD
    tables[b"hhea"] += WORD
    tables[b"maxp"] += WORD


def _behind_an_outline(tables: _Tables) -> None:
    """The last glyph of the font ends later, and tells within and behind its outline."""
    is_long = tables[b"head"][50:52] == b"\0\1"
    start = len(tables[b"glyf"])
    outline = struct.pack(">5hHH", 1, 0, 0, 9, 9, 0, len(WORD)) + WORD + bytes([0x31]) + WORD
    tables[b"glyf"] += outline + bytes(-len(outline) % 4)
    places = (start, len(tables[b"glyf"]))
    ends = struct.pack(">LL", *places) if is_long else struct.pack(">HH", *(each // 2 for each in places))
    tables[b"loca"] = tables[b"loca"][: -len(ends)] + ends


def _behind_codes(tables: _Tables) -> None:
    codes = struct.pack(">HHH", 0, 262 + len(WORD), 0) + bytes(256) + WORD
    tables[b"cmap"] = struct.pack(">HHHHL", 0, 1, 1, 0, 12) + codes


def truetype(change: Callable[[_Tables], None] = lambda _: None) -> bytes:
    """A real TrueType font whose names and days tell, with a table of no standard."""
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    data = font.font_bytes
    assert isinstance(data, bytes)
    count = int.from_bytes(data[4:6])
    tables = {}
    for at in range(12, 12 + 16 * count, 16):
        tag, _, place, size = struct.unpack_from(">4sLLL", data, at)
        tables[tag] = data[place : place + size]
    tables[b"name"], tables[b"prVt"] = WORD * 3, WORD
    change(tables)
    head = struct.pack(">4sHHHH", data[:4], len(tables), 0, 0, 0)
    entries, body, at = b"", b"", 12 + 16 * len(tables)
    for tag, content in sorted(tables.items()):
        entries += struct.pack(">4sLLL", tag, 0, at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    return head + entries + body


def _index(*items: bytes) -> bytes:
    if not items:
        return b"\0\0"
    places = [1]
    for each in items:
        places.append(places[-1] + len(each))
    return struct.pack(">HB", len(items), 2) + b"".join(each.to_bytes(2) for each in places) + b"".join(items)


def cff() -> bytes:
    """A font of two glyphs whose notice, names and glyph name tell (Adobe note 5176)."""

    def told(value: int) -> bytes:
        return struct.pack(">Bl", 29, value)

    glyphs = _index(b"\x0e", bytes([139, 139, 21, 239, 6, 239, 7, 14]))
    names, strings = _index(WORD), _index(WORD, b"A" + WORD)
    private = bytes([239, 20])

    def top(places: tuple[int, int, int]) -> bytes:
        charset, programs, hints = places
        return _index(
            told(391) + b"\1" + told(392) + b"\2" + told(charset) + bytes([15]) + told(programs) + bytes([17])
            + told(len(private)) + told(hints) + bytes([18])
        )  # fmt: skip

    start = 4 + len(names) + len(top((0, 0, 0))) + len(strings) + 2
    charset = b"\0" + (392).to_bytes(2)
    places = (start, start + len(charset), start + len(charset) + len(glyphs))
    return b"\1\0\4\2" + names + top(places) + strings + b"\0\0" + charset + glyphs + private


def type1() -> bytes:
    """A font of two glyphs whose notice, comments and glyph name tell."""
    glyphs = b"".join(b"/%s 9 RD " % name + bytes(9) + b" ND\n" for name in (b".notdef", b"A", WORD))
    private = (
        b"dup /Private 9 dict dup begin\n%" + WORD + b"\n/BlueValues [0 9] def\n/Own (" + WORD + b") def\n"
    )
    private += (
        b"2 index /CharStrings 3 dict dup begin\n"
        + glyphs
        + b"end end readonly put put mark currentfile closefile\n"
    )
    clear = (
        b"%!PS-AdobeFont-1.0: " + WORD + b"\n/FontInfo 9 dict dup begin /Notice (" + WORD + b") def end def\n"
    )
    clear += b"/FontName /" + WORD + b" def\n/FontMatrix [0.001 0 0 0.001 0 0] def\n/FontBBox {0 0 9 9} def\n"
    clear += b"/Encoding 256 array dup 65 /" + WORD + b" put readonly def\ncurrentfile eexec\n"
    return clear + eexec(private, decrypt=False)


_LONG = b"1 beginbfchar <42> <" + CANARY.encode("utf-16-be").hex().encode() + b"> endbfchar"


FONTS: Mapping[str, Change] = {
    "XMP of a font": on_font("Metadata", stream),
    "glyph of Type 3": with_resource("Font", _type_3, b"BT /Own 9 Tf (a) Tj ET"),
    "font's name": on_font("BaseFont", lambda _: Name(f"/ABCDEF+{CANARY}")),
    "font's family": on_font("FontDescriptor", _family),
    "glyph names of an encoding": on_font(
        "Encoding", lambda _: Dictionary(Differences=Array([1, Name(f"/{CANARY}")]))
    ),
    "comment in a text map": on_font("ToUnicode", lambda made: _text_map(made, b"%" + WORD)),
    "name of a text map": on_font("ToUnicode", lambda made: _text_map(made, b"/CMapName /" + WORD + b" def")),
    "long text in a text map": on_font("ToUnicode", lambda made: _text_map(made, _LONG)),
    "programs of a TrueType font": embedded("FontFile2", truetype(_with_programs)),
    "behind the widths of a TrueType font": embedded("FontFile2", truetype(_with_widths)),
    "behind an outline of a TrueType font": embedded("FontFile2", truetype(_behind_an_outline)),
    "behind the codes of a TrueType font": embedded("FontFile2", truetype(_behind_codes)),
    "TrueType font": embedded("FontFile2", truetype()),
    "CFF font": embedded("FontFile3", cff(), Subtype=Name.Type1C),
    "Type 1 font": embedded("FontFile", type1(), Length1=10, Length2=10, Length3=0),
}
