"""Fonts (ISO 32000-2, 9.5 to 9.10): widths, maps and outlines; names only of fonts that every reader has."""

import re
from collections.abc import Mapping

from pikepdf import Array, Dictionary, Name, Object, Stream, String

from intake.files.kinds import NotTaken
from intake.files.pdf.cff import bare_cff
from intake.files.pdf.cmaps import glyph_map, predefined, text_map
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.making import (
    Making,
    at_most,
    dictionary,
    first,
    items,
    kept,
    number,
    numbers,
    one_of,
    whole,
)
from intake.files.pdf.truetype import bare_font
from intake.files.pdf.type1 import bare_type1

_MOST_FONT_BYTES = 64 * 1024 * 1024
_MOST_GLYPHS = 65_536
_DESCRIBED = {
    **dict.fromkeys(("/Flags", "/FontWeight"), whole),
    "/FontBBox": first(4),
    **dict.fromkeys(
        ("/ItalicAngle", "/Ascent", "/Descent", "/Leading", "/CapHeight", "/XHeight", "/StemV", "/StemH"),
        number,
    ),
    **dict.fromkeys(("/AvgWidth", "/MaxWidth", "/MissingWidth"), number),
}
_SIMPLE = {"/FirstChar": whole, "/LastChar": whole}
_MOST_CODES = 256
_ENCODINGS = one_of("StandardEncoding", "MacRomanEncoding", "WinAnsiEncoding", "MacExpertEncoding")
_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_SFNT = (b"\0\1\0\0", b"true", b"OTTO")
_ORDERINGS = frozenset({"Identity", "Japan1", "GB1", "CNS1", "Korea1", "KR"})
_LONGEST_NAME = 48  # styles can be read in several ways: of a long row of them, in very many
_FIXED, _SERIF, _ITALIC, _BOLD = 1, 2, 64, 1 << 18
#: Families that readers have or know how to stand in for, in any weight and slope.
_FAMILIES = re.compile(
    r"(?:Helvetica(?:Neue)?|Times(?:New)?(?:Roman)?|Courier(?:New)?|Symbol|ZapfDingbats|Arial(?:Narrow|Black|Unicode)?"
    r"|Calibri|Cambria|Candara|Consolas|Constantia|Corbel|Georgia|Verdana|Tahoma|TrebuchetMS|Trebuchet|Garamond"
    r"|Palatino(?:Linotype)?|BookAntiqua|BookmanOldStyle|CenturyGothic|CenturySchoolbook|ComicSans|Impact|SegoeUI"
    r"|LucidaConsole|LucidaSans|Wingdings[23]?|Webdings|MSGothic|MSMincho|MSPGothic|MSPMincho|SimSun|SimHei|NSimSun"
    r"|MingLiU|PMingLiU|Batang|Gulim|Dotum|Malgun|HeiseiMin|HeiseiKakuGo|STSong|STSongStd|MSung|MHei|HYSMyeongJo"
    r"|HYGoThic|KozMinPr6N|KozGoPr6N|AdobeSongStd|AdobeMingStd|AdobeMyungjoStd|Roboto|OpenSans|LiberationSans"
    r"|LiberationSerif|LiberationMono|DejaVuSans|DejaVuSerif|DejaVuSansMono)"
    r"(?:[-,]?(?:PS|MT|PSMT|Std|Light|Regular|Roman|Normal|Medium|Semibold|SemiBold|Black|Bold|BoldItalic|Italic"
    r"|BoldOblique|Oblique|BoldMT|ItalicMT|BoldItalicMT|W3|W5|UniGB|UniJIS|UniCNS|UniKS|Acro))*"
)


def font(making: Making, given: Object, glyphs: Glyphs) -> Object | None:
    """A font made anew that is no Type 3; None when it is of no kind that we know."""
    kind = str(given.get("/Subtype"))
    if kind in {"/Type1", "/MMType1", "/TrueType"}:
        return _simple(making, given, kind, glyphs)
    return _composite(making, given, glyphs) if kind == "/Type0" else None


def encoding(given: object, glyphs: Glyphs) -> Object | None:
    """Which code is which glyph (table 112); names as in `Glyphs`."""
    if isinstance(given, Name):
        found = _ENCODINGS(given)
        return found if isinstance(found, Object) else None
    if not isinstance(given, Dictionary):
        return None
    made = dictionary({"/Type": Name.Encoding}, kept(given, {"/BaseEncoding": _ENCODINGS}))
    differences: list[object] = []
    for each in items(given.get("/Differences"), 1024):
        if isinstance(each, Name):
            differences.append(Name("/" + glyphs.name(str(each)[1:])))
        elif isinstance(each, int):
            differences.append(each)
    if differences:
        made["/Differences"] = Array(differences)
    return made


