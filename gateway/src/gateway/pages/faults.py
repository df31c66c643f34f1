"""What is wrong with a report form, found here or told by intake: each with its field and its sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from common.mail_address import MAX_CHARACTERS, is_mail_address

from gateway.pages.carrying import CHOSEN_FIELD
from gateway.pages.filled import (
    ANSWER_PREFIX,
    LINES,
    LONGEST_MARK,
    MARK_FIELD,
    MOST_MARKS,
    Filled,
    iso_date,
    location_of,
)
from gateway.pages.questions import ANONYMOUS, Forms, SignalType

LONGEST_DESCRIPTION = 10_000
LONGEST_ANSWER = 2_000
LONGEST_LINE = 200
LONGEST_MAIL = MAX_CHARACTERS

_POINTERS: Mapping[str, str] = {
    "/description": "description",
    "/neighbourhood": "neighbourhood",
    "/address": "address",
    "/locationType": "location_type",
    "/observedOn": "observed_on",
    "/reporterKind": "reporter_kind",
    "/mode": "mode",
    "/contact/mail": "mail",
    "/contact/name": "name",
    "/contact/phone": "phone",
}
_BELOW: Mapping[str, str] = {"attachments": CHOSEN_FIELD, "location": "pin", "hide": MARK_FIELD}


@dataclass(frozen=True)
class Fault:
    """One thing wrong: the field's name ("" for the form as a whole) and its sentence, or a text's key."""

    field: str
    key: str = ""
    values: Mapping[str, object] | None = None
    sentence: str = ""


def faults_of(filled: Filled, kind: SignalType, forms: Forms, *, today: date) -> list[Fault]:
    """What the gateway can see to be wrong, so that all is told at once; intake decides in the end."""
    return [
        *_prose_faults(filled),
        *_answer_faults(filled, kind, forms, today),
        *_line_faults(filled, kind, forms),
        *_place_faults(filled),
        *_reporter_faults(filled, kind, forms),
        *_date_faults("observed_on", iso_date(filled.text("observed_on")), today),
        *_mark_faults(filled),
    ]


def faults_told(errors: Sequence[Mapping[str, str]], language: str) -> list[Fault]:
    """Intake's own errors by field; a sentence that it has only in English gives way to one of ours."""
    return [_told(error, language) for error in errors] or [Fault("", key="other")]


def _told(error: Mapping[str, str], language: str) -> Fault:
    pointer = error.get("pointer", "")
    english = error.get("messageEn", "")
    sentence = english if language == "en" else error.get("message", "") if english else ""
    parts = pointer.split("/")
    if pointer.startswith("/answers/"):
        name = ANSWER_PREFIX + parts[2]
    else:
        name = _POINTERS.get(pointer, "") or _BELOW.get(parts[1] if len(parts) > 1 else "", "")
    return Fault(name, key="wrong" if name else "other", sentence=sentence)


def _prose_faults(filled: Filled) -> Iterator[Fault]:
    description = filled.text("description")
    if not description.strip():
        yield Fault("description", key="description_missing")
    elif len(description) > LONGEST_DESCRIPTION:
        yield Fault("description", key="too_long", values={"count": LONGEST_DESCRIPTION})


def _answer_faults(filled: Filled, kind: SignalType, forms: Forms, today: date) -> Iterator[Fault]:
    given = filled.given(kind, forms)
    for question in forms.questions_of(kind).values():
        name, value = ANSWER_PREFIX + question.code, given.get(question.code, "")
        if not value or not str(value).strip():
            if question.is_required and question.is_asked(given):
                yield Fault(name, key="answer_missing", values={"question": question.label})
        elif question.kind == "tekst" and len(value) > LONGEST_ANSWER:
            yield Fault(name, key="too_long", values={"count": LONGEST_ANSWER})
        elif question.kind == "datum":
            yield from _date_faults(name, str(value), today)
        elif question.kind == "getal" and not str(value).strip().isdecimal():
            yield Fault(name, key="no_number")


def _line_faults(filled: Filled, kind: SignalType, forms: Forms) -> Iterator[Fault]:
    left_out = filled.left_out(kind, forms)
    for name in (each for each in LINES if each not in left_out):
        if len(filled.text(name).strip()) > LONGEST_LINE:
            yield Fault(name, key="too_long", values={"count": LONGEST_LINE})


def _place_faults(filled: Filled) -> Iterator[Fault]:
    pin = filled.text("pin").strip()
    if pin and location_of(pin) is None:
        yield Fault("pin", key="no_pin")


def _reporter_faults(filled: Filled, kind: SignalType, forms: Forms) -> Iterator[Fault]:
    mail = filled.text("mail").strip()
    if mail and not is_mail_address(mail):
        yield Fault("mail", key="no_mail")
    mode, name, phone = filled.mode(kind, forms), filled.text("name").strip(), filled.text("phone").strip()
    if forms.modes and mode not in forms.modes_for(kind):
        yield Fault("mode", key="no_mode")
    elif kind.needs_name and not name:
        yield Fault("name", key="name_needed")
    elif mode == "op-naam" and not name:
        yield Fault("name", key="name_missing")
    elif mode not in {"", ANONYMOUS} and not (name or phone):
        yield Fault("name", key="name_or_phone")


def _date_faults(name: str, text: str, today: date) -> Iterator[Fault]:
    if not text:
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        yield Fault(name, key="no_date")
        return
    if day > today or day.year < today.year - 60:
        yield Fault(name, key="not_past")


def _mark_faults(filled: Filled) -> Iterator[Fault]:
    mark = filled.text(MARK_FIELD)
    if not mark:
        return
    if len(filled.hide) >= MOST_MARKS:
        yield Fault(MARK_FIELD, key="too_many_marks", values={"count": MOST_MARKS})
    elif len(mark) > LONGEST_MARK:
        yield Fault(MARK_FIELD, key="too_long", values={"count": LONGEST_MARK})
    else:
        yield Fault(MARK_FIELD, key="no_mark")
