"""The report form without a browser: what is read, what is wrong with it, and what goes to intake."""

from datetime import date
from typing import Any

import pytest
from gateway.pages.asking import Asking
from gateway.pages.faults import Fault, faults_of, faults_told
from gateway.pages.filled import Filled, iso_date, read_filled, submission_of
from gateway.pages.questions import Forms, SignalType, Words
from gateway.rendering import load_catalogues
from starlette.datastructures import FormData

TODAY = date(2026, 11, 24)
KEY = "a" * 32


def question(code: str, kind: str = "keuze", **more: Any) -> dict[str, Any]:
    """A question as intake tells it."""
    return {"code": code, "label": f"Vraag {code}?", "kind": kind, "options": ["ja", "nee"], **more}


FORMS = Forms.model_validate(
    {
        "version": 1,
        "signalTypes": [
            {
                "code": "test",
                "name": "Proef",
                "description": "Een proef.",
                "needsName": False,
                "questions": [
                    question("een"),
                    question("twee", showWhen={"een": "ja"}, isRequired=True),
                    question("drie", showWhen={"twee": "ja"}),
                    question("meer", "meerkeuze"),
                    question("woorden", "tekst"),
                    question("aantal", "getal"),
                ],
                "urgencyRules": [
                    {"when": {"een": "nee", "meer": "ja"}, "urgency": "acuut", "explanation": ""},
                    {"when": {"meer": "ja"}, "urgency": "acuut", "explanation": "Bel 112."},
                    {"when": {"een": "nee"}, "urgency": "hoog"},
                ],
            },
            {"code": "op-naam", "name": "Op naam", "description": "", "needsName": True},
        ],
        "generalQuestions": [question("wanneer_laatst", "datum")],
        "reporterKinds": ["inwoner", "boa"],
    }
)


def filled(**fields: str | list[str]) -> Filled:
    """A form as a browser posts it; dashes are written as underscores after `q`."""
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


def kind_of(form: Filled) -> SignalType:
    kind = FORMS.find(form.signal_type)
    assert kind is not None
    return kind


def faults(form: Filled) -> dict[str, str]:
    return {each.field: each.key for each in faults_of(form, kind_of(form), FORMS, today=TODAY)}


def test_what_is_not_asked_is_left_out_and_what_hangs_on_it_too() -> None:
    form = filled(q_een="nee", q_twee="ja", q_drie="ja")
    assert form.given(kind_of(form), FORMS) == {"een": "nee"}
    form = filled(q_een="ja", q_twee="ja", q_drie="nee")
    assert form.given(kind_of(form), FORMS) == {"een": "ja", "twee": "ja", "drie": "nee"}


def test_a_required_question_counts_only_when_it_is_asked() -> None:
    assert faults(filled(q_een="nee")) == {}
    assert faults(filled(q_een="ja")) == {"q-twee": "answer_missing"}


def test_everything_wrong_is_found_at_once() -> None:
    form = filled(
        description="  ",
        q_een="ja",
        q_woorden="x" * 2001,
        q_aantal="veel",
        q_wanneer_laatst="morgen",
        mail="geen mail",
        neighbourhood="x" * 201,
    )
    assert faults(form) == {
        "description": "description_missing",
        "q-twee": "answer_missing",
        "q-woorden": "too_long",
        "q-aantal": "no_number",
        "q-wanneer_laatst": "no_date",
        "mail": "no_mail",
        "neighbourhood": "too_long",
    }
    assert faults(filled(description="x" * 10_001)) == {"description": "too_long"}
    assert faults(filled(type="op-naam")) == {"name": "name_needed"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [("2026-11-24", ""), ("24-11-2026", ""), ("25-11-2026", "not_past"), ("31-2-2026", "no_date")],
)
def test_a_date_may_be_written_as_dutch_people_do(text: str, fault: str) -> None:
    assert faults(filled(q_wanneer_laatst=text)) == ({"q-wanneer_laatst": fault} if fault else {})


def test_a_dutch_date_becomes_one_that_intake_takes() -> None:
    assert iso_date(" 3-1-2026 ") == "2026-01-03"
    form = filled(q_wanneer_laatst="3-1-2026")
    body = submission_of(form, kind_of(form), FORMS, language="nl")
    assert body["observedOn"] == body["answers"]["wanneer_laatst"] == "2026-01-03"


