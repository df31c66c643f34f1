"""One question a page, and the modes and places of a form, without a browser."""

import time
from typing import Any

import pytest
from gateway.pages.asking import Asking
from gateway.pages.checking import Checking, HiddenWords, Piece
from gateway.pages.faults import Fault, faults_of, faults_told
from gateway.pages.filled import Filled, location_of, read_filled, submission_of, words_of
from gateway.pages.paging import Paging
from gateway.pages.questions import Forms, SignalType, Words
from gateway.rendering import Renderer, Shell, load_catalogues
from starlette.datastructures import FormData

from tests.unit.test_gateway_form import FORMS, KEY, TODAY

PAGED = FORMS.model_copy(
    update={
        "form_layout": "one-per-page",
        "modes": ("anoniem", "vertrouwelijk", "op-naam"),
        "location_types": ("woning", "water"),
    }
)


def filled(**fields: str | list[str]) -> Filled:
    pairs = {"key": KEY, "type": "test", "description": "Er klopt iets niet.", **fields}
    return read_filled(
        FormData(
            [
                (name.replace("q_", "q-", 1), each)
                for name, value in pairs.items()
                for each in (value if isinstance(value, list) else [value])
            ]
        )
    )


def asking(form: Filled, *faults: Fault, forms: Forms = PAGED) -> Asking:
    return Asking(forms, kind_of(form), Words(load_catalogues()["nl"]), form, faults)


def kind_of(form: Filled) -> SignalType:
    kind = PAGED.find(form.signal_type)
    assert kind is not None
    return kind


def faults(form: Filled) -> dict[str, str]:
    return {each.field: each.key for each in faults_of(form, kind_of(form), PAGED, today=TODAY)}


def keys(form: Filled) -> list[str]:
    return [page.key for page in Paging(asking(form)).pages]


def test_only_what_is_asked_has_a_page() -> None:
    assert keys(filled()) == [
        *("reporter_kind", "description", "q-een", "q-meer", "q-woorden", "q-aantal"),
        *("where", "q-wanneer_laatst", "mode", "contact"),
    ]
    assert keys(filled(q_een="ja", q_twee="ja"))[2:5] == ["q-een", "q-twee", "q-drie"]


def test_pages_know_their_place_and_their_neighbours() -> None:
    paging = Paging(asking(filled()))
    first, last = paging.pages[0], paging.pages[-1]
    assert (first.number, first.total, last.is_last) == (1, 10, True)
    assert paging.before(first.key) == first
    assert paging.after(first.key) == paging.pages[1]
    assert paging.before("where") == paging.at("q-aantal")
    assert paging.after(last.key) is None
    assert paging.at("does not exist") == first


def test_a_name_is_asked_only_of_who_gives_one() -> None:
    def names(mode: str) -> frozenset[str]:
        return Paging(asking(filled(mode=mode))).at("contact").names

    assert names("anoniem") == {"mail"}
    assert names("vertrouwelijk") == {"name", "phone", "mail"}


def test_the_first_page_with_a_fault_is_found() -> None:
    paging = Paging(asking(filled(), Fault("mail", "no_mail"), Fault("pin", "no_pin"), Fault("", "other")))
    page = paging.first_wrong()
    assert page is not None
    assert page.key == "where"
    assert Paging(asking(filled(), Fault("", "other"))).first_wrong() is None


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, {}),
        ({"mode": "vertrouwelijk"}, {"name": "name_or_phone"}),
        ({"mode": "vertrouwelijk", "phone": "06"}, {}),
        ({"mode": "op-naam", "phone": "06"}, {"name": "name_missing"}),
        ({"mode": "op-naam", "name": "Roos Voorbeeld"}, {}),
        ({"mode": "onzin"}, {"mode": "no_mode"}),
        ({"name": "x" * 201}, {}),  # anonymous: it does not go along
        ({"type": "op-naam"}, {"name": "name_needed"}),
        ({"type": "op-naam", "mode": "anoniem"}, {"mode": "no_mode"}),
        ({"hide_more": "-"}, {"hide_more": "no_mark"}),
        ({"hide_more": "x" * 201}, {"hide_more": "too_long"}),
        (
            {"hide_more": "molen", "hide": [f"woord {each}" for each in range(50)]},
            {"hide_more": "too_many_marks"},
        ),
        ({"pin": "bij de kerk"}, {"pin": "no_pin"}),
    ],
)
def test_how_one_reports_decides_what_must_be_filled_in(fields: Any, fault: dict[str, str]) -> None:
    assert faults(filled(**fields)) == fault


