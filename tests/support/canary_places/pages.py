"""What a page, a note on it and a form in it tell."""

from collections.abc import Mapping

from pikepdf import Array, Dictionary, Name, Stream

from tests.support.canaries import WORD
from tests.support.canary_places.marks import (
    Change,
    attached,
    on_page,
    script,
    stream,
    text,
    with_form,
    with_note,
)
from tests.support.files import CANARY

PAGES: Mapping[str, Change] = {
    "XMP of a page": on_page("Metadata", stream),
    "XMP of a form": with_form(Metadata=stream),
    "private data of a page": on_page("PieceInfo", lambda _: Dictionary(App=Dictionary(Private=text()))),
    "private data of a form": with_form(PieceInfo=lambda _: Dictionary(App=Dictionary(Private=text()))),
    "own key of a page": on_page("Eigen", lambda _: text()),
    "moment of a page": on_page("LastModified", lambda _: text()),
    "thumbnail": on_page("Thumb", stream),
    "web capture of a page": on_page("ID", lambda _: text()),
    "places on a map of a page": on_page(
        "VP", lambda _: Array([Dictionary(Measure=Dictionary(GCS=Dictionary(WKT=text())))])
    ),
    "associated file of a page": on_page("AF", lambda made: Array([attached(made)])),
    "action of a page": on_page("AA", lambda made: Dictionary(O=script(made))),
    "separation of a page": on_page("SeparationInfo", lambda _: Dictionary(DeviceColorant=text())),
    "box colours of a page": on_page("BoxColorInfo", lambda _: Dictionary(CropBox=Dictionary(Eigen=text()))),
    "group of a page": on_page(
        "Group", lambda _: Dictionary(S=Name.Transparency, CS=Name.DeviceRGB, Eigen=text())
    ),
    "bead of an article": on_page(
        "B", lambda _: Array([Dictionary(T=Dictionary(I=Dictionary(Title=text())))])
    ),
    "words of a note": with_note(Contents=text(), T=text(), NM=text(), Subj=text(), M=text()),
    "rich words of a note": with_note(RC=stream),
    "action of a note": with_note(A=lambda _: Dictionary(S=Name.URI, URI=text())),
    "appearance that is not shown": with_note(
        AP=lambda made: Dictionary(N=Stream(made, b"", Subtype=Name.Form, BBox=[0, 0, 9, 9]), D=stream(made))
    ),
    "file in a note": with_note(FS=attached),
    "sound of a note": with_note(Sound=stream),
    "comment in a form": with_form(content=b"0 0 9 9 re f % " + WORD),
    "form of its own kind": with_form(
        PS=stream, Subtype2=lambda _: Name.PS, Name=lambda _: Name(f"/{CANARY}")
    ),
    "form of another document": with_form(Ref=lambda _: Dictionary(F=text(), Page=0)),
    "moment of a form": with_form(LastModified=lambda _: text()),
}
