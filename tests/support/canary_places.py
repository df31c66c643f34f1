"""PDFs with a canary in one place each: every packing, and every place of the standard that tells."""

import base64
import io
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String
from PIL import Image, ImageFont

from tests.support.canaries import JPEGS, STRIP_AT, STRIP_BYTES, WORD, eexec, saved
from tests.support.files import CANARY, pdf


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
_SHRINKING = ("FlateDecode", "LZWDecode", "RunLengthDecode")
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


def with_picture(data: bytes, coding: tuple[str, ...], **told: Any) -> Callable[[pikepdf.Pdf], None]:
    """Show a picture of these bytes on the page."""

    def change(made: pikepdf.Pdf) -> None:
        usual = {"Width": 64, "Height": 48, "BitsPerComponent": 8, "ColorSpace": Name.DeviceRGB}
        image = Stream(made, b"", Type=Name.XObject, Subtype=Name.Image, **{**usual, **told})
        filters = Array([Name(f"/{each}") for each in coding])
        image.write(data, filter=filters if coding else None, decode_parms=told.get("DecodeParms"))
        made.pages[0].Resources.XObject.Shown = made.make_indirect(image)
        _draw(made, b"q 90 0 0 70 10 10 cm /Shown Do Q")

    return change


def _draw(made: pikepdf.Pdf, content: bytes) -> None:
    page = made.pages[0]
    page.Contents = made.make_stream(page.Contents.read_bytes() + b"\n" + content)


_Change = Callable[[pikepdf.Pdf], None]


def _text() -> String:
    return String(CANARY)


def _told(made: pikepdf.Pdf) -> Stream:
    """A stream that holds the canary and is packed."""
    packed_stream = Stream(made, b"")
    packed_stream.write(zlib.compress(WORD * 2), filter=Name.FlateDecode)
    return made.make_indirect(packed_stream)


def _in_catalog(key: str, value: Callable[[pikepdf.Pdf], object]) -> _Change:
    def change(made: pikepdf.Pdf) -> None:
        made.Root[f"/{key}"] = value(made)

    return change


def _on_page(key: str, value: Callable[[pikepdf.Pdf], object]) -> _Change:
    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].obj[f"/{key}"] = value(made)

    return change


def _on_image(key: str, value: Callable[[pikepdf.Pdf], object]) -> _Change:
    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].Resources.XObject.Im1[f"/{key}"] = value(made)

    return change


def _on_font(key: str, value: Callable[[pikepdf.Pdf], object]) -> _Change:
    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].Resources.Font.F1[f"/{key}"] = value(made)

    return change


def _in_content(content: bytes) -> _Change:
    return lambda made: _draw(made, content)


