"""What a whole document tells: its catalog, names, actions, layers and files."""

from collections.abc import Mapping

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from tests.support.canaries import WORD
from tests.support.canary_places.marks import Change, attached, draw, in_catalog, script, stream, text
from tests.support.files import CANARY


def _tree(value: object) -> Dictionary:
    return Dictionary(Names=Array([text(), value]))


def _layer(made: pikepdf.Pdf) -> Dictionary:
    layer = made.make_indirect(Dictionary(Type=Name.OCG, Name=text()))
    return Dictionary(OCGs=Array([layer]), D=Dictionary(Name=text(), Creator=text(), Order=Array([layer])))


def _author(made: pikepdf.Pdf) -> None:
    made.docinfo["/Author"], made.docinfo["/Eigen"] = text(), text()


def _hidden_layer(made: pikepdf.Pdf) -> None:
    layer = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("x")))
    made.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))
    made.pages[0].Resources.Properties = Dictionary(Own=layer)
    draw(made, b"/OC /Own BDC BT /F1 9 Tf (" + WORD + b") Tj ET EMC")


def _structure(made: pikepdf.Pdf) -> Dictionary:
    part = Dictionary(Type=Name.StructElem, S=Name.P, Alt=text(), ActualText=text(), T=text(), Lang=text())
    return Dictionary(
        Type=Name.StructTreeRoot, K=made.make_indirect(part), RoleMap=Dictionary({f"/{CANARY}": Name.P})
    )


def _odd_field(made: pikepdf.Pdf) -> Dictionary:
    field = Dictionary(FT=Name.Tx, T=text(), TU=text(), TM=text(), V=text(), DA=String("/Helv 9 Tf"))
    return Dictionary(Fields=Array([made.make_indirect(field)]), XFA=stream(made))


DOCUMENTS: Mapping[str, Change] = {
    "document information": _author,
    "XMP of the document": in_catalog("Metadata", stream),
    "private data of the document": in_catalog(
        "PieceInfo", lambda _: Dictionary(App=Dictionary(Private=text()))
    ),
    "own key of the catalog": in_catalog("Eigen", stream),
    "embedded file": in_catalog("Names", lambda made: Dictionary(EmbeddedFiles=_tree(attached(made)))),
    "associated file": in_catalog("AF", lambda made: Array([attached(made)])),
    "script in the names": in_catalog("Names", lambda made: Dictionary(JavaScript=_tree(script(made)))),
    "destination in the names": in_catalog(
        "Names", lambda made: Dictionary(Dests=_tree(Array([made.pages[0].obj, Name.Fit])))
    ),
    "pages in the names": in_catalog("Names", lambda made: Dictionary(Pages=_tree(stream(made)))),
    "renditions in the names": in_catalog(
        "Names", lambda _: Dictionary(Renditions=_tree(Dictionary(N=text())))
    ),
    "old destinations": in_catalog(
        "Dests", lambda made: Dictionary({f"/{CANARY}": Array([made.pages[0].obj, Name.Fit])})
    ),
    "script at opening": in_catalog("OpenAction", script),
    "actions of the document": in_catalog("AA", lambda made: Dictionary(WC=script(made))),
    "form fields and XFA": in_catalog("AcroForm", _odd_field),
    "layers": in_catalog("OCProperties", _layer),
    "text on a layer that is off": _hidden_layer,
    "structure": in_catalog("StructTreeRoot", _structure),
    "outline": in_catalog(
        "Outlines", lambda made: Dictionary(First=made.make_indirect(Dictionary(Title=text())))
    ),
    "page labels": in_catalog("PageLabels", lambda _: Dictionary(Nums=Array([0, Dictionary(P=text())]))),
    "articles": in_catalog("Threads", lambda _: Array([Dictionary(I=Dictionary(Title=text()))])),
    "output intent": in_catalog(
        "OutputIntents", lambda made: Array([Dictionary(Info=text(), DestOutputProfile=stream(made))])
    ),
    "language": in_catalog("Lang", lambda _: text()),
    "base of links": in_catalog("URI", lambda _: Dictionary(Base=text())),
    "web capture": in_catalog("SpiderInfo", lambda _: Dictionary(C=Array([Dictionary(URL=text())]))),
    "permissions": in_catalog("Perms", lambda _: Dictionary(DocMDP=Dictionary(Name=text(), Contents=text()))),
    "attestation": in_catalog("Legal", lambda _: Dictionary(Attestation=text())),
    "requirements": in_catalog("Requirements", lambda _: Array([Dictionary(Eigen=text())])),
    "portfolio": in_catalog("Collection", lambda _: Dictionary(D=text())),
    "security store": in_catalog("DSS", lambda made: Dictionary(Certs=Array([stream(made)]))),
    "extensions": in_catalog(
        "Extensions", lambda _: Dictionary({f"/{CANARY}": Dictionary(BaseVersion=text())})
    ),
    "viewer's preferences": in_catalog("ViewerPreferences", lambda _: Dictionary(Eigen=text())),
    "document parts": in_catalog("DPartRoot", lambda _: Dictionary(DPM=Dictionary(Eigen=text()))),
}
