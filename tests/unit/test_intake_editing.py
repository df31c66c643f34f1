"""What is wrong with an edited form is told all at once, each fault at its place with its fix."""

import time
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from intake.documents import (
    GENERAL,
    GeneralDocument,
    TypeDocument,
    assembled_from,
    digest_of,
    general_of,
    kind_of,
    parts_of,
)
from intake.domain import General, Question, QuestionKind, SignalType, UrgencyRule
from intake.domain.editing import (
    MOST_CONDITIONS,
    MOST_FAULTS,
    MOST_OPTIONS,
    MOST_QUESTIONS,
    MOST_RULES,
    faults_of_general,
    faults_of_type,
)
from intake.seed import load_seed

SEED = load_seed()
SHARED = General(SEED.general_questions, SEED.reporter_roles, SEED.location_types, SEED.out_of_scope)
KIND = SEED.signal_types["hennepteelt"]

#: Changing the seed takes a newer `versie`, or no municipality would ever adopt it.
SEED_DIGESTS = {"2026-11-23": "effd5a991726ca83"}


def faults(kind: SignalType, general: General = SHARED) -> set[tuple[str, str]]:
    """Place and code of everything wrong with the type."""
    found = faults_of_type(kind, "hennepteelt", general, reserved=GENERAL)
    assert all(each.dutch and each.english for each in found)
    return {(each.pointer, each.code) for each in found}


def one(pointer: str, code: str) -> set[tuple[str, str]]:
    return {(pointer, code)}


def ask(*questions: Question) -> SignalType:
    return replace(KIND, questions=questions, urgency_rules=())


def choice(code: str, **more: Any) -> Question:
    return Question(code, "Wat?", QuestionKind.CHOICE, **{"options": ("een", "twee"), **more})


@pytest.mark.parametrize("code", sorted(SEED.signal_types))
def test_every_type_of_the_seed_is_right(code: str) -> None:
    assert faults_of_type(SEED.signal_types[code], code, SHARED, reserved=GENERAL) == []


def test_the_general_part_of_the_seed_is_right() -> None:
    assert faults_of_general(SHARED) == []


def test_a_form_is_the_same_after_it_was_written_and_read() -> None:
    parts = parts_of(SEED)
    assert assembled_from(1, parts) == replace(SEED, seed_version="")
    for code, document in parts.items():
        again = type(document).model_validate_json(document.model_dump_json(by_alias=True))
        assert digest_of(again) == digest_of(document), code


def test_a_changed_seed_has_a_newer_version() -> None:
    digests = [digest_of(document) for _, document in sorted(parts_of(SEED).items())]
    found = sha256(b"".join(digests)).hexdigest()[:16]
    assert SEED_DIGESTS.get(SEED.seed_version) == found, (
        f"give the seed a newer versie; its digest is {found}"
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (replace(KIND, code="ander"), {("/code", "code-changed")}),
        (replace(KIND, name="  "), {("/name", "missing")}),
        (replace(KIND, name="x" * 301), {("/name", "too-long")}),
        (replace(KIND, description=""), {("/description", "missing")}),
        (replace(KIND, safety_tip=""), set()),
        (replace(KIND, indicators=("a", "a")), {("/indicators/1", "repeated")}),
        (replace(KIND, indicators=("",)), {("/indicators/0", "missing")}),
        (replace(KIND, indicators=tuple(map(str, range(61)))), {("/indicators", "too-many")}),
        (
            replace(KIND, indicators_by_role={"ridder": ("a",)}),
            one("/indicatorsByRole/ridder", "unknown-role"),
        ),
        (replace(KIND, indicators_by_role={"boa": (" ",)}), {("/indicatorsByRole/boa/0", "missing")}),
        (replace(KIND, department="OOV"), {("/department", "not-a-code")}),
        (replace(KIND, readers=("vth", "vth")), {("/readers/1", "repeated")}),
        (replace(KIND, partners=("Politie!",)), {("/partners/0", "not-a-code")}),
        (replace(KIND, default_urgency="vlug"), {("/defaultUrgency", "unknown-urgency")}),
        (ask(choice("A b")), {("/questions/0/code", "not-a-code")}),
        (
            ask(choice("a"), choice("a")),
            one("/questions/0/code", "repeated") | one("/questions/1/code", "repeated"),
        ),
        (ask(choice("waargenomen")), {("/questions/0/code", "repeated")}),
        (ask(replace(choice("a"), label=" ")), {("/questions/0/label", "missing")}),
        (ask(choice("a", options=())), {("/questions/0/options", "missing")}),
        (ask(choice("a", options=("een", "een"))), {("/questions/0/options/1", "repeated")}),
        (ask(choice("a", options=("Een",))), {("/questions/0/options/0", "not-a-code")}),
        (
            ask(choice("a", options=tuple(f"o{n}" for n in range(MOST_OPTIONS + 1)))),
            {("/questions/0/options", "too-many")},
        ),
        (
            ask(choice("a", option_labels={"drie": "3"})),
            one("/questions/0/optionLabels/drie", "not-an-option"),
        ),
        (ask(choice("a", option_labels={"een": ""})), {("/questions/0/optionLabels/een", "missing")}),
        (
            ask(Question("a", "Wat?", QuestionKind.TEXT, options=("een",))),
            {("/questions/0/options", "no-options-here")},
        ),
        (ask(choice("a", show_when={"b": "een"})), {("/questions/0/showWhen/b", "unknown-question")}),
        (ask(choice("a", show_when={"b": "een"}), choice("b")), {("/questions/0/showWhen/b", "comes-later")}),
        (
            ask(choice("a"), choice("b", show_when={"a": "drie"})),
            one("/questions/1/showWhen/a", "not-an-option"),
        ),
        (
            ask(Question("a", "Wat?", QuestionKind.TEXT), choice("b", show_when={"a": "ja"})),
            {("/questions/1/showWhen/a", "not-a-choice")},
        ),
        (ask(choice("a", show_when={"a": "een"})), {("/questions/0/showWhen/a", "cycle")}),
        (
            ask(choice("a", show_when={"b": "een"}), choice("b", show_when={"a": "een"})),
            {("/questions/0/showWhen/b", "cycle"), ("/questions/1/showWhen/a", "cycle")},
        ),
        (ask(choice("a"), choice("b", show_when={"a": "een"})), set()),
        (
            ask(*(choice(f"q{n}") for n in range(MOST_QUESTIONS + 1))),
            {("/questions", "too-many")},
        ),
        (
            replace(KIND, urgency_rules=(UrgencyRule({"kleur": "ja"}, "hoog"),)),
            {("/urgencyRules/0/when/kleur", "unknown-question")},
        ),
        (
            replace(KIND, urgency_rules=(UrgencyRule({"geur": "zoet"}, "nu"),)),
            {("/urgencyRules/0/when/geur", "not-an-option"), ("/urgencyRules/0/urgency", "unknown-urgency")},
        ),
        (replace(KIND, urgency_rules=(UrgencyRule({}, "hoog"),)), {("/urgencyRules/0/when", "missing")}),
        (
            replace(KIND, urgency_rules=(UrgencyRule({"geur": "vaak"}, "hoog"),) * (MOST_RULES + 1)),
            {("/urgencyRules", "too-many")},
        ),
    ],
)
def test_a_fault_in_a_type_is_named_at_its_place(kind: SignalType, expected: set[tuple[str, str]]) -> None:
    assert faults(kind) == expected