def _with_note(**told: object) -> _Change:
    def change(made: pikepdf.Pdf) -> None:
        shown = Stream(made, b"0 0 9 9 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
        note = Dictionary(Type=Name.Annot, Subtype=Name.Square, Rect=Array([10, 10, 19, 19]), F=4)
        note.AP = Dictionary(N=made.make_indirect(shown))
        for key, value in told.items():
            note[f"/{key}"] = value(made) if callable(value) else value
        made.pages[0].obj.Annots = Array([made.make_indirect(note)])

    return change


def _with_resource(category: str, value: Callable[[pikepdf.Pdf], object], content: bytes) -> _Change:
    def change(made: pikepdf.Pdf) -> None:
        if f"/{category}" not in made.pages[0].Resources:
            made.pages[0].Resources[f"/{category}"] = Dictionary()
        made.pages[0].Resources[f"/{category}"].Own = value(made)
        _draw(made, content)

    return change


def _with_form(**told: object) -> _Change:
    def change(made: pikepdf.Pdf) -> None:
        content = told.get("content", b"0 0 9 9 re f")
        assert isinstance(content, bytes)
        form = Stream(made, content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
        for key, value in told.items():
            if callable(value):
                form[f"/{key}"] = value(made)
        made.pages[0].Resources.XObject.Own = made.make_indirect(form)
        _draw(made, b"/Own Do")

    return change


def _tree(value: object) -> Dictionary:
    return Dictionary(Names=Array([_text(), value]))


def _attached(made: pikepdf.Pdf) -> Dictionary:
    return Dictionary(Type=Name.Filespec, F=_text(), UF=_text(), EF=Dictionary(F=_told(made)))


def _script(_: pikepdf.Pdf) -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS=_text())


def _profile_space(made: pikepdf.Pdf) -> Array:
    profile = Stream(made, b"", N=3, Alternate=Name.DeviceRGB)
    profile.write(zlib.compress(WORD * 9), filter=Name.FlateDecode)
    return Array([Name.ICCBased, made.make_indirect(profile)])


def _pattern(made: pikepdf.Pdf) -> object:
    return made.make_indirect(
        Stream(
            made,
            b"0 0 3 3 re f % " + WORD,
            Type=Name.Pattern,
            PatternType=1,
            PaintType=1,
            TilingType=1,
            XStep=9,
            YStep=9,
            BBox=Array([0, 0, 9, 9]),
            Resources=Dictionary(),
        )
    )


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


def _tint(made: pikepdf.Pdf) -> object:
    return made.make_indirect(
        Stream(made, b"{ % " + WORD + b"\ndup dup }", FunctionType=4, Domain=[0, 1], Range=[0, 1, 0, 1, 0, 1])
    )


def _spot(made: pikepdf.Pdf) -> Array:
    return Array([Name.Separation, Name(f"/{CANARY}"), Name.DeviceRGB, _tint(made)])


def _several_spots(made: pikepdf.Pdf) -> Array:
    named = Dictionary(Subtype=Name.DeviceN, Colorants=Dictionary({f"/{CANARY}": _spot(made)}))
    return Array([Name.DeviceN, Array([Name(f"/{CANARY}")]), Name.DeviceRGB, _tint(made), named])


def _mask_state(made: pikepdf.Pdf) -> Dictionary:
    group = Dictionary(S=Name.Transparency, CS=Name.DeviceGray, Eigen=_text())
    form = Stream(made, b"1 g 0 0 300 300 re f % " + WORD, Type=Name.XObject, Subtype=Name.Form)
    form.BBox, form.Group, form.Metadata = Array([0, 0, 300, 300]), group, _told(made)
    return Dictionary(SMask=Dictionary(S=Name.Luminosity, G=made.make_indirect(form), Eigen=_text()))


def _soft_mask(made: pikepdf.Pdf) -> object:
    mask = Stream(made, bytes(64 * 48), Type=Name.XObject, Subtype=Name.Image, ColorSpace=Name.DeviceGray)
    mask.Width, mask.Height, mask.BitsPerComponent, mask.Metadata = 64, 48, 8, _told(made)
    return made.make_indirect(mask)


def _alternate(made: pikepdf.Pdf) -> Array:
    return Array([Dictionary(Image=_soft_mask(made), DefaultForPrinting=True)])


def _layer(made: pikepdf.Pdf) -> Dictionary:
    layer = made.make_indirect(Dictionary(Type=Name.OCG, Name=_text()))
    return Dictionary(OCGs=Array([layer]), D=Dictionary(Name=_text(), Creator=_text(), Order=Array([layer])))


def _renamed_font(made: pikepdf.Pdf) -> None:
    fonts = made.pages[0].Resources.Font
    fonts[f"/{CANARY}"] = fonts.F1
    _draw(made, b"BT /" + WORD + b" 9 Tf (x) Tj ET")


def _author(made: pikepdf.Pdf) -> None:
    made.docinfo["/Author"], made.docinfo["/Eigen"] = _text(), _text()


def _unused(made: pikepdf.Pdf) -> None:
    made.pages[0].Resources.XObject.Unused = _told(made)


def _family(_: pikepdf.Pdf) -> Dictionary:
    named = Dictionary(Type=Name.FontDescriptor, FontFamily=_text(), CharSet=_text(), Flags=32)
    named.FontName, named.Lang = Name(f"/{CANARY}"), Name(f"/{CANARY}")
    return named


def _text_map(made: pikepdf.Pdf, content: bytes) -> Stream:
    return Stream(made, b"1 beginbfchar <41> <0041> endbfchar " + content)


def _picture_in_stream(made: pikepdf.Pdf) -> None:
    told = b"BI /W 64 /H 48 /BPC 8 /CS /RGB /F [/AHx /DCT] ID "
    _draw(made, told + JPEGS["JPEG comment"]().hex().encode() + b"> EI")


def _hidden_layer(made: pikepdf.Pdf) -> None:
    layer = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("x")))
    made.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))
    made.pages[0].Resources.Properties = Dictionary(Own=layer)
    _draw(made, b"/OC /Own BDC BT /F1 9 Tf (" + WORD + b") Tj ET EMC")


