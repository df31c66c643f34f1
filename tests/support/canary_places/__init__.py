"""PDFs with a canary in one place each: every packing, and every place of the standard that tells."""

import io
import re
from collections.abc import Mapping

import pikepdf
from pikepdf import Name

from tests.support.canaries import WORD, saved
from tests.support.canary_places.content import CONTENT, DOUBTFUL
from tests.support.canary_places.documents import DOCUMENTS
from tests.support.canary_places.fonts import FONTS, cff, embedded, truetype
from tests.support.canary_places.marks import Change, text, with_picture
from tests.support.canary_places.packing import PACKINGS, packed
from tests.support.canary_places.pages import PAGES
from tests.support.canary_places.pictures import PICTURES
from tests.support.files import pdf

__all__ = [
    "DOUBTFUL",
    "PACKINGS",
    "PLACES",
    "cff",
    "embedded",
    "packed",
    "raw_places",
    "truetype",
    "with_picture",
    "written",
]

PLACES: Mapping[str, Change] = {**DOCUMENTS, **PAGES, **PICTURES, **FONTS, **CONTENT}


def written(*changes: Change, **saving: object) -> bytes:
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
        opened.docinfo["/Author"] = text()
        opened.trailer["/Eigen"] = text()
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