def test_a_name_does_not_go_along_anonymously() -> None:
    form = filled(name="Roos Voorbeeld", phone="06", mail="a@b.example", q_een="nee", q_twee="ja")
    body = submission_of(form, kind_of(form), PAGED, language="nl")
    assert body["contact"] == {"mail": "a@b.example"}
    assert body["mode"] == "anoniem"
    assert form.left_out(kind_of(form), PAGED) == ["q-twee", "name", "phone"]
    named = filled(mode="op-naam", name="Roos Voorbeeld")
    assert submission_of(named, kind_of(named), PAGED, language="nl")["contact"] == {"name": "Roos Voorbeeld"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("52.37403, 4.88969", (52.37403, 4.88969)),
        ("52,37403 4,88969", (52.37403, 4.88969)),
        ("52.37403° N, 4.88969° E", (52.37403, 4.88969)),
        ("52;5", (52.0, 5.0)),
        ("52.37403", None),
        ("1e5, 4", None),
        ("52.1, 4.2, 5.3", None),
        ("", None),
    ],
)
def test_a_place_is_read_as_maps_write_it(text: str, found: tuple[float, float] | None) -> None:
    expected = None if found is None else {"latitude": found[0], "longitude": found[1]}
    assert location_of(text) == expected


@pytest.mark.parametrize("end", ["x", "°x", "N", "4.2x"])
def test_a_hostile_place_takes_no_time(end: str) -> None:
    started = time.process_time()
    assert location_of("52.1" + " " * 300 + end) is None
    assert time.process_time() - started < 1


def test_place_and_marks_travel_in_the_body_and_nothing_else_does() -> None:
    form = filled(
        pin="52.1, 4.2", location_type="water", hide=["molen", "molen", " "], hide_more=" de kapper "
    )
    body = submission_of(form, kind_of(form), PAGED, language="nl")
    assert body["location"] == {"latitude": 52.1, "longitude": 4.2}
    assert (body["locationType"], body["hide"]) == ("water", ["molen", "de kapper"])
    assert read_filled(FormData([*form.pairs])) == form


def test_intake_is_asked_about_words_only_and_not_about_a_listed_neighbourhood() -> None:
    form = filled(q_woorden=" lampen ", q_een="ja", address="Kade 1", neighbourhood="haven", hide="molen")
    told = words_of(form, kind_of(form), PAGED)
    assert told == {
        "description": "Er klopt iets niet.",
        "answers": {"woorden": "lampen"},
        "address": "Kade 1",
        "neighbourhood": "haven",
        "hide": ["molen"],
    }
    listed = Forms.model_validate(
        {**PAGED.model_dump(), "neighbourhoods": [{"code": "haven", "name": "Haven"}]}
    )
    assert "neighbourhood" not in words_of(form, kind_of(form), listed)


def test_the_check_says_in_words_what_is_hidden() -> None:
    form = filled(description="Jan belt 06-1.", q_woorden="bij Jan")
    hidden = HiddenWords.model_validate(
        {
            "fields": [
                {
                    "pointer": "/description",
                    "spans": [
                        {"start": 0, "end": 3, "type": "PERSOON", "placeholder": "[PERSOON-1]"},
                        {"start": 9, "end": 13, "type": "NIEUW", "placeholder": "[NIEUW-1]"},
                    ],
                },
                {"pointer": "/answers/woorden", "spans": []},
            ],
            "isDoubtful": False,
            "notFound": [0, 7],
        }
    )
    checking = Checking(asking(form), hidden)
    assert checking.story.pieces == (
        Piece("Jan", "naam"),
        Piece(" belt "),
        Piece("06-1", "gegevens"),
        Piece("."),
    )
    assert checking.counts == [("naam", 1), ("gegevens", 1)]
    assert [text.label for text in checking.others] == ["Vraag woorden?"]
    assert "Vraag woorden?" not in [said.label for said in checking.answers]
    assert checking.not_found == []


def test_what_intake_finds_of_places_and_marks_stands_at_their_fields() -> None:
    told = [
        {"pointer": pointer, "message": "x", "messageEn": "x"}
        for pointer in ("/location/latitude", "/hide/3")
    ]
    assert [fault.field for fault in faults_told(told, "nl")] == ["pin", "hide_more"]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_municipality_that_takes_reports_from_who_signed_in_says_so_and_leads_there(language: str) -> None:
    forms = PAGED.model_copy(update={"who_may_report": "signed-in"})
    shell = Shell(municipality="Gemeente Veldstad", code="veldstad", language=language)
    words = Words(load_catalogues()[language])

    def page(*, is_closed: bool) -> str:
        given = {"forms": forms, "words": words, "problem": "", "is_closed": is_closed}
        return Renderer().render("report/choose.html", shell, **given)

    assert forms.is_for_signed_in
    assert "/veldstad/aanmelden?terug=/veldstad/melden" in page(is_closed=True)
    assert 'value="test"' not in page(is_closed=True)
    assert 'value="test"' in page(is_closed=False)