def _structure(made: pikepdf.Pdf) -> Dictionary:
    part = Dictionary(
        Type=Name.StructElem, S=Name.P, Alt=_text(), ActualText=_text(), T=_text(), Lang=_text()
    )
    return Dictionary(
        Type=Name.StructTreeRoot, K=made.make_indirect(part), RoleMap=Dictionary({f"/{CANARY}": Name.P})
    )


def _odd_field(made: pikepdf.Pdf) -> Dictionary:
    field = Dictionary(FT=Name.Tx, T=_text(), TU=_text(), TM=_text(), V=_text(), DA=String("/Helv 9 Tf"))
    return Dictionary(Fields=Array([made.make_indirect(field)]), XFA=_told(made))


def embedded(name: str, outlines: bytes, **told: Any) -> _Change:
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
        _draw(made, b"BT /Own 20 Tf 100 20 Td (A) Tj ET")

    return change


def truetype() -> bytes:
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

PLACES: Mapping[str, _Change] = {
    "document information": _author,
    "XMP of the document": _in_catalog("Metadata", _told),
    "XMP of a page": _on_page("Metadata", _told),
    "XMP of a picture": _on_image("Metadata", _told),
    "XMP of a font": _on_font("Metadata", _told),
    "XMP of a form": _with_form(Metadata=_told),
    "private data of the document": _in_catalog(
        "PieceInfo", lambda _: Dictionary(App=Dictionary(Private=_text()))
    ),
    "private data of a page": _on_page("PieceInfo", lambda _: Dictionary(App=Dictionary(Private=_text()))),
    "private data of a form": _with_form(PieceInfo=lambda _: Dictionary(App=Dictionary(Private=_text()))),
    "own key of the catalog": _in_catalog("Eigen", _told),
    "own key of a page": _on_page("Eigen", lambda _: _text()),
    "moment of a page": _on_page("LastModified", lambda _: _text()),
    "thumbnail": _on_page("Thumb", _told),
    "web capture of a page": _on_page("ID", lambda _: _text()),
    "places on a map of a page": _on_page(
        "VP", lambda _: Array([Dictionary(Measure=Dictionary(GCS=Dictionary(WKT=_text())))])
    ),
    "associated file of a page": _on_page("AF", lambda made: Array([_attached(made)])),
    "action of a page": _on_page("AA", lambda made: Dictionary(O=_script(made))),
    "separation of a page": _on_page("SeparationInfo", lambda _: Dictionary(DeviceColorant=_text())),
    "box colours of a page": _on_page(
        "BoxColorInfo", lambda _: Dictionary(CropBox=Dictionary(Eigen=_text()))
    ),
    "group of a page": _on_page(
        "Group", lambda _: Dictionary(S=Name.Transparency, CS=Name.DeviceRGB, Eigen=_text())
    ),
    "bead of an article": _on_page(
        "B", lambda _: Array([Dictionary(T=Dictionary(I=Dictionary(Title=_text())))])
    ),
    "words of a note": _with_note(Contents=_text(), T=_text(), NM=_text(), Subj=_text(), M=_text()),
    "rich words of a note": _with_note(RC=_told),
    "action of a note": _with_note(A=lambda _: Dictionary(S=Name.URI, URI=_text())),
    "appearance that is not shown": _with_note(
        AP=lambda made: Dictionary(N=Stream(made, b"", Subtype=Name.Form, BBox=[0, 0, 9, 9]), D=_told(made))
    ),
    "file in a note": _with_note(FS=_attached),
    "sound of a note": _with_note(Sound=_told),
    "embedded file": _in_catalog("Names", lambda made: Dictionary(EmbeddedFiles=_tree(_attached(made)))),
    "associated file": _in_catalog("AF", lambda made: Array([_attached(made)])),
    "script in the names": _in_catalog("Names", lambda made: Dictionary(JavaScript=_tree(_script(made)))),
    "destination in the names": _in_catalog(
        "Names", lambda made: Dictionary(Dests=_tree(Array([made.pages[0].obj, Name.Fit])))
    ),
    "pages in the names": _in_catalog("Names", lambda made: Dictionary(Pages=_tree(_told(made)))),
    "renditions in the names": _in_catalog(
        "Names", lambda _: Dictionary(Renditions=_tree(Dictionary(N=_text())))
    ),
    "old destinations": _in_catalog(
        "Dests", lambda made: Dictionary({f"/{CANARY}": Array([made.pages[0].obj, Name.Fit])})
    ),
    "script at opening": _in_catalog("OpenAction", _script),
    "actions of the document": _in_catalog("AA", lambda made: Dictionary(WC=_script(made))),
    "form fields and XFA": _in_catalog("AcroForm", _odd_field),
    "layers": _in_catalog("OCProperties", _layer),
    "text on a layer that is off": _hidden_layer,
    "structure": _in_catalog("StructTreeRoot", _structure),
    "outline": _in_catalog(
        "Outlines", lambda made: Dictionary(First=made.make_indirect(Dictionary(Title=_text())))
    ),
    "page labels": _in_catalog("PageLabels", lambda _: Dictionary(Nums=Array([0, Dictionary(P=_text())]))),
    "articles": _in_catalog("Threads", lambda _: Array([Dictionary(I=Dictionary(Title=_text()))])),
    "output intent": _in_catalog(
        "OutputIntents", lambda made: Array([Dictionary(Info=_text(), DestOutputProfile=_told(made))])
    ),
    "language": _in_catalog("Lang", lambda _: _text()),
    "base of links": _in_catalog("URI", lambda _: Dictionary(Base=_text())),
    "web capture": _in_catalog("SpiderInfo", lambda _: Dictionary(C=Array([Dictionary(URL=_text())]))),
    "permissions": _in_catalog(
        "Perms", lambda _: Dictionary(DocMDP=Dictionary(Name=_text(), Contents=_text()))
    ),
    "attestation": _in_catalog("Legal", lambda _: Dictionary(Attestation=_text())),
    "requirements": _in_catalog("Requirements", lambda _: Array([Dictionary(Eigen=_text())])),
    "portfolio": _in_catalog("Collection", lambda _: Dictionary(D=_text())),
    "security store": _in_catalog("DSS", lambda made: Dictionary(Certs=Array([_told(made)]))),
    "extensions": _in_catalog(
        "Extensions", lambda _: Dictionary({f"/{CANARY}": Dictionary(BaseVersion=_text())})
    ),
    "viewer's preferences": _in_catalog("ViewerPreferences", lambda _: Dictionary(Eigen=_text())),
    "document parts": _in_catalog("DPartRoot", lambda _: Dictionary(DPM=Dictionary(Eigen=_text()))),
    "picture that is not shown": _unused,
    "alternate picture": _on_image("Alternates", _alternate),
    "soft mask of a picture": _on_image("SMask", _soft_mask),
    "name of a picture": _on_image("Name", lambda _: Name(f"/{CANARY}")),
    "id of a picture": _on_image("ID", lambda _: _text()),
    "proxy of a picture": _on_image("OPI", lambda _: Dictionary({"/2.0": Dictionary(F=_text())})),
    "measure of a picture": _on_image("Measure", lambda _: Dictionary(Eigen=_text())),
    "points of a picture": _on_image("PtData", lambda _: Dictionary(Names=Array([_text()]))),
    "own parameters of a filter": _on_image(
        "DecodeParms", lambda _: Dictionary(ColorTransform=1, Eigen=_text())
    ),
    "colour profile": _on_image("ColorSpace", _profile_space),
    "usual colour profile": _with_resource("ColorSpace", _profile_space, b"/Own cs 1 0 0 sc 0 0 9 9 re f"),
    "colorant": _with_resource("ColorSpace", _spot, b"/Own cs 1 scn 0 0 9 9 re f"),
    "several colorants": _with_resource("ColorSpace", _several_spots, b"/Own cs 1 scn 0 0 9 9 re f"),
    "pattern": _with_resource("Pattern", _pattern, b"/Pattern cs /Own scn 0 0 9 9 re f"),
    "soft mask of a state": _with_resource("ExtGState", _mask_state, b"/Own gs 0 0 9 9 re f"),
    "halftone of a state": _with_resource(
        "ExtGState", lambda made: Dictionary(LW=1, HT=_told(made)), b"/Own gs"
    ),
    "own key of a state": _with_resource("ExtGState", lambda _: Dictionary(LW=1, Eigen=_text()), b"/Own gs"),
    "glyph of Type 3": _with_resource("Font", _type_3, b"BT /Own 9 Tf (a) Tj ET"),
    "comment in a form": _with_form(content=b"0 0 9 9 re f % " + WORD),
    "form of its own kind": _with_form(
        PS=_told, Subtype2=lambda _: Name.PS, Name=lambda _: Name(f"/{CANARY}")
    ),
    "form of another document": _with_form(Ref=lambda _: Dictionary(F=_text(), Page=0)),
    "moment of a form": _with_form(LastModified=lambda _: _text()),
    "font's name": _on_font("BaseFont", lambda _: Name(f"/ABCDEF+{CANARY}")),
    "font's family": _on_font("FontDescriptor", _family),
    "glyph names of an encoding": _on_font(
        "Encoding", lambda _: Dictionary(Differences=Array([1, Name(f"/{CANARY}")]))
    ),
    "comment in a text map": _on_font("ToUnicode", lambda made: _text_map(made, b"%" + WORD)),
    "name of a text map": _on_font(
        "ToUnicode", lambda made: _text_map(made, b"/CMapName /" + WORD + b" def")
    ),
    "long text in a text map": _on_font("ToUnicode", lambda made: _text_map(made, _LONG)),
    "TrueType font": embedded("FontFile2", truetype()),
    "CFF font": embedded("FontFile3", cff(), Subtype=Name.Type1C),
    "Type 1 font": embedded("FontFile", type1(), Length1=10, Length2=10, Length3=0),
    "comment on a page": _in_content(b"% " + WORD + b"\n0 0 9 9 re f"),
    "marked content": _in_content(b"/Span <</ActualText (" + WORD + b") /Alt (x)>> BDC 0 0 9 9 re f EMC"),
    "name of marked content": _in_content(b"/" + WORD + b" BMC 0 0 9 9 re f EMC"),
    "marked point": _in_content(b"/" + WORD + b" <</A (" + WORD + b")>> DP /" + WORD + b" MP"),
    "properties of marked content": _with_resource(
        "Properties", lambda _: Dictionary(Eigen=_text()), b"/Span /Own BDC EMC"
    ),
    "private operator": _in_content(b"(" + WORD + b") privaat BX (" + WORD + b") nog EX"),
    "operands too many": _in_content(b"(" + WORD + b") /" + WORD + b" 0 0 9 9 re f"),
    "word of no kind": _in_content(WORD + b" 0 0 9 9 re f"),
    "operand of the wrong kind": _in_content(b"(" + WORD + b") w [(" + WORD + b")] 0 d"),
    "name of a resource": _renamed_font,
    "name of what is not there": _in_content(
        b"/" + WORD + b" gs /" + WORD + b" Do /" + WORD + b" sh /" + WORD + b" cs"
    ),
    "rendering intent": _in_content(b"/" + WORD + b" ri"),
    "own key of a picture in the stream": _in_content(
        b"BI /W 2 /H 2 /BPC 8 /CS /G /Eigen (" + WORD + b") ID aaaa EI"
    ),
    "behind a picture in the stream": _in_content(b"BI /W 2 /H 2 /BPC 8 /CS /G ID aaaa" + WORD + b" EI"),
    "picture in the stream": _picture_in_stream,
}


