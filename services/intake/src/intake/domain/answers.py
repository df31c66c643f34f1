"""Which questions a report answers, what is wrong with the answers, and how urgent they make it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from intake.domain.faults import Fault, InvalidReport
from intake.domain.forms import URGENCIES, YES_NO_UNKNOWN, FormSet, Question, QuestionKind, SignalType

MAX_ANSWER = 2_000
MAX_NUMBER = 100_000
EARLIEST = date(1950, 1, 1)
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"\s*0*([0-9]{1,5}|100000)\s*")


@dataclass(frozen=True)
class Answers:
    """Valid answers, split by what may travel in clear."""

    choices: Mapping[str, str | tuple[str, ...]]
    prose: Mapping[str, str]


@dataclass(frozen=True)
class UrgencyDecision:
    """How urgent, and what to tell the reporter about it."""

    code: str
    explanation: str = ""


def check_answers(
    forms: FormSet, signal_type: SignalType, given: Mapping[str, object], *, professional: bool, today: date
) -> Answers:
    """The valid answers to a type's questions; raises `InvalidReport` with every fault.

    Conditions count on the server: an answer to a question that is not asked is a fault, and so is one to a
    question that this caller is never asked.
    """
    questions = {each.code: each for each in questions_of(forms, signal_type, professional=professional)}
    faults = [_unknown(code, questions) for code in given if code not in questions]
    choices: dict[str, str | tuple[str, ...]] = {}
    prose: dict[str, str] = {}
    for question in questions.values():
        value = given.get(question.code)
        fault = _check(question, value, _is_asked(question, given, questions), today)
        if fault:
            faults.append(fault)
        elif not _is_unanswered(question, value):
            _sort_in(question, value, choices, prose)
    if faults:
        raise InvalidReport(faults)
    return Answers(choices, prose)


def questions_of(forms: FormSet, kind: SignalType, *, professional: bool) -> tuple[Question, ...]:
    """Everything that this caller may be asked, in order."""
    every = (*kind.questions, *forms.general_questions)
    return tuple(each for each in every if professional or not each.for_professionals_only)


def last_day(today: date) -> date:
    """The newest day that an answer may name: a clock somewhere else may be ahead."""
    return today + timedelta(days=1)


def day_fault(pointer: str, text: object, today: date) -> Fault | None:
    """What is wrong with a day that was noticed, written as in ISO 8601."""
    day = None
    if isinstance(text, str) and _DAY.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
    if day is None:
        return Fault(pointer, "not-a-date", "Geef een datum als 2026-11-23.", "Give a date as 2026-11-23.")
    if not EARLIEST <= day <= last_day(today):
        return Fault(
            pointer, "not-in-the-past", "Geef een datum die al geweest is.", "Give a date that has been."
        )
    return None


def urgency_of(signal_type: SignalType, choices: Mapping[str, str | tuple[str, ...]]) -> UrgencyDecision:
    """The highest urgency of all rules that hold, else the type's own; multi-choice means 'contains'."""
    best = UrgencyDecision(signal_type.default_urgency)
    for rule in signal_type.urgency_rules:
        holds = all(_has(choices.get(code), wanted) for code, wanted in rule.when.items())
        if holds and URGENCIES.index(rule.urgency) < URGENCIES.index(best.code):
            best = UrgencyDecision(rule.urgency, rule.explanation)
    return best


def _has(answer: str | tuple[str, ...] | None, wanted: str) -> bool:
    return wanted in answer if isinstance(answer, tuple) else answer == wanted


def _sort_in(
    question: Question, value: object, choices: dict[str, str | tuple[str, ...]], prose: dict[str, str]
) -> None:
    if question.kind is QuestionKind.TEXT:
        prose[question.code] = str(value).strip()
    elif question.kind is QuestionKind.MULTI_CHOICE and isinstance(value, (list, tuple)):
        choices[question.code] = tuple(sorted({str(each) for each in value}))
    elif question.kind is QuestionKind.NUMBER:
        choices[question.code] = _plain(value)
    else:
        choices[question.code] = str(value)