def to_unicode(making: Making, given: Object) -> Mapping[str, object]:
    """The map from codes to characters, for reading aloud and finding."""
    found = given.get("/ToUnicode")
    if isinstance(found, Name) and (named := predefined(str(found))):
        return {"/ToUnicode": Name("/" + named)}
    if not isinstance(found, Stream):
        return {}
    made = making.once(found, "text map", lambda: making.stream(text_map(_map(making, found))))
    return {} if made is None else {"/ToUnicode": made}


def widths(given: Object) -> Mapping[str, object]:
    """Those of the codes of a simple font, and none behind them."""
    least, most = whole(given.get("/FirstChar")) or 0, whole(given.get("/LastChar"))
    count = _MOST_CODES if most is None else min(max(most - least + 1, 0), _MOST_CODES)
    return kept(given, {"/Widths": at_most(count)})


def _simple(making: Making, given: Object, kind: str, glyphs: Glyphs) -> Object:
    descriptor, is_embedded = _descriptor(making, given, glyphs, is_composite=False)
    name = _own_name(making) if is_embedded else _common_name(given)
    if descriptor is not None:
        descriptor["/FontName"] = name
        descriptor = making.made.make_indirect(descriptor)
    told: dict[str, object] = {"/Type": Name.Font, "/Subtype": Name(kind), "/BaseFont": name}
    described = {} if descriptor is None else {"/FontDescriptor": descriptor}
    coded = encoding(given.get("/Encoding"), glyphs)
    named = {} if coded is None else {"/Encoding": coded}
    return dictionary(told, kept(given, _SIMPLE), widths(given), described, named, to_unicode(making, given))


def _composite(making: Making, given: Object, glyphs: Glyphs) -> Object | None:
    descendants = list(items(given.get("/DescendantFonts"), 1))
    coded = given.get("/Encoding")
    if not descendants or not isinstance(descendants[0], Dictionary):
        return None
    making.work.take(sum(len(items(descendants[0].get(key), 4 * _MOST_GLYPHS)) for key in ("/W", "/W2")))
    under = _descendant(making, descendants[0], glyphs)
    if under is None:
        return None
    named = predefined(str(coded)) if isinstance(coded, Name) else None
    if named is not None:
        told: object = Name("/" + named)
    elif isinstance(coded, Stream):
        told = _glyph_map(making, coded)
    else:
        raise NotTaken("font-in-pdf")
    head = {"/Type": Name.Font, "/Subtype": Name.Type0, "/BaseFont": under["/BaseFont"], "/Encoding": told}
    parts = {"/DescendantFonts": Array([making.made.make_indirect(under)])}
    return dictionary(head, parts, to_unicode(making, given))


def _glyph_map(making: Making, given: Stream) -> object:
    system = {"/CIDSystemInfo": _system(given.get("/CIDSystemInfo"))}
    told = {"/Type": Name.CMap, "/CMapName": Name.M, **system, **kept(given, {"/WMode": whole})}
    upon = given.get("/UseCMap")
    if isinstance(upon, Name) and (named := predefined(str(upon))):
        told["/UseCMap"] = Name("/" + named)
    elif upon is not None:
        raise NotTaken("font-in-pdf")
    return making.once(given, "glyph map", lambda: making.stream(glyph_map(_map(making, given)), told))


def _descendant(making: Making, given: Dictionary, glyphs: Glyphs) -> Dictionary | None:
    kind = str(given.get("/Subtype"))
    if kind not in {"/CIDFontType0", "/CIDFontType2"}:
        return None
    descriptor, is_embedded = _descriptor(making, given, glyphs, is_composite=True)
    name = _own_name(making) if is_embedded else _common_name(given)
    made = dictionary(
        {"/Type": Name.Font, "/Subtype": Name(kind), "/BaseFont": name},
        {"/CIDSystemInfo": _system(given.get("/CIDSystemInfo"))},
        kept(given, {"/DW": number, "/DW2": first(2), "/W": _widths, "/W2": _widths}),
    )
    if descriptor is not None:
        descriptor["/FontName"] = name
        made["/FontDescriptor"] = making.made.make_indirect(descriptor)
    order = given.get("/CIDToGIDMap")
    if isinstance(order, Stream):
        made["/CIDToGIDMap"] = making.once(order, "glyphs of CIDs", lambda: _order(making, order))
    elif order is not None:
        made["/CIDToGIDMap"] = Name.Identity
    return made