def test_the_code_of_the_general_part_is_nobodys() -> None:
    found = faults_of_type(replace(KIND, code=GENERAL), GENERAL, SHARED, reserved=GENERAL)
    assert [(each.pointer, each.code) for each in found] == [("/code", "not-a-code")]


@pytest.mark.parametrize(
    ("general", "expected"),
    [
        (replace(SHARED, reporter_roles=("boa",)), {("/reporterRoles", "no-default")}),
        (replace(SHARED, reporter_roles=("inwoner", "inwoner")), {("/reporterRoles/1", "repeated")}),
        (replace(SHARED, location_types=("Een Flat",)), {("/locationTypes/0", "not-a-code")}),
        (replace(SHARED, out_of_scope=(("spoed", "", "Bel."),)), {("/outOfScope/0/name", "missing")}),
        (replace(SHARED, out_of_scope=(("spoed", "Nu", " "),)), {("/outOfScope/0/redirect", "missing")}),
        (
            replace(SHARED, out_of_scope=(("spoed", "Nu", "Bel."),) * 2),
            {("/outOfScope/1/code", "repeated")},
        ),
        (
            replace(SHARED, questions=(choice("a", show_when={"geur": "ja"}),)),
            {("/generalQuestions/0/showWhen/geur", "unknown-question")},
        ),
    ],
)
def test_a_fault_in_the_general_part_is_named_at_its_place(
    general: General, expected: set[tuple[str, str]]
) -> None:
    assert {(each.pointer, each.code) for each in faults_of_general(general)} == expected


def test_documents_keep_everything_of_a_type() -> None:
    document = parts_of(SEED)["hennepteelt"]
    assert isinstance(document, TypeDocument)
    assert kind_of(document) == KIND
    shared = parts_of(SEED)[GENERAL]
    assert isinstance(shared, GeneralDocument)
    assert general_of(shared) == SHARED


def test_of_a_form_where_all_is_wrong_the_first_faults_are_told() -> None:
    found = faults_of_type(replace(KIND, indicators=("",) * 80_000), "hennepteelt", SHARED, reserved=GENERAL)
    assert len(found) == MOST_FAULTS
    assert found[0].pointer == "/indicators"


def test_a_question_has_few_conditions_and_many_take_no_time() -> None:
    asked = [choice("q0")]
    for number in range(1, 300):
        asked.append(choice(f"q{number}", show_when={each.code: "een" for each in asked}))
    started = time.process_time()
    found = faults(ask(*asked))
    assert time.process_time() - started < 1
    assert ("/questions", "too-many") in found
    assert (f"/questions/{MOST_CONDITIONS + 1}/showWhen", "too-many") in found
    assert (f"/questions/{MOST_CONDITIONS}/showWhen", "too-many") not in found
