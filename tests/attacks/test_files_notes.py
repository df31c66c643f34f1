"""Notes and fields that some readers draw and others do not, or that no reader draws for want of room."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from pikepdf import Array, Dictionary, Name, Stream, String

from tests.support.attempts import Attempts
from tests.support.canaries import WORD, is_told
from tests.support.canary_places import written
from tests.support.canary_places.marks import Change

_TEXT = b"BT /F1 9 Tf 2 5 Td (" + WORD + b") Tj ET"
_BOX: tuple[Any, ...] = (0, 0, 190, 50)


def _note(
    kind: str = "Stamp",
    *,
    box: object = _BOX,
    content: bytes = _TEXT,
    place: tuple[Any, ...] = _BOX,
    **told: Any,
) -> Change:
    def change(made: pikepdf.Pdf) -> None:
        font = made.pages[0].Resources.Font
        looks = Stream(made, content, Type=Name.XObject, Subtype=Name.Form, Resources=Dictionary(Font=font))
        if box is not None:
            looks.BBox = Array(list(box)) if isinstance(box, tuple) else box
        note = Dictionary(Type=Name.Annot, Subtype=Name(f"/{kind}"), Rect=Array(list(place)), F=4)
        note.AP = Dictionary(N=made.make_indirect(looks))
        for key, value in told.items():
            note[f"/{key}"] = value
        note = made.make_indirect(note)
        made.pages[0].obj.Annots = Array([note])
        if kind == "Widget":
            made.Root.AcroForm = Dictionary(Fields=Array([note]))

    return change


_FIELD: dict[str, Any] = {"FT": Name.Tx, "T": String("veld"), "V": String("x")}
_SIGNATURE: dict[str, Any] = {"FT": Name.Sig, "T": String("Sig1"), "F": 132}
_KINDS: Mapping[str, dict[str, Any]] = {
    "Stamp": {},
    "FreeText": {},
    "Link": {},
    "Own": {},
    "Widget": _FIELD,
}


def _refused(change: Change) -> bool:
    try:
        clean_document(written(change))
    except NotTaken as error:
        return error.reason == "content-in-pdf"
    return False


@pytest.mark.parametrize("kind", _KINDS)
def test_a_note_that_some_readers_draw_is_not_left_out(attempts: Attempts, kind: str) -> None:
    ways: Mapping[str, dict[str, Any]] = {
        "that is called invisible": {"F": 5},
        "without a box": {"box": None},
        "with a box of five numbers": {"box": (*_BOX, 1)},
        "with a box of no numbers": {"box": (0, 0, Name.x, 9)},
        "with a box that has no area": {"box": (0, 0, 0, 0)},
        "with a place of three numbers": {"place": (10, 10, 20)},
        "with a place of five numbers": {"place": (*_BOX, 1)},
    }
    for what, told in ways.items():
        change = _note(kind, **{**_KINDS[kind], **told})
        attempts.record(f"{kind} {what}", succeeded=not _refused(change))


@pytest.mark.parametrize("kind", _KINDS)
def test_a_note_that_every_reader_draws_is_drawn(kind: str) -> None:
    assert is_told(clean_document(written(_note(kind, **_KINDS[kind]))))


@pytest.mark.parametrize(
    "place", [(0, 0, 0, 0), (50, 50, 50, 90), (9, 9, 99, Decimal("9.001")), (9, 9, 5, 9)]
)
def test_nothing_in_a_note_without_room_tells(attempts: Attempts, place: tuple[Any, ...]) -> None:
    for kind, told in {**_KINDS, "Widget": _FIELD}.items():
        data = written(_note(kind, place=place, **told))
        assert is_told(data)
        attempts.record(f"{kind} without room", succeeded=is_told(clean_document(data)))


def test_an_invisible_signature_does_not_refuse_the_file_nor_tell(attempts: Attempts) -> None:
    ways: tuple[dict[str, Any], ...] = (
        {"place": (0, 0, 0, 0)},
        {"place": (0, 0, 0, 0), "box": (0, 0, 0, 0)},
        {"place": (0, 0, 0, 0), "box": None},
        {"F": 2},
        {"F": 3},
        {"box": (0, 0, 0, 0), "content": b" \n"},
    )
    for told in ways:
        made = clean_document(written(_note("Widget", **{**_SIGNATURE, **told})))
        attempts.record("invisible signature", succeeded=is_told(made))


def test_a_signature_without_looks_is_taken() -> None:
    ways: tuple[dict[str, Any], ...] = ({"F": 132}, {"F": 1}, {"Rect": Array([0, 0, 0, 0])})
    for told in ways:
        assert clean_document(written(_note("Widget", **{**_SIGNATURE, **told, "AP": Dictionary()})))
