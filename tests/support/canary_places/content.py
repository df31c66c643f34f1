"""What the operators of a page tell."""

from collections.abc import Mapping

import pikepdf
from pikepdf import Dictionary

from tests.support.canaries import JPEGS, WORD
from tests.support.canary_places.marks import Change, draw, in_content, text, with_resource
from tests.support.files import CANARY


def _renamed_font(made: pikepdf.Pdf) -> None:
    fonts = made.pages[0].Resources.Font
    fonts[f"/{CANARY}"] = fonts.F1
    draw(made, b"BT /" + WORD + b" 9 Tf (x) Tj ET")


def _picture_in_stream(made: pikepdf.Pdf) -> None:
    told = b"BI /W 64 /H 48 /BPC 8 /CS /RGB /F [/AHx /DCT] ID "
    draw(made, told + JPEGS["JPEG comment"]().hex().encode() + b"> EI")


CONTENT: Mapping[str, Change] = {
    "comment on a page": in_content(b"% " + WORD + b"\n0 0 9 9 re f"),
    "marked content": in_content(b"/Span <</ActualText (" + WORD + b") /Alt (x)>> BDC 0 0 9 9 re f EMC"),
    "name of marked content": in_content(b"/" + WORD + b" BMC 0 0 9 9 re f EMC"),
    "marked point": in_content(b"/" + WORD + b" <</A (" + WORD + b")>> DP /" + WORD + b" MP"),
    "properties of marked content": with_resource(
        "Properties", lambda _: Dictionary(Eigen=text()), b"/Span /Own BDC EMC"
    ),
    "private operator": in_content(b"BX (" + WORD + b") nog EX"),
    "operands of what takes none": in_content(b"0 0 9 9 re (" + WORD + b") /" + WORD + b" f"),
    "name of a resource": _renamed_font,
    "name of what is not there": in_content(b"/" + WORD + b" gs /" + WORD + b" Do /" + WORD + b" sh"),
    "rendering intent": in_content(b"/" + WORD + b" ri"),
    "own key of a picture in the stream": in_content(
        b"BI /W 2 /H 2 /BPC 8 /CS /G /Eigen (" + WORD + b") ID aaaa EI"
    ),
    "picture in the stream": _picture_in_stream,
}
#: What readers may read in several ways.
DOUBTFUL: Mapping[str, Change] = {
    "private operator": in_content(b"(" + WORD + b") privaat"),
    "operands too many": in_content(b"(" + WORD + b") /" + WORD + b" 0 0 9 9 re f"),
    "word of no kind": in_content(WORD + b" 0 0 9 9 re f"),
    "operand of the wrong kind": in_content(b"(" + WORD + b") w"),
    "dash of the wrong kind": in_content(b"[(" + WORD + b")] 0 d"),
    "space that is not there": in_content(b"/" + WORD + b" cs 0 0 9 9 re f"),
    "behind a picture in the stream": in_content(b"BI /W 2 /H 2 /BPC 8 /CS /G ID aaaa" + WORD + b" EI"),
}
