"""What intake decides, rule by rule, on the seed data that ships with it."""

from dataclasses import replace
from datetime import date

import pytest
from intake.domain import (
    MAX_ANSWER,
    FormSet,
    InvalidReport,
    Mode,
    Question,
    QuestionKind,
    SignalType,
    UrgencyRule,
    check_answers,
    check_report,
    urgency_of,
)
from intake.seed import load_seed

TODAY = date(2026, 11, 24)
SEED = load_seed()
KIND = replace(
    next(iter(SEED.signal_types.values())),
    questions=(
        Question("gezien", "Gezien?", QuestionKind.YES_NO_UNKNOWN, is_required=True),
        Question("waar", "Waar?", QuestionKind.TEXT, is_required=True, show_when={"gezien": "ja"}),
        Question("wat", "Wat?", QuestionKind.MULTI_CHOICE, options=("geur", "licht", "geluid")),
        Question("hoe", "Hoe?", QuestionKind.CHOICE, options=("vaak", "soms")),
        Question("wanneer", "Wanneer?", QuestionKind.DATE),
        Question("hoeveel", "Hoeveel?", QuestionKind.NUMBER),
        Question("dossier", "Dossier?", QuestionKind.TEXT, is_required=True, for_professionals_only=True),
        Question("merk", "Merk?", QuestionKind.TEXT, is_required=True, show_when={"wat": "geluid"}),
    ),
    default_urgency="normaal",
    urgency_rules=(
        UrgencyRule({"wat": "geur"}, "hoog", "Er is geur."),
        UrgencyRule({"gezien": "ja", "hoe": "vaak"}, "acuut", "Het gebeurt vaak."),
    ),
)
FORMS = FormSet(1, {KIND.code: KIND}, (), ("inwoner", "boa"), (), ())


def faults_of(given: dict[str, object], *, professional: bool = False) -> dict[str, str]:
    """What is wrong, by field; empty when nothing is."""
    try:
        check_answers(FORMS, KIND, given, professional=professional, today=TODAY)
    except InvalidReport as error:
        return {fault.pointer.removeprefix("/answers/"): fault.code for fault in error.faults}
    return {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"gezien": "nee"}, {}),
        ({}, {"gezien": "missing"}),
        ({"gezien": ""}, {"gezien": "missing"}),
        ({"gezien": "ja"}, {"waar": "missing"}),
        ({"gezien": "ja", "waar": "bij de haven"}, {}),
        ({"gezien": "nee", "waar": "bij de haven"}, {"waar": "not-asked"}),
        ({"gezien": "misschien"}, {"gezien": "not-an-option"}),
        ({"gezien": ["ja"]}, {"gezien": "not-an-option"}),
        ({"gezien": "nee", "wat": ["geur", "licht"]}, {}),
        ({"gezien": "nee", "wat": "geur"}, {"wat": "not-an-option"}),
        ({"gezien": "nee", "wat": ["smaak"]}, {"wat": "not-an-option"}),
        ({"gezien": "nee", "wat": [["geur"]]}, {"wat": "not-an-option"}),
        ({"gezien": "nee", "hoe": "nooit"}, {"hoe": "not-an-option"}),
        ({"gezien": "nee", "wanneer": "2026-11-20"}, {}),
        ({"gezien": "nee", "wanneer": "20 november"}, {"wanneer": "not-a-date"}),
        ({"gezien": "nee", "wanneer": 20261120}, {"wanneer": "not-a-date"}),
        ({"gezien": "nee", "wanneer": "2027-11-20"}, {"wanneer": "not-in-the-past"}),
        ({"gezien": "nee", "wanneer": "0999-11-20"}, {"wanneer": "not-in-the-past"}),
        ({"gezien": "nee", "hoeveel": 3}, {}),
        ({"gezien": "nee", "hoeveel": "3"}, {}),
        ({"gezien": "nee", "hoeveel": " 0100000\n"}, {}),
        ({"gezien": "nee", "hoeveel": 3.0}, {}),
        ({"gezien": "nee", "hoeveel": 3.5}, {"hoeveel": "not-a-number"}),
        ({"gezien": "nee", "hoeveel": "1_0"}, {"hoeveel": "not-a-number"}),
        ({"gezien": "nee", "hoeveel": "0" * 9999}, {}),
        ({"gezien": "nee", "wanneer": "20261120"}, {"wanneer": "not-a-date"}),
        ({"gezien": "nee", "wanneer": "2026-11-31"}, {"wanneer": "not-a-date"}),
        ({"gezien": "ja", "waar": "  "}, {"waar": "missing"}),
        ({"gezien": "nee", "waar": "  "}, {}),
        ({"gezien": "nee", "merk": "rood"}, {"merk": "not-asked"}),
        ({"gezien": "nee", "wat": ["licht"], "merk": "rood"}, {"merk": "not-asked"}),
        ({"gezien": "nee", "wat": ["licht", "geluid"]}, {"merk": "missing"}),
        ({"gezien": "nee", "wat": ["licht", "geluid"], "merk": "rood"}, {}),
        ({"gezien": "nee", "hoeveel": -3}, {"hoeveel": "not-a-number"}),
        ({"gezien": "nee", "hoeveel": True}, {"hoeveel": "not-a-number"}),
        ({"gezien": "nee", "hoeveel": 10**9}, {"hoeveel": "not-a-number"}),
        ({"gezien": "ja", "waar": 7}, {"waar": "not-text"}),
        ({"gezien": "ja", "waar": "x" * (MAX_ANSWER + 1)}, {"waar": "too-long"}),
        ({"gezien": "nee", "dossier": "12"}, {"dossier": "unknown-question"}),
        ({"gezien": "nee", "kleur": "rood"}, {"kleur": "unknown-question"}),
    ],
)
def test_answers_are_held_to_their_questions(given: dict[str, object], expected: dict[str, str]) -> None:
    assert faults_of(given) == expected