def _order(making: Making, given: Stream) -> Object:
    return making.stream(making.contents(given, 2 * _MOST_GLYPHS)[: 2 * _MOST_GLYPHS])


def _map(making: Making, given: Stream) -> bytes:
    """What a CMap holds; its words are short."""
    content = making.contents(given)
    making.work.take(len(content) // 4)
    return content


def _widths(given: object) -> Array | None:
    """Numbers, and lists of numbers (9.7.4.3)."""
    made, left = [], 4 * _MOST_GLYPHS
    for each in items(given, left):
        left -= len(each) if isinstance(each, Array) else 1
        if left < 0:
            raise NotTaken("too-heavy")
        value = numbers(each) if isinstance(each, Array) else number(each)
        if value is None:
            return None
        made.append(value)
    return Array(made) if made else None


def _system(given: object) -> Dictionary:
    ordering = str(given.get("/Ordering", "")) if isinstance(given, Dictionary) else ""
    supplement = whole(given.get("/Supplement")) if isinstance(given, Dictionary) else None
    known = ordering if ordering in _ORDERINGS else "Identity"
    return Dictionary(Registry=String("Adobe"), Ordering=String(known), Supplement=supplement or 0)


def _descriptor(
    making: Making, given: Object, glyphs: Glyphs, *, is_composite: bool
) -> tuple[Dictionary | None, bool]:
    """How the font looks, with its outlines where they are embedded; whether they are."""
    found = given.get("/FontDescriptor")
    if not isinstance(found, Dictionary):
        return None, False
    made = dictionary({"/Type": Name.FontDescriptor}, kept(found, _DESCRIBED))
    for key in _FILES:
        file = found.get(key)
        if isinstance(file, Stream):
            place, outlines = _file(making, file, glyphs, is_composite=is_composite)
            made[place] = outlines
            return made, True
    return made, False


def _file(making: Making, given: Stream, glyphs: Glyphs, *, is_composite: bool) -> tuple[str, Object]:
    def make() -> Object:
        return _outlines(making, given, glyphs, is_composite=is_composite)

    made = making.once(given, ("font file", is_composite), make)
    if made is None:
        raise NotTaken("font-in-pdf")
    if "/Subtype" in made:
        return "/FontFile3", made
    return ("/FontFile" if "/Length2" in made else "/FontFile2"), made


def _outlines(making: Making, given: Stream, glyphs: Glyphs, *, is_composite: bool) -> Stream:
    data = making.contents(given, _MOST_FONT_BYTES)
    if data.startswith(_SFNT):
        outlines = bare_font(data, glyphs, making.work)
        is_open = data.startswith(b"OTTO")
        return making.stream(
            outlines, {"/Subtype": Name.OpenType} if is_open else {"/Length1": len(outlines)}
        )
    if data[:1] == b"\1":
        kind = Name.CIDFontType0C if is_composite else Name.Type1C
        return making.stream(bare_cff(data, glyphs, making.work), {"/Subtype": kind})
    making.work.take(len(data) // 2)  # it is undone and done again byte by byte
    outlines, clear = bare_type1(data, glyphs)
    return making.stream(outlines, {"/Length1": clear, "/Length2": len(outlines) - clear, "/Length3": 0})


def _own_name(making: Making) -> Name:
    return Name(f"/AAAAAA+F{making.fresh()}")


def _common_name(given: Object) -> Name:
    """The font's own name where every reader knows it; else of a family that looks alike."""
    name = re.sub(r"^[A-Z]{6}\+|\s", "", str(given.get("/BaseFont", ""))[1:])
    if len(name) <= _LONGEST_NAME and _FAMILIES.fullmatch(name):
        return Name("/" + name)
    found = given.get("/FontDescriptor")
    flags = whole(found.get("/Flags")) or 0 if isinstance(found, Dictionary) else 0
    is_bold = bool(flags & _BOLD) or "bold" in name.lower()
    is_italic = bool(flags & _ITALIC) or "italic" in name.lower() or "oblique" in name.lower()
    family, slope, plain = ("Times", "Italic", "-Roman") if flags & _SERIF else ("Helvetica", "Oblique", "")
    if flags & _FIXED:
        family, slope, plain = "Courier", "Oblique", ""
    style = ("Bold" if is_bold else "") + (slope if is_italic else "")
    return Name(f"/{family}-{style}" if style else f"/{family}{plain}")
