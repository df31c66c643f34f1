"""What lies on layers and notes that are not on the screen, as a stamp for paper: it may not come through."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from pikepdf import Array, Dictionary, Name, Object, Stream, String

from tests.support.attempts import Attempts
from tests.support.canaries import WORD, is_told
from tests.support.canary_places import with_picture, written
from tests.support.canary_places.marks import Change, draw
from tests.support.files import picture

_Group = Callable[[pikepdf.Pdf], Dictionary]


def _layer(
    made: pikepdf.Pdf,
    *,
    uses: Dictionary | None = None,
    is_off: bool = False,
    asked: Array | None = None,
    **told: Any,
) -> Dictionary:
    """A layer of the document."""
    group = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("x")))
    if uses is not None:
        group.Usage = uses
    usual = Dictionary(ON=Array([]), OFF=Array([group] if is_off else []), **told)
    if asked is not None:
        usual.AS = Array([Dictionary(Event=Name.View, Category=asked, OCGs=Array([group]))])
    made.Root.OCProperties = Dictionary(OCGs=Array([group]), D=usual)
    return group


def _layer_by_configs(made: pikepdf.Pdf, *intents: object, is_usual_off: bool = False) -> Dictionary:
    """A layer that is off by the other settings of these intents."""
    group = _layer(made, is_off=is_usual_off)
    others = [Dictionary(Name=String("c"), OFF=Array([group])) for _ in intents]
    for other, intent in zip(others, intents, strict=True):
        if intent is not None:
            other.Intent = intent
    made.Root.OCProperties.Configs = Array(others)
    return group


def _rule(made: pikepdf.Pdf, **told: Any) -> Dictionary:
    return made.make_indirect(Dictionary(Type=Name.OCMD, **told))


def _endless(made: pikepdf.Pdf) -> Dictionary:
    """A rule of 2 to the 60th terms."""
    rule = made.make_indirect(Array([Name.Or, _layer(made), _layer(made)]))
    for _ in range(60):
        rule = made.make_indirect(Array([Name.And, rule, rule]))
    return _rule(made, VE=rule)


def _within_itself(made: pikepdf.Pdf) -> Dictionary:
    rule = made.make_indirect(Array([Name.Not]))
    rule.append(rule)
    return _rule(made, VE=rule)


def _layer_alone(made: pikepdf.Pdf) -> Dictionary:
    group = _layer(made, BaseState=Name.OFF)
    made.Root.OCProperties.D.ON = Array([group])
    return group


def _told(group: Dictionary, of: Object | None = None, **told: Any) -> Dictionary:
    """The layer, once it or another object is told to be so."""
    changed = group if of is None else of
    for key, value in told.items():
        if value is None:
            del changed[f"/{key}"]
        else:
            changed[f"/{key}"] = value
    return group


_OFF_ON_SCREENS = Dictionary(View=Dictionary(ViewState=Name.OFF), Print=Dictionary(PrintState=Name.ON))
_ON_ON_SCREENS = Dictionary(View=Dictionary(ViewState=Name.ON))
_OFF_ON_PAPER = Dictionary(Print=Dictionary(PrintState=Name.OFF))
_HIDDEN: Mapping[str, _Group] = {
    "layer that is off": lambda made: _layer(made, is_off=True),
    "layer of a document that is off": lambda made: _layer(made, BaseState=Name.OFF),
    "layer for paper": lambda made: _layer(made, uses=_OFF_ON_SCREENS, asked=Array([Name.View])),
    "layer that is off by the usual setting only": lambda made: _layer_by_configs(
        made, None, is_usual_off=True
    ),
    "rule: not on": lambda made: _rule(made, VE=Array([Name.Not, _layer(made)])),
    "rule: both": lambda made: _rule(
        made, VE=Array([Name.And, made.make_indirect(Dictionary(Type=Name.OCG)), _layer(made, is_off=True)])
    ),
    "rule: on and off": lambda made: _rule(
        made, VE=Array([Name.And, _layer(made), Array([Name.Not, _layer(made)])])
    ),
    "all of several": lambda made: _rule(
        made,
        P=Name.AllOn,
        OCGs=Array([made.make_indirect(Dictionary(Type=Name.OCG)), _layer(made, is_off=True)]),
    ),
    "any off of several": lambda made: _rule(made, P=Name.AnyOff, OCGs=Array([_layer(made)])),
}
#: Layers and rules of which readers make several things.
_DOUBTFUL: Mapping[str, _Group] = {
    "off on screens, and nobody asked": lambda made: _layer(made, uses=_OFF_ON_SCREENS),
    "off, and on on screens": lambda made: _layer(made, is_off=True, uses=_ON_ON_SCREENS),
    "off, and on as is asked": lambda made: _layer(
        made, is_off=True, uses=_ON_ON_SCREENS, asked=Array([Name.View])
    ),
    "off for another use": lambda made: _layer(made, uses=_OFF_ON_PAPER, asked=Array([Name.Print])),
    "off for export": lambda made: _layer(
        made, uses=Dictionary(Export=Dictionary(ExportState=Name.OFF)), asked=Array([Name.Export])
    ),
    "off by another setting for screens": lambda made: _layer_by_configs(made, Name.View),
    "off by a setting for all": lambda made: _layer_by_configs(made, None, Name.All),
    "off by a setting for both": lambda made: _layer_by_configs(made, Array([Name.Design, Name.View])),
    "off, for designers": lambda made: _told(_layer(made, is_off=True), Intent=Name.Design),
    "off by a setting for designers": lambda made: _layer(made, is_off=True, Intent=Name.Design),
    "off, of its own kind": lambda made: _told(_layer(made, is_off=True), Type=Name.Own),
    "off, of no kind": lambda made: _told(_layer(made, is_off=True), Type=None),
    "off, in no list": lambda made: _told(_layer(made, is_off=True), made.Root.OCProperties, OCGs=Array([])),
    "off by a word": lambda made: _layer(made, uses=Dictionary(View=Dictionary(ViewState=String("OFF")))),
    "off by what asks": lambda made: _told(
        _layer(made, asked=Array([Name.View])),
        made.Root.OCProperties.D.AS[0],
        View=Dictionary(ViewState=Name.OFF),
    ),
    "rule of no kind": lambda made: _rule(made, VE=Array([Name.Xor, _layer(made)])),
    "rule about a word": lambda made: _rule(made, VE=Array([Name.And, _layer(made, is_off=True), Name.On])),
    "rule that is no list": lambda made: _rule(made, VE=Name.On),
    "rule without end": _endless,
    "rule within itself": _within_itself,
    "off of a single one": lambda made: _rule(made, P=Name.AnyOff, OCGs=_layer(made)),
    "policy of no kind": lambda made: _rule(made, P=Name.Own, OCGs=Array([_layer(made)])),
    "rule within a rule": lambda made: _rule(made, OCGs=Array([_rule(made, OCGs=_layer(made))])),
}
_SHOWN: Mapping[str, _Group] = {
    "layer that is on": _layer,
    "layer of a document that is off, but this": _layer_alone,
    "layer for screens": lambda made: _layer(
        made, uses=_OFF_ON_PAPER, asked=Array([Name.View, Name.CreatorInfo])
    ),
    "layer that is off by a setting that no reader takes": lambda made: _layer_by_configs(
        made, None, Name.Design
    ),
    "rule: either": lambda made: _rule(
        made, VE=Array([Name.Or, _layer(made), Array([Name.Not, Array([Name.Not, _layer(made)])])])
    ),
    "rule: not off": lambda made: _rule(made, VE=Array([Name.Not, _layer(made, is_off=True)])),
    "off as asked": lambda made: _rule(made, P=Name.AllOff, OCGs=Array([_layer(made, is_off=True)])),
    "layer of no kind": lambda made: _told(_layer(made), Type=None),
    "rule about nothing": _rule,
}


def _text_of(made: pikepdf.Pdf) -> Stream:
    form = Stream(made, b"BT /F1 9 Tf (" + WORD + b") Tj ET", Type=Name.XObject, Subtype=Name.Form)
    form.BBox, form.Resources = Array([0, 0, 99, 9]), Dictionary(Font=made.pages[0].Resources.Font)
    return made.make_indirect(form)


def _in_marks(make: _Group) -> Change:
    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].Resources.Properties = Dictionary(Own=make(made))
        draw(made, b"/OC /Own BDC BT /F1 9 Tf (" + WORD + b") Tj ET EMC")

    return change


def _in_form(make: _Group) -> Change:
    def change(made: pikepdf.Pdf) -> None:
        form = _text_of(made)
        form.OC = make(made)
        made.pages[0].Resources.XObject.Own = form
        draw(made, b"/Own Do")

    return change


def _in_note(make: _Group | None, flags: int = 4, kind: Name = Name.Stamp) -> Change:
    def change(made: pikepdf.Pdf) -> None:
        note = Dictionary(Type=Name.Annot, Subtype=kind, Rect=Array([10, 10, 109, 19]), F=flags)
        note.AP = Dictionary(N=_text_of(made))
        if make is not None:
            note.OC = make(made)
        if kind == Name.Widget:
            note.FT, note.T, note.V = Name.Tx, String("a"), String("x")
        note = made.make_indirect(note)
        made.pages[0].obj.Annots = Array([note])
        if kind == Name.Widget:
            made.Root.AcroForm = Dictionary(Fields=Array([note]))

    return change


def _in_appearance(make: _Group) -> Change:
    def change(made: pikepdf.Pdf) -> None:
        _in_note(None)(made)
        made.pages[0].obj.Annots[0].AP.N.OC = make(made)

    return change


_CARRIERS: Mapping[str, Callable[[_Group], Change]] = {
    "marked content": _in_marks,
    "form": _in_form,
    "note": _in_note,
    "field": lambda make: _in_note(make, kind=Name.Widget),
    "appearance of a note": _in_appearance,
}


@pytest.mark.parametrize("carrier", _CARRIERS)
@pytest.mark.parametrize("what", _HIDDEN)
def test_nothing_on_a_hidden_layer_tells(attempts: Attempts, what: str, carrier: str) -> None:
    data = written(_CARRIERS[carrier](_HIDDEN[what]))
    assert is_told(data)
    attempts.record(f"{carrier}, hidden: {what}", succeeded=is_told(clean_document(data)))


@pytest.mark.parametrize("carrier", _CARRIERS)
@pytest.mark.parametrize("what", _SHOWN)
def test_what_is_on_a_layer_of_the_screen_stays(what: str, carrier: str) -> None:
    assert is_told(clean_document(written(_CARRIERS[carrier](_SHOWN[what]))))


@pytest.mark.parametrize("carrier", _CARRIERS)
@pytest.mark.parametrize("what", _DOUBTFUL)
def test_what_is_on_a_layer_that_readers_differ_on_is_refused(what: str, carrier: str) -> None:
    with pytest.raises(NotTaken, match="content-in-pdf"):
        clean_document(written(_CARRIERS[carrier](_DOUBTFUL[what])))


def test_a_layer_that_readers_differ_on_and_nothing_is_on_is_taken() -> None:
    def change(made: pikepdf.Pdf) -> None:
        _in_marks(_DOUBTFUL["off for export"])(made)
        made.pages[0].Contents = made.make_stream(b"/OC /Own BDC q 1 g 0 0 m n Q EMC 0 0 9 9 re f")

    assert clean_document(written(change))


@pytest.mark.parametrize("flags", [2, 3, 32, 36, 32 + 256])
def test_no_note_that_a_screen_leaves_out_tells(attempts: Attempts, flags: int) -> None:
    for kind in (Name.Stamp, Name.Widget):
        attempts.record(
            "note for paper", succeeded=is_told(clean_document(written(_in_note(None, flags, kind))))
        )


@pytest.mark.parametrize("flags", [0, 4, 64 + 4])
def test_a_note_that_a_screen_shows_stays(flags: int) -> None:
    assert is_told(clean_document(written(_in_note(None, flags))))


@pytest.mark.parametrize("use", ["Zoom", "Language", "User"])
def test_a_layer_that_depends_on_who_looks_is_refused(use: str) -> None:
    def layer(made: pikepdf.Pdf) -> Dictionary:
        return _layer(made, uses=Dictionary({f"/{use}": Dictionary()}), asked=Array([Name(f"/{use}")]))

    with pytest.raises(NotTaken, match="content-in-pdf"):
        clean_document(written(_in_marks(layer)))


def test_a_picture_on_a_hidden_layer_is_not_there() -> None:
    def change(made: pikepdf.Pdf) -> None:
        with_picture(picture((64, 48)).tobytes(), ())(made)
        made.pages[0].Resources.XObject.Shown.OC = _layer(made, is_off=True)

    with pikepdf.open(io.BytesIO(clean_document(written(change)))) as made:
        assert len(made.pages[0].Resources.XObject) == 1
