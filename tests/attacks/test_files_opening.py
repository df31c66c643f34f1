"""What opening a document turns on or off in some readers: such a document is refused."""

from collections.abc import Callable, Mapping

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from pikepdf import Array, Dictionary, Name, String

from tests.support.canary_places import written
from tests.support.canary_places.marks import Change, in_catalog, on_page

_Action = Callable[[pikepdf.Pdf], Dictionary]


def _turn_off(made: pikepdf.Pdf) -> Dictionary:
    layer = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("x")))
    made.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(ON=Array([layer])))
    return Dictionary(S=Name.SetOCGState, State=Array([Name.OFF, layer]))


def _behind(action: _Action) -> _Action:
    return lambda made: Dictionary(S=Name.Named, N=Name.FirstPage, Next=action(made))


def _behind_several(action: _Action) -> _Action:
    turn = Dictionary(S=Name.GoTo, D=String("x"))
    return lambda made: Dictionary(S=Name.JavaScript, JS=String("1"), Next=Array([turn, action(made)]))


def _without_end(made: pikepdf.Pdf) -> Dictionary:
    action = made.make_indirect(Dictionary(S=Name.GoTo, D=String("x")))
    action.Next = action
    return action


_ACTIONS: Mapping[str, _Action] = {
    "turns a layer off": _turn_off,
    "hides a note": lambda _: Dictionary(S=Name.Hide, T=String("x")),
    "empties a form": lambda _: Dictionary(S=Name.ResetForm),
    "turns a layer off behind another": _behind(_turn_off),
    "turns a layer off behind several": _behind_several(_turn_off),
    "never ends": _without_end,
}


def _of_note(moment: str, action: _Action) -> Change:
    def change(made: pikepdf.Pdf) -> None:
        note = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]))
        note.AA = Dictionary({f"/{moment}": action(made)})
        made.pages[0].obj.Annots = Array([made.make_indirect(note)])

    return change


_PLACES: Mapping[str, Callable[[_Action], Change]] = {
    "document": lambda action: in_catalog("OpenAction", action),
    "page": lambda action: on_page("AA", lambda made: Dictionary(O=action(made))),
    "note that opens": lambda action: _of_note("PO", action),
    "note that is seen": lambda action: _of_note("PV", action),
}


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize("what", _ACTIONS)
def test_a_document_that_changes_itself_is_refused(what: str, place: str) -> None:
    with pytest.raises(NotTaken, match="too-heavy" if what == "never ends" else "content-in-pdf"):
        clean_document(written(_PLACES[place](_ACTIONS[what])))


def test_a_document_that_opens_somewhere_is_taken() -> None:
    for change in (
        in_catalog("OpenAction", lambda made: Array([made.pages[0].obj, Name.Fit])),
        in_catalog("OpenAction", _behind_several(lambda _: Dictionary(S=Name.Named, N=Name.LastPage))),
        on_page("AA", lambda made: Dictionary(C=_turn_off(made))),
        _of_note("U", _turn_off),
    ):
        assert clean_document(written(change))