def _plain(number: object) -> str:
    """The digits of a checked number, however it was written."""
    return number.strip().lstrip("0") or "0" if isinstance(number, str) else f"{number:.0f}"


def _is_unanswered(question: Question, value: object) -> bool:
    if question.kind is QuestionKind.TEXT and isinstance(value, str):
        return not value.strip()
    return value in (None, "", [])


def _is_asked(question: Question, given: Mapping[str, object], questions: Mapping[str, Question]) -> bool:
    return all(_says(questions.get(code), given.get(code), want) for code, want in question.show_when.items())


def _says(question: Question | None, value: object, wanted: str) -> bool:
    if question is not None and question.kind is QuestionKind.MULTI_CHOICE:
        return isinstance(value, (list, tuple)) and wanted in value
    return question is not None and value == wanted


def _check(question: Question, value: object, asked: bool, today: date) -> Fault | None:
    if _is_unanswered(question, value):
        return _missing(question) if question.is_required and asked else None
    if not asked:
        return _fault(
            question,
            "not-asked",
            "Deze vraag hoort niet bij deze melding; laat haar weg.",
            "This question is not asked here; leave it out.",
        )
    return _CHECKS[question.kind](question, value, today)


def _check_choice(question: Question, value: object, _today: date) -> Fault | None:
    options = YES_NO_UNKNOWN if question.kind is QuestionKind.YES_NO_UNKNOWN else question.options
    if isinstance(value, str) and value in options:
        return None
    listed = ", ".join(options)
    return _fault(question, "not-an-option", f"Kies een van: {listed}.", f"Choose one of: {listed}.")


def _check_multi_choice(question: Question, value: object, _today: date) -> Fault | None:
    if isinstance(value, (list, tuple)) and all(each in question.options for each in value):
        return None
    listed = ", ".join(question.options)
    return _fault(
        question, "not-an-option", f"Geef een lijst met keuzes uit: {listed}.", f"Give a list of: {listed}."
    )


def _check_text(question: Question, value: object, _today: date) -> Fault | None:
    if not isinstance(value, str):
        return _fault(question, "not-text", "Geef tekst.", "Give text.")
    if len(value) > MAX_ANSWER:
        return _fault(
            question,
            "too-long",
            f"Maak dit antwoord korter dan {MAX_ANSWER} tekens.",
            f"Keep this answer under {MAX_ANSWER} characters.",
        )
    return None


def _check_date(question: Question, value: object, today: date) -> Fault | None:
    return day_fault(f"/answers/{question.code}", value, today)


def _check_number(question: Question, value: object, _today: date) -> Fault | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return None if 0 <= value <= MAX_NUMBER and value == int(value) else _not_a_number(question)
    return _not_a_number(question)


def _not_a_number(question: Question) -> Fault:
    return _fault(
        question,
        "not-a-number",
        f"Geef een getal van 0 tot {MAX_NUMBER}.",
        f"Give a number from 0 to {MAX_NUMBER}.",
    )


_CHECKS: Mapping[QuestionKind, Callable[[Question, object, date], Fault | None]] = {
    QuestionKind.CHOICE: _check_choice,
    QuestionKind.YES_NO_UNKNOWN: _check_choice,
    QuestionKind.MULTI_CHOICE: _check_multi_choice,
    QuestionKind.TEXT: _check_text,
    QuestionKind.DATE: _check_date,
    QuestionKind.NUMBER: _check_number,
}


def _missing(question: Question) -> Fault:
    return _fault(
        question,
        "missing",
        f"Beantwoord de vraag: {question.label}",
        f"Answer the question '{question.code}'.",
    )


def _unknown(code: str, questions: Mapping[str, Question]) -> Fault:
    known = ", ".join(questions)
    return Fault(
        f"/answers/{code[:64]}",
        "unknown-question",
        f"Deze vraag bestaat niet. Wel: {known}.",
        f"There is no such question. There are: {known}.",
    )


def _fault(question: Question, code: str, dutch: str, english: str) -> Fault:
    return Fault(f"/answers/{question.code}", code, dutch, english)