def test_the_same_form_gives_the_same_body_and_nothing_empty() -> None:
    form = filled(q_meer=["nee", "ja"], q_woorden="", mail=" a@b.example ", name="", reporter_kind="boa")
    body = submission_of(form, kind_of(form), FORMS, language="en")
    assert body == submission_of(form, kind_of(form), FORMS, language="en")
    assert body == {
        "signalType": "test",
        "description": "Er klopt iets niet.",
        "answers": {"meer": ["nee", "ja"]},
        "reporterKind": "boa",
        "language": "en",
        "contact": {"mail": "a@b.example"},
    }


def test_the_most_telling_acute_rule_warns() -> None:
    kind = kind_of(filled())
    rule = kind.acute_rule({"een": "nee", "meer": ("ja", "nee")})
    assert rule is not None
    assert rule.explanation == "Bel 112."
    assert kind.acute_rule({"een": "nee"}) is None


def test_a_key_that_is_none_is_replaced_and_a_true_one_is_kept() -> None:
    assert filled().key == KEY
    assert len(filled(key="kort").key) >= 22
    assert filled(key="kort").key != filled(key="kort").key


def test_a_carried_form_is_read_back_as_it_was() -> None:
    form = filled(q_meer=["ja", "nee"], q_een="ja", mail="a@b.example", warned="1")
    assert read_filled(FormData([*form.pairs])) == form


def test_what_intake_finds_stands_at_its_field_in_the_visitors_language() -> None:
    told = [
        {"pointer": "/answers/een", "code": "x", "message": "Nederlands", "messageEn": "English"},
        {"pointer": "/contact/mail", "code": "x", "message": "only english"},
        {"pointer": "/nowhere", "code": "x", "message": "Elders", "messageEn": "Elsewhere"},
    ]
    assert faults_told(told, "nl") == [
        Fault("q-een", "wrong", sentence="Nederlands"),
        Fault("mail", "wrong"),
        Fault("", "other", sentence="Elders"),
    ]
    assert faults_told(told, "en")[0].sentence == "English"
    assert faults_told([], "nl") == [Fault("", "other")]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_fault_has_a_sentence_and_leads_to_its_control(language: str) -> None:
    form = filled(description="", q_een="ja", q_aantal="veel", mail="x")
    kind = kind_of(form)
    words = Words(load_catalogues()[language])
    found = (*faults_of(form, kind, FORMS, today=TODAY), Fault("", "session"))
    asking = Asking(FORMS, kind, words, form, found)
    ids = [problem.field_id for problem in asking.problems]
    assert ids == [None, "field-description", "field-q-twee-1", "field-q-aantal", "field-mail"]
    assert all(problem.text for problem in asking.problems)


def test_a_question_with_a_condition_says_so_to_who_has_no_script() -> None:
    form = filled()
    asking = Asking(FORMS, kind_of(form), Words(load_catalogues()["nl"]), form)
    fields = {field.name: field for section in asking.sections for field in section.fields}
    assert fields["q-twee"].condition == "Alleen invullen als u bij ‘Vraag een?’ antwoordde: Ja."
    assert fields["q-twee"].show_when == '{"q-een": "ja"}'
    assert fields["q-een"].condition is None
    assert "observed_on" not in fields
    assert fields["q-wanneer_laatst"].kind == "date"


def test_a_browser_keeps_nothing_of_what_one_reports_nor_who_one_is() -> None:
    form = filled()
    asking = Asking(FORMS, kind_of(form), Words(load_catalogues()["nl"]), form)
    written = {
        field.name: field.autocomplete
        for section in asking.sections
        for field in section.fields
        if field.kind not in {"select", "choice", "choices"}
    }
    assert set(written.values()) == {"off"}
    assert {"description", "q-woorden", "q-wanneer_laatst", "name", "mail", "phone"} <= set(written)


def test_what_stands_in_a_sentence_is_escaped_by_the_page_and_not_before() -> None:
    told = FORMS.model_dump(by_alias=True, mode="json")
    first, second = told["signalTypes"][0]["questions"][:2]
    first["label"], second["label"] = "Zijn er foto's?", "Zag u <iets> bij de foto's?"
    forms = Forms.model_validate(told)
    form = filled(q_een="ja")
    file = Fault("files", key="refused", values={"name": "L'ete.jpg", "why": "geen foto's & zo"})
    faults = (*faults_of(form, forms.signal_types[0], forms, today=TODAY), file)
    asking = Asking(forms, forms.signal_types[0], Words(load_catalogues()["nl"]), form, faults)
    texts = [each.text for each in asking.problems]
    assert any("Zag u <iets> bij de foto's?" in each for each in texts)
    assert "L'ete.jpg: geen foto's & zo" in texts
    fields = {field.name: field for section in asking.sections for field in section.fields}
    assert "‘Zijn er foto's?’" in str(fields["q-twee"].condition)