def written(*changes: _Change, **saving: object) -> bytes:
    """A PDF without canaries of its own, with these changes; streams stay packed as they are."""
    bare = {
        "stream_decode_level": pikepdf.StreamDecodeLevel.none,
        "compress_streams": False,
        "fix_metadata_version": False,
    }
    return pdf(_without_canaries, *changes, **{**bare, **saving})


def _without_canaries(made: pikepdf.Pdf) -> None:
    image = made.pages[0].Resources.XObject.Im1
    del image["/Metadata"]
    image.write(saved("JPEG"), filter=Name.DCTDecode)


def raw_places() -> Mapping[str, bytes]:
    """PDFs with a canary in the file around its objects."""
    whole = written()
    grown = whole + b"%" + WORD + b"\n"
    again = io.BytesIO()
    with pikepdf.open(io.BytesIO(whole)) as opened:
        opened.docinfo["/Author"] = _text()
        opened.trailer["/Eigen"] = _text()
        opened.save(again)
    start = whole.rindex(b"startxref")
    place = whole[start:].split()[1]
    older = b"99 0 obj (" + WORD + b") endobj\n"
    table = b"xref\n99 1\n%010d 00000 n \ntrailer\n<</Size 100 /Prev " % len(whole) + place
    trailer = whole[whole.rindex(b"trailer") : start]
    root = re.search(rb"/Root (\d+ 0 R)", trailer)
    assert root
    at = len(whole) + len(older)
    update = (
        older
        + table
        + b" /Root "
        + root[1]
        + b" /ID [("
        + WORD
        + b")("
        + WORD
        + b")]>>\nstartxref\n%d\n%%%%EOF\n" % at
    )
    return {
        "behind the file": grown,
        "trailer": again.getvalue(),
        "incremental update, file identity": whole + update,
    }