def test_every_fault_is_told_at_once_with_its_fix_in_two_languages() -> None:
    with pytest.raises(InvalidReport) as caught:
        check_answers(FORMS, KIND, {"hoe": "x", "kleur": "y"}, professional=False, today=TODAY)
    assert {fault.pointer for fault in caught.value.faults} == {
        "/answers/gezien",
        "/answers/hoe",
        "/answers/kleur",
    }
    assert all(fault.dutch and fault.english for fault in caught.value.faults)


def test_a_professional_may_answer_what_others_are_not_asked() -> None:
    assert faults_of({"gezien": "nee", "dossier": "12"}, professional=True) == {}
    assert faults_of({"gezien": "nee"}, professional=True) == {"dossier": "missing"}


def test_prose_and_choices_part_ways() -> None:
    given = {"gezien": "ja", "waar": " bij de haven ", "wat": ["licht", "geur", "licht"], "hoeveel": "03"}
    answers = check_answers(FORMS, KIND, given, professional=False, today=TODAY)
    assert answers.prose == {"waar": "bij de haven"}
    assert answers.choices == {"gezien": "ja", "wat": ("geur", "licht"), "hoeveel": "3"}


@pytest.mark.parametrize(
    ("choices", "urgency", "explanation"),
    [
        ({}, "normaal", ""),
        ({"wat": ("geur", "licht")}, "hoog", "Er is geur."),
        ({"gezien": "ja", "hoe": "soms"}, "normaal", ""),
        ({"gezien": "ja", "hoe": "vaak"}, "acuut", "Het gebeurt vaak."),
        ({"gezien": "ja", "hoe": "vaak", "wat": ("geur",)}, "acuut", "Het gebeurt vaak."),
    ],
)
def test_the_highest_rule_that_holds_gives_the_urgency(
    choices: dict[str, str | tuple[str, ...]], urgency: str, explanation: str
) -> None:
    decided = urgency_of(KIND, choices)
    assert (decided.code, decided.explanation) == (urgency, explanation)


def test_a_report_names_all_that_is_wrong_with_it() -> None:
    faults = check_report(FORMS, "niets", "koning", "  ", has_name=False, professional=False)
    assert [fault.code for fault in faults] == ["unknown-signal-type", "unknown-reporter-kind", "missing"]


def test_some_types_need_a_name_and_some_a_professional() -> None:
    named, closed = replace(KIND, needs_name=True), replace(KIND, is_for_professionals_only=True)

    def codes(
        kind: SignalType, *, has_name: bool = False, professional: bool = False, mode: Mode | None = None
    ) -> list[str]:
        forms = replace(FORMS, signal_types={kind.code: kind})
        found = check_report(
            forms, kind.code, "inwoner", "Rook.", has_name=has_name, professional=professional, mode=mode
        )
        return [f"{fault.pointer} {fault.code}" for fault in found]

    assert codes(named) == ["/contact/name name-needed"]
    assert codes(named, has_name=True) == []
    assert codes(named, has_name=True, mode=Mode.ANONYMOUS) == ["/mode name-needed"]
    assert codes(named, has_name=True, mode=Mode.CONFIDENTIAL) == []
    assert codes(closed) == ["/signalType unknown-signal-type"]
    assert codes(closed, professional=True) == []


def test_the_seed_is_complete() -> None:
    assert len(SEED.signal_types) == 22
    for kind in SEED.signal_types.values():
        codes = [question.code for question in (*kind.questions, *SEED.general_questions)]
        assert len(codes) == len(set(codes)), kind.code
        asked = set(codes)
        for rule in kind.urgency_rules:
            assert set(rule.when) <= asked, (kind.code, rule)
        for question in kind.questions:
            assert set(question.show_when) <= asked, (kind.code, question.code)
            if question.kind in {QuestionKind.CHOICE, QuestionKind.MULTI_CHOICE}:
                assert question.options, (kind.code, question.code)
