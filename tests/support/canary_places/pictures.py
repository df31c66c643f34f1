"""What a picture, a colour and a state of drawing tell."""

import zlib
from collections.abc import Mapping

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String

from tests.support.canaries import WORD
from tests.support.canary_places.marks import Change, on_image, stream, text, with_picture, with_resource
from tests.support.files import CANARY


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
    group = Dictionary(S=Name.Transparency, CS=Name.DeviceGray, Eigen=text())
    form = Stream(made, b"1 g 0 0 300 300 re f % " + WORD, Type=Name.XObject, Subtype=Name.Form)
    form.BBox, form.Group, form.Metadata = Array([0, 0, 300, 300]), group, stream(made)
    return Dictionary(SMask=Dictionary(S=Name.Luminosity, G=made.make_indirect(form), Eigen=text()))


def _soft_mask(made: pikepdf.Pdf) -> object:
    mask = Stream(made, bytes(64 * 48), Type=Name.XObject, Subtype=Name.Image, ColorSpace=Name.DeviceGray)
    mask.Width, mask.Height, mask.BitsPerComponent, mask.Metadata = 64, 48, 8, stream(made)
    return made.make_indirect(mask)


def _alternate(made: pikepdf.Pdf) -> Array:
    return Array([Dictionary(Image=_soft_mask(made), DefaultForPrinting=True)])


def _listed(bits: int) -> Change:
    colours = Array([Name.Indexed, Name.DeviceGray, 15, String(b"\0\x80\xff" + WORD + b"\0")])
    samples = bytes([0b00000110 if bits < 8 else each % 3 for each in range(64 * 48 * bits // 8)])
    return with_picture(samples, (), ColorSpace=colours, BitsPerComponent=bits)


def _unused(made: pikepdf.Pdf) -> None:
    made.pages[0].Resources.XObject.Unused = stream(made)


PICTURES: Mapping[str, Change] = {
    "XMP of a picture": on_image("Metadata", stream),
    "picture that is not shown": _unused,
    "alternate picture": on_image("Alternates", _alternate),
    "soft mask of a picture": on_image("SMask", _soft_mask),
    "name of a picture": on_image("Name", lambda _: Name(f"/{CANARY}")),
    "id of a picture": on_image("ID", lambda _: text()),
    "proxy of a picture": on_image("OPI", lambda _: Dictionary({"/2.0": Dictionary(F=text())})),
    "measure of a picture": on_image("Measure", lambda _: Dictionary(Eigen=text())),
    "points of a picture": on_image("PtData", lambda _: Dictionary(Names=Array([text()]))),
    "own parameters of a filter": on_image(
        "DecodeParms", lambda _: Dictionary(ColorTransform=1, Eigen=text())
    ),
    "colour profile": on_image("ColorSpace", _profile_space),
    "colours that no sample of a byte names": _listed(8),
    "colours that no sample of two bits names": _listed(2),
    "usual colour profile": with_resource("ColorSpace", _profile_space, b"/Own cs 1 0 0 sc 0 0 9 9 re f"),
    "colorant": with_resource("ColorSpace", _spot, b"/Own cs 1 scn 0 0 9 9 re f"),
    "several colorants": with_resource("ColorSpace", _several_spots, b"/Own cs 1 scn 0 0 9 9 re f"),
    "pattern": with_resource("Pattern", _pattern, b"/Pattern cs /Own scn 0 0 9 9 re f"),
    "soft mask of a state": with_resource("ExtGState", _mask_state, b"/Own gs 0 0 9 9 re f"),
    "halftone of a state": with_resource(
        "ExtGState", lambda made: Dictionary(LW=1, HT=stream(made)), b"/Own gs"
    ),
    "own key of a state": with_resource("ExtGState", lambda _: Dictionary(LW=1, Eigen=text()), b"/Own gs"),
}
