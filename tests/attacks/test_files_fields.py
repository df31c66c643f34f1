"""What a screen shows of a field is drawn on the page, and not the value behind it."""

from typing import Any

import pikepdf
import pytest
from intake.files.documents import clean_document
from pikepdf import Array, Dictionary, Name, Stream, String

from tests.support.attempts import Attempts
from tests.support.canaries import WORD, is_told
from tests.support.canary_places import written
from tests.support.canary_places.marks import Change

_VALUE = String(WORD.decode())
_PASSWORD, _COMBO, _SEVERAL = 1 << 13, 1 << 17, 1 << 21
_CHOICES = Array([Array([String("a"), String("Iets")]), Array([_VALUE, String("Anders")])])


def _field(*, has_looks: bool, is_asked: bool, parent: Dictionary | None = None, **told: Any) -> Change:
    def change(made: pikepdf.Pdf) -> None:
        helvetica = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        fonts = Dictionary(Font=Dictionary(Helv=helvetica))
        field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, Rect=Array([10, 10, 200, 60]), F=4)
        field.DA = String("/Helv 9 Tf 0 g")
        whole = field if parent is None else made.make_indirect(parent)
        whole["/T"] = String("veld")
        for key, value in told.items():
            whole[f"/{key}"] = value
        if has_looks:
            looks = Stream(made, b"/Tx BMC q BT /Helv 9 Tf 2 5 Td (Anders) Tj ET Q EMC", Resources=fonts)
            looks.Type, looks.Subtype, looks.BBox = Name.XObject, Name.Form, Array([0, 0, 190, 50])
            field.AP = Dictionary(N=made.make_indirect(looks))
        widget = made.make_indirect(field)
        if parent is not None:
            field.Parent, whole.Kids = whole, Array([widget])
        made.pages[0].obj.Annots = Array([widget])
        fields = Array([widget if parent is None else whole])
        made.Root.AcroForm = Dictionary(Fields=fields, DR=fonts, NeedAppearances=is_asked)

    return change


_MASKED: dict[str, dict[str, Any]] = {
    "password": {"FT": Name.Tx, "Ff": _PASSWORD, "V": _VALUE},
    "choice": {"FT": Name.Ch, "Ff": _COMBO, "V": _VALUE, "Opt": _CHOICES},
    "choice of a list": {"FT": Name.Ch, "V": _VALUE, "Opt": _CHOICES},
    "choice of several": {"FT": Name.Ch, "Ff": _SEVERAL, "V": Array([_VALUE]), "Opt": _CHOICES},
    "choice without a word": {
        "FT": Name.Ch,
        "Ff": _COMBO,
        "V": String("a"),
        "Opt": Array([*_CHOICES, Array([_VALUE])]),
    },
    "value to go back to": {"FT": Name.Tx, "DV": _VALUE},
}


@pytest.mark.parametrize("is_asked", [True, False])
@pytest.mark.parametrize("has_looks", [True, False])
@pytest.mark.parametrize("what", _MASKED)
def test_no_value_that_a_screen_masks_tells(
    attempts: Attempts, what: str, has_looks: bool, is_asked: bool
) -> None:
    for parent in (None, Dictionary()):
        change = _field(has_looks=has_looks, is_asked=is_asked, parent=parent, **_MASKED[what])
        data = written(change)
        assert is_told(data)
        attempts.record(what, succeeded=is_told(clean_document(data)))


def test_the_word_of_a_choice_is_drawn() -> None:
    for flags in (_COMBO, 0):
        told: dict[str, Any] = {
            "FT": Name.Ch,
            "Ff": flags,
            "V": String("b"),
            "Opt": Array([Array([String("b"), _VALUE])]),
        }
        assert is_told(clean_document(written(_field(has_looks=False, is_asked=True, **told))))


def test_a_value_that_a_screen_shows_is_drawn() -> None:
    told: dict[str, Any] = {"FT": Name.Tx, "V": _VALUE}
    assert is_told(clean_document(written(_field(has_looks=False, is_asked=True, **told))))
